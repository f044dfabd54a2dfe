#pragma once
#include "base/clock.h"

namespace slipstream {

inline constexpr double kMpsOfKmh = 1 / 3.6;

inline double seconds_between(EventTime from, EventTime to) {
  return static_cast<double>(to.ns - from.ns) / 1e9;
}

}  // namespace slipstream
