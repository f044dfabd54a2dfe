#pragma once
#include <optional>
#include <span>

#include "racing/lap_path.h"

namespace slipstream {

/// What a figure that grows along a lap is at time 0 and at the lap's time.
struct LapEnds {
  double begin_m;
  double end_m;
};
/// Straight on from the readings beside the ends, by the speed of a second there. Nothing: no
/// reading is within 3 s of an end.
std::optional<LapEnds> ends_of(const LapPath& lap, std::span<const double> metres);

}  // namespace slipstream
