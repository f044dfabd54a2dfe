#include "racing/lap_positions.h"

#include <algorithm>
#include <cmath>

#include "racing/way_along_line.h"

namespace slipstream {

std::vector<double> lap_positions(const LapPath& lap, const TrackLine& line) {
  const double length = line.length_m();
  const std::vector<double> around = scaled_distance(lap, length);
  if (around.empty() || !line.has_shape() || lap.x_m.empty() || lap.y_m.empty()) return around;
  const auto way = way_of_lap(lap, line, around);
  if (!way) return around;
  WayAlongLine::Places places(*way);
  std::vector<double> found;
  double furthest = 0;
  for (const double metres : around) {
    if (!std::isnan(metres)) furthest = std::clamp(places.at(metres), furthest, length);
    found.push_back(std::isnan(metres) ? metres : furthest);
  }
  return found;
}

}  // namespace slipstream
