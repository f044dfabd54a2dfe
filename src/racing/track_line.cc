#include "racing/track_line.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <utility>

#include "base/check.h"
#include "racing/lap_positions.h"

namespace slipstream {
namespace {

constexpr double kSmoothM = 15;  // either way of a node, that its place is fitted to
constexpr double kWidestGapM = 100;
constexpr double kMostOffsetM = 25;  // from the line: what is further off is not on the track

struct PathPoint {
  double share;  ///< of the lap's length
  double x_m;
  double y_m;
};

/// The lap's positions by how far around they are; empty: it has none all around.
std::vector<PathPoint> points_around(const LapPath& lap) {
  if (lap.x_m.empty() || lap.y_m.empty()) return {};
  std::vector<double> around = scaled_distance(lap, 1.0);
  double length = driven_length(lap);
  if (around.empty()) {
    // By the path itself: its noise makes it longer everywhere alike.
    LapPath by_path = lap;
    by_path.distance_m.assign(lap.size(), std::numeric_limits<double>::quiet_NaN());
    double sum = 0;
    std::size_t last = lap.size();
    for (std::size_t i = 0; i < lap.size(); ++i) {
      if (std::isnan(lap.x_m[i]) || std::isnan(lap.y_m[i])) continue;
      if (last < lap.size()) {
        sum += std::hypot(lap.x_m[i] - lap.x_m[last], lap.y_m[i] - lap.y_m[last]);
      }
      by_path.distance_m[i] = sum;
      last = i;
    }
    around = scaled_distance(by_path, 1.0);
    length = driven_length(by_path);
  }
  std::vector<PathPoint> points;
  for (std::size_t i = 0; i < around.size(); ++i) {
    const bool is_known = !std::isnan(lap.x_m[i]) && !std::isnan(lap.y_m[i]) &&
                          !std::isnan(around[i]) && lap.time_s[i] >= 0 &&
                          lap.time_s[i] <= lap.lap_time_s;
    if (!is_known) continue;
    if (!points.empty() && (around[i] - points.back().share) * length > kWidestGapM) return {};
    points.push_back({around[i], lap.x_m[i], lap.y_m[i]});
  }
  const bool is_around = points.size() >= 20 && length > 10 * kSmoothM && length < kMostTrackM &&
                         (points.front().share + 1 - points.back().share) * length <= kWidestGapM;
  return is_around ? points : std::vector<PathPoint>{};
}

/// What a parabola through values at places, which are relative to where it is asked, has at 0.
class LocalFit {
 public:
  void add(double place, double value) {
    const double reach = place / kSmoothM;
    const double weight = 1 - reach * reach;
    if (weight <= 0) return;
    double power = weight;
    for (double& sum : sums_) {
      sum += power;
      power *= reach;
    }
    power = weight * value;
    for (double& sum : products_) {
      sum += power;
      power *= reach;
    }
    ++count_;
  }
  std::optional<double> value() const {
    const auto& [s0, s1, s2, s3, s4] = sums_;
    if (count_ == 0) return std::nullopt;
    const double determinant =
        s0 * (s2 * s4 - s3 * s3) - s1 * (s1 * s4 - s3 * s2) + s2 * (s1 * s3 - s2 * s2);
    if (count_ < 5 || determinant < 1e-6 * s0 * s0 * s0) return products_[0] / s0;
    const double numerator = products_[0] * (s2 * s4 - s3 * s3) -
                             s1 * (products_[1] * s4 - s3 * products_[2]) +
                             s2 * (products_[1] * s3 - s2 * products_[2]);
    return numerator / determinant;
  }

