#include "racing/track_line.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "base/check.h"

namespace slipstream {

TrackLine::TrackLine(std::vector<PlanePoint> nodes, double length_m)
    : nodes_(std::move(nodes)), length_m_(length_m) {
  CHECK(nodes_.size() >= 3 && length_m_ > 0, "a closed line has three nodes at least");
}

PlanePoint TrackLine::at(double distance_m) const {
  const double n = static_cast<double>(nodes_.size());
  double place = std::fmod(distance_m / step_m(), n);
  if (place < 0) place += n;
  const auto node = std::min(static_cast<std::size_t>(place), nodes_.size() - 1);
  const double share = place - static_cast<double>(node);
  const PlanePoint& a = nodes_[node];
  const PlanePoint& b = nodes_[(node + 1) % nodes_.size()];
  return {a.x_m + (b.x_m - a.x_m) * share, a.y_m + (b.y_m - a.y_m) * share};
}

PlanePoint TrackLine::direction_at(double distance_m) const {
  const PlanePoint before = at(distance_m - step_m());
  const PlanePoint behind = at(distance_m + step_m());
  const double length = std::hypot(behind.x_m - before.x_m, behind.y_m - before.y_m);
  if (length <= 0) return {1, 0};
  return {(behind.x_m - before.x_m) / length, (behind.y_m - before.y_m) / length};
}

TrackLine::Place TrackLine::project(PlanePoint point, double expected_m, double reach_m) const {
  const auto n = static_cast<std::int64_t>(nodes_.size());
  const double step = step_m();
  const auto from = static_cast<std::int64_t>(std::floor((expected_m - reach_m) / step));
  const auto to = static_cast<std::int64_t>(std::ceil((expected_m + reach_m) / step));
  Place nearest{expected_m, 0};
  double least = std::numeric_limits<double>::infinity();
  const auto node = [&](std::int64_t k) {
    return nodes_[static_cast<std::size_t>((k % n + n) % n)];
  };
  for (std::int64_t k = from; k < std::min(to, from + n); ++k) {
    const PlanePoint a = node(k);
    const PlanePoint b = node(k + 1);
    const double dx = b.x_m - a.x_m;
    const double dy = b.y_m - a.y_m;
    const double length2 = dx * dx + dy * dy;
    const double px = point.x_m - a.x_m;
    const double py = point.y_m - a.y_m;
    const double share = length2 > 0 ? std::clamp((px * dx + py * dy) / length2, 0.0, 1.0) : 0;
    const double off_x = px - share * dx;
    const double off_y = py - share * dy;
    const double away2 = off_x * off_x + off_y * off_y;
    if (away2 >= least) continue;
    least = away2;
    const double side = dx * py - dy * px;
    nearest = {(static_cast<double>(k) + share) * step, side >= 0 ? away2 : -away2};
  }
  nearest.offset_m = std::copysign(std::sqrt(std::abs(nearest.offset_m)), nearest.offset_m);
  return nearest;
}

}  // namespace slipstream
