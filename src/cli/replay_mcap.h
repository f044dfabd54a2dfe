#pragma once
#include <filesystem>

#include "cli/commands.h"
#include "cli/point_sender.h"

namespace slipstream {

/// By its first bytes.
bool is_mcap(const std::filesystem::path& file);

/// Sends the JSON messages of an MCAP file as points and marks, in the file's order, paced by when
/// they were logged; the file is read as it goes. A message that names no track or no machine gets
/// them by its channel (McapPoints). What cannot be read is told. Returns the exit code: success
/// only where all of it was sent, and taken as far as somebody says so.
int replay_mcap(const ReplayOptions& options, PointSender& sender, double speed);

}  // namespace slipstream
