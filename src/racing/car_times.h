#pragma once
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>

#include "racing/timed_lap.h"

namespace slipstream {

/// Keeps of each sector the least time.
void keep_best(PerSector& best, std::int32_t sector, double seconds);

/// The times of one car's laps and sectors, as its laps are told from time to time (LapTimes): what
/// was told of a lap last holds, and a lap that is not there any more was taken back. Memory: of
/// kMostLaps laps. Threads: one.
class CarTimes {
 public:
  static constexpr std::size_t kMostLaps = 512;

  void take(TimedLaps newest);

  /// Of the lap before the one that is being driven; nothing: it is not known.
  std::optional<double> last_lap_s() const;
  /// Of laps that count.
  std::optional<double> best_lap_s() const;
  /// The newest time of each sector.
  PerSector sector_times_s() const;
  /// The best time of each, of laps that count.
  PerSector best_sectors_s() const;

 private:
  EventTime activity_ = {};
  std::deque<TimedLap> laps_;  // in their order; the last one may be running
};

}  // namespace slipstream
