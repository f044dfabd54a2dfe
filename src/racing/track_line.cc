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

constexpr double kSmoothM = 15;      // either way of a node, that its place is fitted to ...
constexpr double kMostSmoothM = 50;  // ... or up to so far, until there are kFitReadings
constexpr std::size_t kFitReadings = 20;
constexpr std::size_t kLeastReadings = 6;  // that a parabola needs, in corners too
constexpr double kMostOffsetReachM = 30;   // of how far laps pass beside the line
constexpr double kBendM = 25;              // either way of a node, that its bend is told by
constexpr double kWidestGapM = 100;
constexpr double kMostUnlikeDriven = 0.2;  // a line's length and what was driven may differ by it
constexpr double kMostOffsetM = 25;        // from the line: what is further off is not on the track

struct PathPoint {
  double share;  ///< of the lap's length
  double x_m;
  double y_m;
};

struct PointsAround {
  std::vector<PathPoint> points;
  double length_m = 0;  ///< driven
  bool is_told = true;  ///< by the distance or the speed, and not by the path itself
};

/// The lap's positions by how far around they are; empty: it has none all around.
PointsAround points_around(const LapPath& lap) {
  if (lap.x_m.empty() || lap.y_m.empty()) return {};
  std::vector<double> around = scaled_distance(lap, 1.0);
  double length = driven_length(lap);
  const bool is_told = !around.empty();
  if (!is_told) {
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
  return is_around ? PointsAround{std::move(points), length, is_told} : PointsAround{};
}

/// What a parabola through values at places, which are relative to where it is asked, has at 0.
/// Nothing: it would have to go on where no values are.
class LocalFit {
 public:
  explicit LocalFit(double reach_m) : reach_m_(reach_m) {}
  void add(double place, double value) {
    const double reach = place / reach_m_;
    const double weight = 1 - reach * reach;
    if (weight <= 0) return;
    (place <= 0 ? is_before_ : is_behind_) = true;
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
    if (!is_before_ || !is_behind_) return std::nullopt;
    const double determinant =
        s0 * (s2 * s4 - s3 * s3) - s1 * (s1 * s4 - s3 * s2) + s2 * (s1 * s3 - s2 * s2);
    if (count_ < 5 || determinant < 1e-6 * s0 * s0 * s0) return products_[0] / s0;
    const double numerator = products_[0] * (s2 * s4 - s3 * s3) -
                             s1 * (products_[1] * s4 - s3 * products_[2]) +
                             s2 * (products_[1] * s3 - s2 * products_[2]);
    return numerator / determinant;
  }
  /// The parabola's second derivative there; 0: it is not known.
  double bend() const {
    const auto& [s0, s1, s2, s3, s4] = sums_;
    const double determinant =
        s0 * (s2 * s4 - s3 * s3) - s1 * (s1 * s4 - s3 * s2) + s2 * (s1 * s3 - s2 * s2);
    if (count_ < 5 || determinant < 1e-6 * s0 * s0 * s0) return 0;
    const auto& [p0, p1, p2] = products_;
    const double numerator =
        s0 * (s2 * p2 - s3 * p1) - s1 * (s1 * p2 - s2 * p1) + p0 * (s1 * s3 - s2 * s2);
    return 2 * numerator / determinant / (reach_m_ * reach_m_);
  }

 private:
  double reach_m_;
  double sums_[5] = {};
  double products_[3] = {};
  std::size_t count_ = 0;
  bool is_before_ = false;
  bool is_behind_ = false;
};

/// Calls `take` with each of the points within `reach_m` of the node, and how far behind it is.
template <typename Point, typename PlaceOf, typename Take>
void for_near(const std::vector<Point>& points, PlaceOf place_of, double at_m, double length_m,
              double reach_m, Take take) {
  const auto from = [&](double place) {
    return std::ranges::lower_bound(points, place, {}, place_of);
  };
  for (const double turn : {-length_m, 0.0, length_m}) {
    const double around = at_m + turn;
    for (auto it = from(around - reach_m);
         it != points.end() && std::invoke(place_of, *it) <= around + reach_m; ++it) {
      take(*it, std::invoke(place_of, *it) - around);
    }
  }
}

/// How far around the node so many points stand, within kMostSmoothM.
template <typename Point, typename PlaceOf>
double reach_of(const std::vector<Point>& points, PlaceOf place_of, double at_m, double length_m,
                std::size_t readings) {
  std::vector<double> away;
  for_near(points, place_of, at_m, length_m, kMostSmoothM,
           [&](const Point&, double behind) { away.push_back(std::abs(behind)); });
  if (away.size() < readings) return kMostSmoothM;
  const auto last = away.begin() + static_cast<std::ptrdiff_t>(readings - 1);
  std::ranges::nth_element(away, last);
  return *last;
}

/// Evened around the ring, and nowhere above what any place within `steps` has.
std::vector<double> lowest_around(const std::vector<double>& values, std::size_t steps) {
  const std::size_t n = values.size();
  std::vector<double> lowest(n);
  std::vector<double> even(n);
  for (std::size_t k = 0; k < n; ++k) {
    lowest[k] = values[k];
    for (std::size_t i = 1; i <= steps; ++i) {
      lowest[k] = std::min({lowest[k], values[(k + i) % n], values[(k + n - i % n) % n]});
    }
  }
  for (std::size_t k = 0; k < n; ++k) {
    double sum = lowest[k];
    for (std::size_t i = 1; i <= steps; ++i) {
      sum += lowest[(k + i) % n] + lowest[(k + n - i % n) % n];
    }
    even[k] = sum / static_cast<double>(2 * steps + 1);
  }
  return even;
}

/// How far around each node its place is fitted to: where few readings come, further, so that their
/// noise is evened out; but not so far that a corner would be cut.
std::vector<double> reaches_of(const std::vector<PathPoint>& points, double length_m,
                               std::size_t nodes) {
  std::vector<double> reaches;
  for (std::size_t k = 0; k < nodes; ++k) {
    const double place = length_m * static_cast<double>(k) / static_cast<double>(nodes);
    const double least = reach_of(points, &PathPoint::share, place, length_m, kLeastReadings);
    const double bend_m = std::max(kBendM, least);
    LocalFit x(bend_m);
    LocalFit y(bend_m);
    for_near(points, &PathPoint::share, place, length_m, bend_m,
             [&](const PathPoint& p, double behind) {
               x.add(behind, p.x_m);
               y.add(behind, p.y_m);
             });
    // A parabola over a part of a circle is off by a share of reach^4 / radius^3.
    const double radius = 1 / std::max(1e-6, std::hypot(x.bend(), y.bend()));
    const double in_corner = std::min(kMostSmoothM, 1.6 * std::pow(radius, 0.75));
    const double until = reach_of(points, &PathPoint::share, place, length_m, kFitReadings);
    reaches.push_back(std::max({kSmoothM, least, std::min(until, in_corner)}));
  }
  const double step = length_m / static_cast<double>(nodes);
  return lowest_around(reaches, static_cast<std::size_t>(std::ceil(kBendM / step)));
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

/// The closed line through these, in even steps that begin at the first of them. Nothing: it is
/// longer than any track.
std::optional<TrackLine> evenly(const std::vector<PlanePoint>& points) {
  std::vector<double> along = {0};
  for (std::size_t i = 0; i < points.size(); ++i) {
    const PlanePoint& a = points[i];
    const PlanePoint& b = points[(i + 1) % points.size()];
    along.push_back(along.back() + std::hypot(b.x_m - a.x_m, b.y_m - a.y_m));
  }
  const double length = along.back();
  if (!(length > 0) || length > kMostTrackM) return std::nullopt;
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
  return TrackLine(std::move(nodes), length);
}

/// A lap that has positions, and the line that it tells alone.
struct LineOfLap {
  const LapPath* lap;
  double driven_m;
  std::vector<PlanePoint> nodes;  ///< at even shares of what was driven
};

std::optional<LineOfLap> line_of(const LapPath& lap) {
  auto [points, length, is_told] = points_around(lap);
  if (points.empty()) return std::nullopt;
  for (auto& point : points) point.share *= length;
  const auto count = static_cast<std::size_t>(std::ceil(length / TrackLine::kStepM));
  std::vector<std::optional<PlanePoint>> nodes(count);
  const auto reaches = reaches_of(points, length, count);
  for (std::size_t k = 0; k < count; ++k) {
    LocalFit x(reaches[k]);
    LocalFit y(reaches[k]);
    const double place = length * static_cast<double>(k) / static_cast<double>(count);
    for_near(points, &PathPoint::share, place, length, reaches[k],
             [&](const PathPoint& p, double behind) {
               x.add(behind, p.x_m);
               y.add(behind, p.y_m);
             });
    if (x.value() && y.value()) nodes[k] = PlanePoint{*x.value(), *y.value()};
  }
  if (!close_gaps(nodes)) return std::nullopt;
  LineOfLap line{.lap = &lap, .driven_m = length, .nodes = {}};
  for (const auto& node : nodes) line.nodes.push_back(*node);
  if (!is_told) {
    const auto even = evenly(line.nodes);
    if (!even) return std::nullopt;
    line.driven_m = even->length_m();
  }
  return line;
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
    const double place = static_cast<double>(k) * line.step_m();
    const double reach =
        std::clamp(reach_of(offsets, &Offset::distance_m, place, line.length_m(), kFitReadings),
                   kSmoothM, kMostOffsetReachM);
    LocalFit fit(reach);
    for_near(offsets, &Offset::distance_m, place, line.length_m(), reach,
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

bool is_like(double length_m, double driven_m) {
  return std::abs(length_m - driven_m) <= kMostUnlikeDriven * driven_m;
}

/// How far a lap is from where the middle one of all is, all around: the root of the mean square.
std::vector<double> away_from_middle(const std::vector<LineOfLap>& laps) {
  static constexpr std::size_t kPlaces = 512;
  std::vector<double> away(laps.size());
  for (std::size_t place = 0; place < kPlaces; ++place) {
    std::vector<double> x;
    std::vector<double> y;
    for (const LineOfLap& lap : laps) {
      const PlanePoint& node = lap.nodes[place * lap.nodes.size() / kPlaces];
      x.push_back(node.x_m);
      y.push_back(node.y_m);
    }
    const PlanePoint middle{middle_of(x), middle_of(y)};
    for (std::size_t i = 0; i < laps.size(); ++i) {
      const double off = std::hypot(x[i] - middle.x_m, y[i] - middle.y_m);
      away[i] += off * off / kPlaces;
    }
  }
  for (double& metres : away) metres = std::sqrt(metres);
  return away;
}

/// The line of the lap nearest to the middle of all, in place and length.
std::optional<TrackLine> line_to_begin_with(const std::vector<LineOfLap>& laps) {
  std::vector<double> lengths;
  for (const LineOfLap& lap : laps) lengths.push_back(lap.driven_m);
  const double middle = middle_of(lengths);
  const auto away = away_from_middle(laps);
  std::optional<TrackLine> nearest;
  double least = std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < laps.size(); ++i) {
    auto line = evenly(laps[i].nodes);
    if (!line || !is_like(line->length_m(), laps[i].driven_m)) continue;
    // Of two laps both are as far from their middle: a wrong position makes a lap longer, too.
    const double off = away[i] + std::abs(line->length_m() - middle);
    if (off >= least) continue;
    least = off;
    nearest = std::move(line);
  }
  return nearest;
}

/// The line, moved to where the middle one of the laps passes.
std::optional<TrackLine> moved_to(const TrackLine& line, std::span<const LapPath* const> laps) {
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

std::optional<LineOfLaps> learn_track_line(std::span<const LapPath> laps) {
  std::vector<LineOfLap> each;
  for (const LapPath& lap : laps.first(std::min(laps.size(), kMostLearnedLaps))) {
    if (auto line = line_of(lap)) each.push_back(std::move(*line));
  }
  if (each.empty()) return std::nullopt;
  auto line = line_to_begin_with(each);
  if (!line) return std::nullopt;
  std::vector<const LapPath*> fit;
  std::vector<double> driven;
  for (const LineOfLap& lap : each) {
    if (!is_like(line->length_m(), lap.driven_m)) continue;  // another layout
    fit.push_back(lap.lap);
    driven.push_back(lap.driven_m);
  }
  // Once to where the laps are, and once more since what is beside the line changed with it.
  for (int round = 0; round < 2 && fit.size() > 1; ++round) {
    auto moved = moved_to(*line, fit);
    if (!moved || !is_like(moved->length_m(), middle_of(driven))) break;
    line = std::move(moved);
  }
  return LineOfLaps{std::move(*line), fit.size()};
}

}  // namespace slipstream
