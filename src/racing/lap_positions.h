#pragma once
#include <vector>

#include "racing/lap_path.h"
#include "racing/track_line.h"

namespace slipstream {

/// How far along the line a projection may be from where the lap is expected.
inline constexpr double kProjectionReachM = 60;

/// Where on the track line each reading of a complete lap is: 0 at time 0, the line's length at the
/// lap's time, never going back. Where the lap and the line have positions, a reading is projected
/// on the line near where the distance says it is; the noise of positions, over a second or so, is
/// evened out against the distance. Where they have none, the distance is scaled to the line's
/// length. NaN where nothing tells; empty: nothing tells of this lap.
std::vector<double> lap_positions(const LapPath& lap, const TrackLine& line);

}  // namespace slipstream
