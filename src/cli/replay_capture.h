#pragma once
#include "cli/commands.h"
#include "cli/point_sender.h"

namespace slipstream {

/// Sends what a capture holds. By UDP its datagrams as they are, in their own time; elsewhere the
/// points that they make, on the clock of the capture. What cannot be read is told. Returns the
/// exit code: success only where all of it was sent, and taken as far as somebody says so.
int replay_capture_datagrams(const ReplayOptions& options, UdpDatagrams& sender, double speed);
int replay_capture_points(const ReplayOptions& options, PointSender& sender, double speed);

}  // namespace slipstream
