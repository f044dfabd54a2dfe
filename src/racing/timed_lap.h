#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "racing/insights.h"

namespace slipstream {

/// A lap's times as they are known now: once it has closed those that it is told with (Lap), and
/// while it is being driven those of the sectors that are over, which it is told with where nothing
/// makes it doubtful later.
struct TimedLap {
  std::int32_t lap = 0;
  std::uint32_t repeat = 0;
  bool is_running = false;
  bool is_valid = true;  ///< its source does not call it invalid
  std::optional<double> lap_time_s = {};
  /// By number. Of a running lap the last one is the sector at hand.
  std::vector<std::optional<double>> sector_times_s = {};
};

/// The newest laps of what a machine is at.
struct TimedLaps {
  EventTime activity = {};          ///< its first point: another one's laps are counted anew
  std::vector<TimedLap> laps = {};  ///< in their order; the last one may be running
};

/// Of each sector the newest time: of the lap that is being driven where that is beyond it, else of
/// the lap before. Where that lap has none, there is none: an older one would be no news.
PerSector newest_sector_times(const std::vector<TimedLap>& laps);
inline constexpr std::size_t kLapsOfNewestTimes = 2;  ///< that it looks at

/// Who knows the times of a partition's machines. Threads: the partition's worker.
class LapTimes {
 public:
  virtual ~LapTimes() = default;
  /// At most so many. `series_hash`: the machine's (Point), whose number may have been another's.
  virtual TimedLaps times_of(std::uint32_t machine, std::uint64_t series_hash,
                             std::size_t most) const = 0;
};

}  // namespace slipstream
