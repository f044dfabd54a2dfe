#pragma once
#include <cstdint>
#include <limits>

#include "base/clock.h"

namespace slipstream {

inline constexpr double kMpsOfKmh = 1 / 3.6;

/// Times of sources may be centuries apart, which no number of nanoseconds tells: then the furthest
/// that one tells.
constexpr std::int64_t ns_between(EventTime from, EventTime to) {
  std::int64_t apart = 0;
  if (!__builtin_sub_overflow(to.ns, from.ns, &apart)) return apart;
  return to > from ? std::numeric_limits<std::int64_t>::max()
                   : std::numeric_limits<std::int64_t>::min();
}

inline double seconds_between(EventTime from, EventTime to) {
  return static_cast<double>(ns_between(from, to)) / 1e9;
}

inline double mean_mps(double from_kmh, double to_kmh) {
  return (from_kmh + to_kmh) / 2 * kMpsOfKmh;
}

/// The metres between two samples by the speeds that they tell; NaN where they tell none. A sample
/// has `when` and `speed_kmh`.
template <typename Sample>
double driven_m(const Sample& from, const Sample& to) {
  return mean_mps(from.speed_kmh, to.speed_kmh) * seconds_between(from.when, to.when);
}

}  // namespace slipstream
