#include "racing/way_along_line.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "racing/banded_system.h"
#include "racing/lap_positions.h"

namespace slipstream {
namespace {

constexpr double kOffTrackM = 40;  // from the line: this is no place on it
constexpr double kCurveM = 4;      // either way of a place, that the line's curvature is taken over
constexpr int kWayRounds = 4;      // until the places hardly move any more
constexpr double kFarOfNoise = 4.7;
constexpr double kLeastNoiseM = 0.2;
constexpr double kMostPlaceNoiseM = 5;
/// How little the way beside the line bends, m⁵: noise is evened out over some 20 m.
constexpr double kWayRoughness = 3e7;
/// By how much, m² a metre, the distance may go wrong by itself: the least is 10 cm in 500 m; where
/// positions contradict it, it may by more.
constexpr double kLeastDrift = 2e-5;
constexpr double kMostDrift = 1e-3;
constexpr double kMoreDrift = 7;
constexpr double kContradiction = 3;   // in squares of what noise would be
constexpr double kContradictionS = 3;  // over which it is looked for
constexpr double kEndsWeight = 1e6;
constexpr double kOnLineWeight = 1e-6;  // where nothing tells of the offset it is 0

std::vector<PlacedReading> project_all(const LapPath& lap, const TrackLine& line,
                                       const std::vector<double>& around) {
  std::vector<PlacedReading> readings;
  double off = 0;  // of the projections, from the distance
  for (std::size_t i = 0; i < lap.size(); ++i) {
    if (std::isnan(lap.x_m[i]) || std::isnan(lap.y_m[i]) || std::isnan(around[i])) continue;
    const PlanePoint point{lap.x_m[i], lap.y_m[i]};
    const auto place = line.project(point, around[i] + off, kProjectionReachM);
    if (std::abs(place.offset_m) > kOffTrackM) continue;
    off += (place.distance_m - around[i] - off) / 4;  // one wrong position leads nobody astray
    readings.push_back({lap.time_s[i], point, around[i],
                        std::clamp(place.distance_m, 0.0, line.length_m()), 0, place.offset_m});
  }
  return readings;
}

double bend_at(const TrackLine& line, double distance_m) {
  const PlanePoint a = line.direction_at(distance_m - kCurveM);
  const PlanePoint b = line.direction_at(distance_m + kCurveM);
  return std::asin(std::clamp(a.x_m * b.y_m - a.y_m * b.x_m, -1.0, 1.0)) / (2 * kCurveM);
}

/// Whether positions are ahead of the way, or behind it, for longer than noise is.
bool is_contradicted(const std::vector<PlacedReading>& readings, double noise_m) {
  double squares = 0;
  double windows = 0;
  for (std::size_t i = 0; i < readings.size();) {
    const double until = readings[i].time_s + kContradictionS;
    double sum = 0;
    double weight = 0;
    for (; i < readings.size() && readings[i].time_s < until; ++i) {
      sum += readings[i].weight * readings[i].ahead_m;
      weight += readings[i].weight;
    }
    if (weight <= 0) continue;
    squares += sum * sum / weight / (noise_m * noise_m);
    windows += 1;
  }
  return squares > kContradiction * windows;
}

}  // namespace

WayAlongLine::WayAlongLine(const TrackLine& line)
    : line_(line), n_(line.nodes().size()), step_(line.step_m()), offset_(n_ + 1), ahead_(n_ + 1) {
  for (std::size_t k = 0; k < n_; ++k) {
    curvature_.push_back(bend_at(line, (static_cast<double>(k) + 0.5) * step_));
  }
}

void WayAlongLine::fit(const std::vector<PlacedReading>& readings, double noise_m, double drift) {
  BandedSystem<7> system(2 * (n_ + 1));
  for (const PlacedReading& r : readings) {
    const auto [node, share] = node_at(r.place_m);
    const double weight = r.weight / (noise_m * noise_m);
    system.add_square(2 * node, std::array{1 - share, 0.0, share}, r.offset_m, weight);
    system.add_square(2 * node + 1, std::array{1 - share, 0.0, share},
                      r.around_m - r.place_m - r.ahead_m, weight);
  }
  for (std::size_t k = 0; k <= n_; ++k) {
    system.add_square(2 * k, std::array{1.0}, 0, kOnLineWeight);
  }
  const double cube = step_ * step_ * step_;
  for (std::size_t k = 0; k + 3 <= n_; ++k) {
    system.add_square(2 * k, std::array{-1.0, 0.0, 3.0, 0.0, -3.0, 0.0, 1.0}, 0,
                      kWayRoughness * step_ / (cube * cube));
  }
  const double scale = scale_of_distance();
  for (std::size_t k = 0; k < n_; ++k) {
    const double bent = scale * curvature_[k] * step_ / 2;
    system.add_square(2 * k, std::array{bent, -1.0, bent, 1.0}, (scale - 1) * step_,
                      1 / (drift * step_));
  }
  system.add_square(1, std::array{1.0}, 0, kEndsWeight);
  system.add_square(2 * n_ + 1, std::array{1.0}, 0, kEndsWeight);
  const auto solved = std::move(system).solve();
  for (std::size_t k = 0; k <= n_; ++k) {
    offset_[k] = solved[2 * k];
    ahead_[k] = solved[2 * k + 1];
  }
}

void WayAlongLine::place_again(double noise_m, std::vector<PlacedReading>& readings) const {
  Places places(*this);
  for (PlacedReading& r : readings) {
    r.place_m = places.at(r.around_m);
    const PlanePoint here = line_.at(r.place_m);
    const PlanePoint ahead = line_.direction_at(r.place_m);
    const double x = r.point.x_m - here.x_m;
    const double y = r.point.y_m - here.y_m;
    r.ahead_m = (x * ahead.x_m + y * ahead.y_m) / stretch_at(r.place_m);
    r.offset_m = y * ahead.x_m - x * ahead.y_m;
    const double far =
        std::hypot(r.ahead_m, r.offset_m - offset_at(r.place_m)) / (kFarOfNoise * noise_m);
    const double near = std::max(0.0, 1 - far * far);
    r.weight = near * near;
  }
}

double WayAlongLine::noise_of(const std::vector<PlacedReading>& readings) const {
  std::vector<double> off;
  for (const PlacedReading& r : readings) {
    off.push_back(std::abs(r.offset_m - offset_at(r.place_m)));
  }
  const auto middle = off.begin() + static_cast<std::ptrdiff_t>(off.size() / 2);
  std::ranges::nth_element(off, middle);
  return std::clamp(1.48 * *middle, kLeastNoiseM, kMostPlaceNoiseM);
}

double WayAlongLine::Places::at(double around_m) {
  while (node_ + 1 < way_.n_ && way_.distance_at(node_ + 1) <= around_m) ++node_;
  const double from = way_.distance_at(node_);
  const double to = way_.distance_at(node_ + 1);
  const double share = to > from ? std::clamp((around_m - from) / (to - from), 0.0, 1.0) : 1;
  return (static_cast<double>(node_) + share) * way_.step_;
}

WayAlongLine::NodeAt WayAlongLine::node_at(double place_m) const {
  const double place = std::clamp(place_m / step_, 0.0, static_cast<double>(n_));
  const auto node = std::min(static_cast<std::size_t>(place), n_ - 1);
  return {node, place - static_cast<double>(node)};
}

double WayAlongLine::offset_at(double place_m) const {
  const auto [node, share] = node_at(place_m);
  return offset_[node] + (offset_[node + 1] - offset_[node]) * share;
}

/// How long a metre along the line is where the lap was.
double WayAlongLine::stretch_at(double place_m) const {
  return std::clamp(1 - curvature_[node_at(place_m).node] * offset_at(place_m), 0.5, 1.5);
}

double WayAlongLine::distance_at(std::size_t node) const {
  return static_cast<double>(node) * step_ + ahead_[node];
}

/// The distance was scaled to the line's length: by what it really is along the way.
double WayAlongLine::scale_of_distance() const {
  double shorter = 0;
  for (std::size_t k = 0; k < n_; ++k) {
    shorter += curvature_[k] * step_ * (offset_[k] + offset_[k + 1]) / 2;
  }
  const double length = line_.length_m();
  return length / std::max(length / 2, length - shorter);
}

std::optional<WayAlongLine> way_of_lap(const LapPath& lap, const TrackLine& line,
                                       const std::vector<double>& around) {
  std::vector<PlacedReading> readings = project_all(lap, line, around);
  if (readings.size() < 2) return std::nullopt;
  WayAlongLine way(line);
  double noise = 1;
  for (double drift = kLeastDrift;; drift *= kMoreDrift) {
    for (int round = 0; round < kWayRounds; ++round) {
      way.fit(readings, noise, drift);
      if (round > 0) noise = way.noise_of(readings);
      way.place_again(noise, readings);
    }
    if (drift * kMoreDrift > kMostDrift || !is_contradicted(readings, noise)) return way;
  }
}

}  // namespace slipstream
