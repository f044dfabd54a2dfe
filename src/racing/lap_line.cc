#include "racing/lap_line.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "racing/smooth_ring.h"

namespace slipstream {
namespace {

constexpr double kWidestGapM = 100;
constexpr double kShortestM = 150;
constexpr std::size_t kFewestReadings = 20;
/// For readings with 1 m of noise: hairpins are not cut by more than some decimetres.
constexpr double kRoughness = 1e4;

struct PathPoint {
  double driven_m;
  double x_m;
  double y_m;
};

struct PointsAround {
  std::vector<PathPoint> points;
  double length_m = 0;
  bool is_told = true;  ///< by the distance or the speed, and not by the path itself
};

/// The way from position to position as the lap's distance.
LapPath by_its_path(const LapPath& lap) {
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
  return by_path;
}

/// The lap's positions by how far it had been driven; empty: it has none all around.
PointsAround points_around(const LapPath& lap) {
  if (lap.x_m.empty() || lap.y_m.empty()) return {};
  double length = driven_length(lap);
  std::vector<double> driven = scaled_distance(lap, length);
  const bool is_told = !driven.empty();
  if (!is_told) {
    // Noise makes the path longer everywhere alike.
    const LapPath by_path = by_its_path(lap);
    length = driven_length(by_path);
    driven = scaled_distance(by_path, length);
  }
  std::vector<PathPoint> points;
  for (std::size_t i = 0; i < driven.size(); ++i) {
    const bool is_known = !std::isnan(lap.x_m[i]) && !std::isnan(lap.y_m[i]) &&
                          !std::isnan(driven[i]) && lap.time_s[i] >= 0 &&
                          lap.time_s[i] <= lap.lap_time_s;
    if (!is_known) continue;
    if (!points.empty() && driven[i] - points.back().driven_m > kWidestGapM) return {};
    points.push_back({driven[i], lap.x_m[i], lap.y_m[i]});
  }
  const bool is_around = points.size() >= kFewestReadings && length > kShortestM &&
                         length < kMostTrackM &&
                         points.front().driven_m + length - points.back().driven_m <= kWidestGapM;
  return is_around ? PointsAround{std::move(points), length, is_told} : PointsAround{};
}

/// Between b and c, on the curve through all four (Catmull and Rom's).
PlanePoint between(const PlanePoint& a, const PlanePoint& b, const PlanePoint& c,
                   const PlanePoint& d, double share) {
  const auto value = [&](double PlanePoint::* of) {
    const double bend = 2 * a.*of - 5 * b.*of + 4 * c.*of - d.*of;
    const double twist = 3 * (b.*of - c.*of) + d.*of - a.*of;
    return b.*of + share / 2 * (c.*of - a.*of + share * (bend + share * twist));
  };
  return {value(&PlanePoint::x_m), value(&PlanePoint::y_m)};
}

/// Into the ring.
double turned(double place_m, double length_m) {
  const double place = std::fmod(place_m, length_m);
  return place < 0 ? place + length_m : place;
}

double metres(const PlanePoint& a, const PlanePoint& b) {
  return std::hypot(b.x_m - a.x_m, b.y_m - a.y_m);
}

/// Of the closed curve through these: `place` counts points, from 0 to less than their number.
PlanePoint on_curve(const std::vector<PlanePoint>& points, double place) {
  const std::size_t n = points.size();
  const auto i = static_cast<std::size_t>(place);
  return between(points[(i + n - 1) % n], points[i % n], points[(i + 1) % n], points[(i + 2) % n],
                 place - static_cast<double>(i));
}

}  // namespace

std::optional<TrackLine> evenly(const std::vector<PlanePoint>& points, double begin_m) {
  const std::size_t n = points.size();
  std::vector<double> along = {0};
  for (std::size_t i = 0; i < n; ++i) {
    // Chords are shorter than the curve by an eighth of what halving them shows.
    const PlanePoint& a = points[i];
    const PlanePoint& b = points[(i + 1) % n];
    const PlanePoint half = on_curve(points, static_cast<double>(i) + 0.5);
    const double halves = metres(a, half) + metres(half, b);
    along.push_back(along.back() + halves + (halves - metres(a, b)) / 3);
  }
  const double length = along.back();
  if (!(length > 0) || length > kMostTrackM) return std::nullopt;
  const auto count =
      std::max<std::size_t>(8, static_cast<std::size_t>(std::llround(length / TrackLine::kStepM)));
  std::vector<PlanePoint> nodes;
  std::size_t at = 0;
  for (std::size_t k = 0; k < count; ++k) {
    const double share = static_cast<double>(k) / static_cast<double>(count);
    const double place = turned(begin_m + length * share, length);
    if (place < along[at]) at = 0;
    while (at + 1 < n && along[at + 1] <= place) ++at;
    const double width = along[at + 1] - along[at];
    const double within = width > 0 ? (place - along[at]) / width : 0;
    nodes.push_back(on_curve(points, static_cast<double>(at) + within));
  }
  return TrackLine(std::move(nodes), length);
}

std::optional<LapLine> line_of_lap(const LapPath& lap) {
  const auto [points, length, is_told] = points_around(lap);
  if (points.empty()) return std::nullopt;
  const auto count = static_cast<std::size_t>(std::ceil(length / TrackLine::kStepM));
  const double step = length / static_cast<double>(count);
  SmoothRing x(count, step);
  SmoothRing y(count, step);
  for (std::size_t k = 0; k < count; ++k) {
    x.set_roughness(k, kRoughness);
    y.set_roughness(k, kRoughness);
  }
  for (const PathPoint& point : points) {
    x.add(point.driven_m, point.x_m, 1);
    y.add(point.driven_m, point.y_m, 1);
  }
  const auto xs = x.values();
  const auto ys = y.values();
  LapLine line{.lap = &lap, .driven_m = length, .nodes = {}};
  for (std::size_t k = 0; k < count; ++k) line.nodes.push_back({xs[k], ys[k]});
  if (!is_told) {
    const auto even = evenly(line.nodes);
    if (!even) return std::nullopt;
    line.driven_m = even->length_m();
  }
  return line;
}

}  // namespace slipstream
