#pragma once
#include <filesystem>

#include "cli/commands.h"
#include "cli/point_sender.h"

namespace slipstream {

/// By its name (`.ibt`, packed or not) or by its first bytes.
bool is_ibt(const std::filesystem::path& file);

/// Sends the records of an iRacing telemetry file as points, paced by the session's clock. The file
/// is held in memory. What cannot be read is told. Returns the exit code: success only where all of
/// it was sent, and taken as far as somebody says so.
int replay_ibt(const ReplayOptions& options, PointSender& sender, double speed);

}  // namespace slipstream