 private:
  double sums_[5] = {};
  double products_[3] = {};
  std::size_t count_ = 0;
};

/// Calls `take` with each of the points within kSmoothM of the node, and how far behind it is.
template <typename Point, typename PlaceOf, typename Take>
void for_near(const std::vector<Point>& points, PlaceOf place_of, double at_m, double length_m,
              Take take) {
  const auto from = [&](double place) {
    return std::ranges::lower_bound(points, place, {}, place_of);
  };
  for (const double turn : {-length_m, 0.0, length_m}) {
    const double around = at_m + turn;
    for (auto it = from(around - kSmoothM);
         it != points.end() && std::invoke(place_of, *it) <= around + kSmoothM; ++it) {
      take(*it, std::invoke(place_of, *it) - around);
    }
  }
}

/// What is missing is put straight between its neighbours, around the ring.
bool close_gaps(std::vector<std::optional<PlanePoint>>& nodes) {
  const std::size_t n = nodes.size();
  const auto first = std::ranges::find_if(nodes, [](const auto& node) { return node.has_value(); });
  if (first == nodes.end()) return false;
  const auto begin = static_cast<std::size_t>(first - nodes.begin());
  std::size_t known = begin;
  for (std::size_t k = begin + 1; k <= begin + n; ++k) {
    const auto& to = nodes[k % n];
    if (!to) continue;
    const PlanePoint from = *nodes[known % n];
    for (std::size_t gap = known + 1; gap < k; ++gap) {
      const double share = static_cast<double>(gap - known) / static_cast<double>(k - known);
      nodes[gap % n] = PlanePoint{from.x_m + (to->x_m - from.x_m) * share,
                                  from.y_m + (to->y_m - from.y_m) * share};
    }
    known = k;
  }
  return true;
}

/// The closed line through these, in even steps that begin at the first of them.
TrackLine evenly(const std::vector<PlanePoint>& points) {
  std::vector<double> along = {0};
  for (std::size_t i = 0; i < points.size(); ++i) {
    const PlanePoint& a = points[i];
    const PlanePoint& b = points[(i + 1) % points.size()];
    along.push_back(along.back() + std::hypot(b.x_m - a.x_m, b.y_m - a.y_m));
  }
  const double length = along.back();
  const auto count =
      std::max<std::size_t>(8, static_cast<std::size_t>(std::llround(length / TrackLine::kStepM)));
  std::vector<PlanePoint> nodes;
  std::size_t at = 0;
  for (std::size_t k = 0; k < count; ++k) {
    const double place = length * static_cast<double>(k) / static_cast<double>(count);
    while (at + 1 < points.size() && along[at + 1] <= place) ++at;
    const double width = along[at + 1] - along[at];
    const double share = width > 0 ? (place - along[at]) / width : 0;
    const PlanePoint& a = points[at];
    const PlanePoint& b = points[(at + 1) % points.size()];
    nodes.push_back({a.x_m + (b.x_m - a.x_m) * share, a.y_m + (b.y_m - a.y_m) * share});
  }
  return {std::move(nodes), length};
}

/// The line of one lap alone.
std::optional<TrackLine> line_of(const LapPath& lap) {
  auto points = points_around(lap);
  if (points.empty()) return std::nullopt;
  double length = driven_length(lap);
  if (length <= 0) {
    for (std::size_t i = 0; i < points.size(); ++i) {
      const auto& next = points[(i + 1) % points.size()];
      length += std::hypot(next.x_m - points[i].x_m, next.y_m - points[i].y_m);
    }
  }
  for (auto& point : points) point.share *= length;
  const auto count = static_cast<std::size_t>(std::ceil(length / TrackLine::kStepM));
  std::vector<std::optional<PlanePoint>> nodes(count);
  for (std::size_t k = 0; k < count; ++k) {
    LocalFit x;
    LocalFit y;
    const double place = length * static_cast<double>(k) / static_cast<double>(count);
    for_near(points, &PathPoint::share, place, length, [&](const PathPoint& p, double behind) {
      x.add(behind, p.x_m);
      y.add(behind, p.y_m);
    });
    if (x.value() && y.value()) nodes[k] = PlanePoint{*x.value(), *y.value()};
  }
  if (!close_gaps(nodes)) return std::nullopt;
  std::vector<PlanePoint> line;
  for (const auto& node : nodes) line.push_back(*node);
  return evenly(line);
}

struct Offset {
  double distance_m;
  double offset_m;
};

/// How far beside the line the lap passes each node; nothing: it is not known there.
std::vector<std::optional<double>> offsets_of(const LapPath& lap, const TrackLine& line) {
  const std::vector<double> around = scaled_distance(lap, line.length_m());
  std::vector<Offset> offsets;
  double expected_off = 0;
  for (std::size_t i = 0; i < around.size(); ++i) {
    const bool is_known = !std::isnan(lap.x_m[i]) && !std::isnan(lap.y_m[i]) &&
                          !std::isnan(around[i]) && lap.time_s[i] >= 0 &&
                          lap.time_s[i] <= lap.lap_time_s;
    if (!is_known) continue;
    const auto place =
        line.project({lap.x_m[i], lap.y_m[i]}, around[i] + expected_off, kProjectionReachM);
    if (std::abs(place.offset_m) > kMostOffsetM) continue;
    expected_off = place.distance_m - around[i];
    offsets.push_back({place.distance_m, place.offset_m});
  }
  std::ranges::sort(offsets, {}, &Offset::distance_m);
  std::vector<std::optional<double>> at_nodes;
  for (std::size_t k = 0; k < line.nodes().size(); ++k) {
    LocalFit fit;
    for_near(offsets, &Offset::distance_m, static_cast<double>(k) * line.step_m(), line.length_m(),
             [&](const Offset& offset, double behind) { fit.add(behind, offset.offset_m); });
    at_nodes.push_back(fit.value());
  }
  return at_nodes;
}

double middle_of(std::vector<double> values) {
  std::ranges::sort(values);
  const std::size_t n = values.size();
  return n % 2 == 1 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

/// The line, moved to where the middle one of the laps passes.
TrackLine moved_to(const TrackLine& line, std::span<const LapPath* const> laps) {
  std::vector<std::vector<double>> offsets(line.nodes().size());
  for (const LapPath* lap : laps) {
    const auto of_lap = offsets_of(*lap, line);
    for (std::size_t k = 0; k < of_lap.size(); ++k) {
      if (of_lap[k]) offsets[k].push_back(*of_lap[k]);
    }
  }
  std::vector<PlanePoint> nodes;
  for (std::size_t k = 0; k < offsets.size(); ++k) {
    const PlanePoint& node = line.nodes()[k];
    const double offset = offsets[k].empty() ? 0 : middle_of(std::move(offsets[k]));
    const PlanePoint ahead = line.direction_at(static_cast<double>(k) * line.step_m());
    nodes.push_back({node.x_m - ahead.y_m * offset, node.y_m + ahead.x_m * offset});
  }
  return evenly(nodes);
}

}  // namespace

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

std::optional<TrackLine> learn_track_line(std::span<const LapPath> laps) {
  std::optional<TrackLine> line;
  std::vector<const LapPath*> fit;
  for (const LapPath& lap : laps.first(std::min(laps.size(), kMostLearnedLaps))) {
    auto of_lap = line_of(lap);
    if (!of_lap) continue;
    fit.push_back(&lap);
    if (!line) line = std::move(of_lap);
  }
  if (!line || fit.size() == 1) return line;
  // Once to where the laps are, and once more since what is beside the line changed with it.
  for (int round = 0; round < 2; ++round) line = moved_to(*line, fit);
  return line;
}

}  // namespace slipstream
