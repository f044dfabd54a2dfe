#pragma once
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "cli/motec_writer.h"
#include "history/machine_points.h"
#include "model/stored_laps.h"

namespace slipstream {

/// A machine's points and laps on one axis of seconds on which laps last as long as they took. What
/// was taken back by a flashback takes none of it: a lap of which some was driven twice goes by the
/// session's time. Between laps, and where a lap's own time and its points differ by more than a
/// second, it is the time between the points; the first lap begins so long before its end as it
/// took, behind the wait on the grid.
struct LogAxis {
  EventTime began = {};         ///< where it begins
  std::vector<double> seconds;  ///< of each point, never falling
  std::vector<MotecLap> laps;
  double duration_s = 0;
};

/// `laps`: by their beginning. `session_time`: the field that tells the session's time.
LogAxis make_log_axis(const MachinePoints& points, std::span<const StoredLap> laps,
                      const std::string& session_time);

}  // namespace slipstream
