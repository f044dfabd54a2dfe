#pragma once
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "racing/lap_testing.h"

namespace slipstream::lap_testing {

inline constexpr std::int64_t kStartNs = 1'760'000'000 * kNsPerSecond;
inline constexpr double kLengthM = 1'000;
inline constexpr double kMps = 50;  // twenty seconds a lap

inline std::int64_t at_s(double seconds) {
  return kStartNs + std::llround(seconds * 1e9);
}

/// A car that drives evenly; lap 1 is joined in its middle.
inline Told even_point(double seconds, const std::string& chassis = "car") {
  const double metres = kLengthM / 2 + kMps * seconds;
  const double laps = std::floor(metres / kLengthM);
  return {.ns = at_s(seconds),
          .lap = static_cast<std::int16_t>(1 + laps),
          .lapdist_m = metres - laps * kLengthM,
          .speed_kmh = kMps * 3.6,
          .sector = 0,
          .sequence = static_cast<std::uint64_t>(std::llround(seconds * 25)) + 1,
          .chassis = chassis};
}

inline std::vector<Told> even_points(double from_s, double to_s,
                                     const std::string& chassis = "car") {
  std::vector<Told> points;
  for (int i = static_cast<int>(std::lround(from_s * 25)); i < std::lround(to_s * 25); ++i) {
    points.push_back(even_point(i / 25.0, chassis));
  }
  return points;
}

class EvenLapsTest : public testing::Test {
 protected:
  void give(const std::vector<Told>& points) {
    observer.observe(told_batch(schema.fields(), points));
    kept.take(observer, false);
  }
  void checkpoint() { kept.take(observer, true); }

  Schema schema;
  LapCounts counts;
  LapObserver observer{schema.fields(), nullptr, counts};
  Kept kept;
};

}  // namespace slipstream::lap_testing
