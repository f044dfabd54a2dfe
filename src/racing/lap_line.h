#pragma once
#include <optional>
#include <vector>

#include "racing/lap_path.h"
#include "racing/track_line.h"

namespace slipstream {

/// A lap that has positions all around, and the line that it tells alone.
struct LapLine {
  const LapPath* lap;
  double driven_m;                ///< as its distance or speed tells it, else its path
  std::vector<PlanePoint> nodes;  ///< at even shares of what was driven
};

/// Nothing: it has no positions, or not all around (a gap of more than 100 m).
std::optional<LapLine> line_of_lap(const LapPath& lap);

/// The closed curve through these, in even steps of about TrackLine::kStepM that begin so far
/// behind the first of them. Nothing: it is longer than kMostTrackM.
std::optional<TrackLine> evenly(const std::vector<PlanePoint>& points, double begin_m = 0);

}  // namespace slipstream
