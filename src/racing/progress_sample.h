#pragma once
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "model/partition_id.h"
#include "racing/timed_lap.h"

namespace slipstream {

/// Where a car was at an instant, as its source told. NaN: it did not.
struct ProgressSample {
  static constexpr double kAbsent = std::numeric_limits<double>::quiet_NaN();

  EventTime when;
  ArrivalTime arrival;
  std::int32_t lap = 0;
  std::int32_t sector = -1;  ///< -1: unknown
  double lapdist_m = kAbsent;
  double speed_kmh = kAbsent;
  double session_number = kAbsent;  ///< where the source names its session so
  double pit_status = kAbsent;      ///< 0 none, 1 pitting, 2 in the pit area
  double tyre_age_laps = kAbsent;
  std::uint32_t received = 0;  ///< points since the sample before, this one's among them
  std::uint32_t missing = 0;   ///< likewise, holes in the numbers of points
};

inline std::int64_t milliseconds_of(ArrivalTime time) {
  return time.ns / kNsPerMs;
}

/// One car's samples since it was told of last, in order of arrival.
struct CarSamples {
  static constexpr std::size_t kMostTimed = 8;  ///< laps that may change yet

  std::string track;
  std::string chassis;
  std::optional<std::string> session;   ///< what the source calls it; nothing: as before
  std::optional<std::string> compound;  ///< of its tyres, likewise
  bool counts_points = false;           ///< its points have numbers
  std::optional<TimedLaps> timed;       ///< its newest laps, likewise
  std::vector<ProgressSample> samples;
};

/// Takes where the cars of a partition were.
/// Threads: any worker.
class ProgressSink {
 public:
  virtual ~ProgressSink() = default;
  virtual void accept(PartitionId partition, std::vector<CarSamples> cars) = 0;
};

}  // namespace slipstream
