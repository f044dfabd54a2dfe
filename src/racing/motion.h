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

}  // namespace slipstream
