#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <utility>

#include "racing/lap_line.h"
#include "racing/lap_positions.h"
#include "racing/smooth_ring.h"
#include "racing/track_line.h"

namespace slipstream {
namespace {

constexpr double kMostUnlikeDriven = 0.2;  // a line's length and what was driven may differ by it
constexpr double kMostOffsetM = 25;        // from the line: what is further off is not on the track
constexpr int kRounds = 4;                 // until the line hardly moves any more

constexpr double kPlaceM = 8;    // from place to place where the crowd is looked for ...
constexpr double kAroundM = 20;  // ... so far around each, or further until there are
constexpr std::size_t kFewestAround = 12;
constexpr double kFarOfScatter = 4.7;
constexpr double kDeviation = 1.48;  // a standard one, of the middle one
constexpr double kLeastScatterM = 0.5;
/// Over which a lap's readings are off together, because it was on a line of its own: they count as
/// little more than one there, so that no lap outvotes others by its rate.
constexpr double kOwnLineM = 20;

constexpr double kAroundBeginM = 100;  // either way of the start line, that it is looked for

constexpr double kEaseM = 24;           // over which a corner's curvature comes and goes
constexpr double kWidestRadiusM = 300;  // beyond it the track is straight
constexpr double kTightestRadiusM = 10;
constexpr double kBendM = 6;  // either way, that a corner's curvature is taken over

struct Beside {
  double distance_m;
  double offset_m;  ///< beside the line
  double weight;    ///< of its lap's readings
  std::size_t lap;
  double ahead_m;  ///< of where its distance says, along the line
};

/// How far beside the line each reading of the laps is, all of them in the order of the line.
std::vector<Beside> beside_line(std::span<const LapPath* const> laps, const TrackLine& line) {
  std::vector<Beside> beside;
  const double length = line.length_m();
  for (std::size_t number = 0; number < laps.size(); ++number) {
    const LapPath* const lap = laps[number];
    const std::vector<double> around = scaled_distance(*lap, length);
    const std::size_t before = beside.size();
    double off = 0;  // of the projections, from the distance
    for (std::size_t i = 0; i < around.size(); ++i) {
      const bool is_known = !std::isnan(lap->x_m[i]) && !std::isnan(lap->y_m[i]) &&
                            !std::isnan(around[i]) && lap->time_s[i] >= 0 &&
                            lap->time_s[i] <= lap->lap_time_s;
      if (!is_known) continue;
      const auto place =
          line.project({lap->x_m[i], lap->y_m[i]}, around[i] + off, kProjectionReachM);
      if (std::abs(place.offset_m) > kMostOffsetM) continue;
      off += (place.distance_m - around[i] - off) / 4;
      beside.push_back({std::fmod(place.distance_m + length, length), place.offset_m, 1, number,
                        place.distance_m - around[i]});
    }
    const double together = static_cast<double>(beside.size() - before) * kOwnLineM / length;
    for (std::size_t i = before; i < beside.size(); ++i) beside[i].weight = 1 / (1 + together);
  }
  std::ranges::sort(beside, {}, &Beside::distance_m);
  return beside;
}

double middle_of(std::vector<double> values) {
  std::ranges::sort(values);
  const std::size_t n = values.size();
  return n % 2 == 1 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

struct Weighted {
  double value;
  double weight;
};

double weighted_middle(std::vector<Weighted>& values) {
  std::ranges::sort(values, {}, &Weighted::value);
  double sum = 0;
  for (const Weighted& v : values) sum += v.weight;
  double below = 0;
  for (const Weighted& v : values) {
    below += v.weight;
    if (below >= sum / 2) return v.value;
  }
  return 0;
}

/// Where most of the laps pass around a place, and how far from there the middle one is.
struct Crowd {
  double middle_m = 0;
  double scatter_m = kMostOffsetM;

  /// From 1 in its middle to 0 for who is not one of it (Tukey's biweight), by its scatter.
  double weight_of(double offset_m) const {
    const double far = (offset_m - middle_m) / (kFarOfScatter * scatter_m);
    const double near = std::max(0.0, 1 - far * far);
    return near * near / (scatter_m * scatter_m);
  }
};

Crowd crowd_at(const std::vector<Beside>& beside, double at_m, double length_m) {
  const auto n = static_cast<std::int64_t>(beside.size());
  const auto at = std::ranges::lower_bound(beside, at_m, {}, &Beside::distance_m) - beside.begin();
  const auto reading = [&](std::int64_t i) -> const Beside& {
    return beside[static_cast<std::size_t>((i % n + n) % n)];
  };
  const auto away = [&](std::int64_t i) {
    return std::abs(std::remainder(reading(i).distance_m - at_m, length_m));
  };
  std::vector<Weighted> around;
  std::int64_t before = at - 1;
  std::int64_t behind = at;
  while (behind - before - 1 < n) {
    const std::int64_t next = away(before) < away(behind) ? before-- : behind++;
    if (around.size() >= kFewestAround && away(next) > kAroundM) break;
    around.push_back({reading(next).offset_m, reading(next).weight});
  }
  if (around.empty()) return {};
  const double middle = weighted_middle(around);
  for (Weighted& v : around) v.value = std::abs(v.value - middle);
  return {middle, std::max(kLeastScatterM, kDeviation * weighted_middle(around))};
}

/// Weighs each reading by where most are around it, and adds it.
void add_readings(const std::vector<Beside>& beside, double length_m, SmoothRing& offsets) {
  const auto places = static_cast<std::size_t>(std::ceil(length_m / kPlaceM));
  const double apart = length_m / static_cast<double>(places);
  std::vector<Crowd> crowds;
  for (std::size_t p = 0; p < places; ++p) {
    crowds.push_back(crowd_at(beside, static_cast<double>(p) * apart, length_m));
  }
  for (const Beside& reading : beside) {
    const auto place = static_cast<std::size_t>(reading.distance_m / apart + 0.5) % places;
    const double weight = reading.weight * crowds[place].weight_of(reading.offset_m);
    offsets.add(reading.distance_m, reading.offset_m, weight);
  }
}

/// 1/m, left is positive: the mean over so many metres either way.
double curvature_of(const TrackLine& line, double at_m, double over_m) {
  const PlanePoint a = line.direction_at(at_m - over_m);
  const PlanePoint b = line.direction_at(at_m + over_m);
  return std::atan2(a.x_m * b.y_m - a.y_m * b.x_m, a.x_m * b.x_m + a.y_m * b.y_m) / (2 * over_m);
}

/// The line is to have a curvature that changes little; in and beside tight corners it changes
/// more.
void set_roughness(const TrackLine& line, SmoothRing& offsets) {
  const std::size_t n = line.nodes().size();
  const double step = line.step_m();
  std::vector<double> curvatures;
  std::vector<double> bends;
  for (std::size_t k = 0; k < n; ++k) {
    const double at = static_cast<double>(k) * step;
    curvatures.push_back(curvature_of(line, at, step / 2));
    bends.push_back(std::clamp(std::abs(curvature_of(line, at, kBendM)), 1 / kWidestRadiusM,
                               1 / kTightestRadiusM));
  }
  const auto ease = static_cast<std::size_t>(std::ceil(kEaseM / step));
  for (std::size_t k = 0; k < n; ++k) {
    double tightest = 0;
    for (std::size_t i = 0; i <= 2 * ease; ++i) {
      tightest = std::max(tightest, bends[(k + i + n * ease - ease) % n]);
    }
    const double change = (curvatures[(k + 1) % n] - curvatures[k]) / step;
    offsets.set_roughness((k + n - 1) % n, kEaseM / (tightest * tightest), -change);
  }
}

/// The line, moved to where the laps pass it.
std::optional<TrackLine> moved_to(const TrackLine& line, std::span<const LapPath* const> laps) {
  const auto beside = beside_line(laps, line);
  if (beside.empty()) return std::nullopt;
  SmoothRing offsets(line.nodes().size(), line.step_m());
  add_readings(beside, line.length_m(), offsets);
  set_roughness(line, offsets);
  const auto moves = offsets.values();
  std::vector<PlanePoint> nodes;
  for (std::size_t k = 0; k < moves.size(); ++k) {
    const PlanePoint& node = line.nodes()[k];
    const PlanePoint ahead = line.direction_at(static_cast<double>(k) * line.step_m());
    nodes.push_back({node.x_m - ahead.y_m * moves[k], node.y_m + ahead.x_m * moves[k]});
  }
  return evenly(nodes);
}

/// Where on the line laps begin: of each lap the mean of what its readings around there say, of all
/// the middle one.
double begin_of(const TrackLine& line, std::span<const LapPath* const> laps) {
  std::vector<double> ahead(laps.size());
  std::vector<double> counts(laps.size());
  for (const Beside& reading : beside_line(laps, line)) {
    if (std::abs(std::remainder(reading.distance_m, line.length_m())) > kAroundBeginM) continue;
    ahead[reading.lap] += reading.ahead_m;
    counts[reading.lap] += 1;
  }
  std::vector<double> begins;
  for (std::size_t lap = 0; lap < laps.size(); ++lap) {
    if (counts[lap] > 0) begins.push_back(ahead[lap] / counts[lap]);
  }
  return begins.empty() ? 0 : middle_of(std::move(begins));
}

bool is_like(double length_m, double driven_m) {
  return std::abs(length_m - driven_m) <= kMostUnlikeDriven * driven_m;
}

/// How far a lap is from where the middle one of all is, all around: the root of the mean square.
std::vector<double> away_from_middle(const std::vector<LapLine>& laps) {
  static constexpr std::size_t kPlaces = 512;
  std::vector<double> away(laps.size());
  for (std::size_t place = 0; place < kPlaces; ++place) {
    std::vector<double> x;
    std::vector<double> y;
    for (const LapLine& lap : laps) {
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
std::optional<TrackLine> line_to_begin_with(const std::vector<LapLine>& laps) {
  std::vector<double> lengths;
  for (const LapLine& lap : laps) lengths.push_back(lap.driven_m);
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

}  // namespace

std::optional<LineOfLaps> learn_track_line(std::span<const LapPath> laps) {
  std::vector<LapLine> each;
  std::size_t readings = 0;
  for (const LapPath& lap : laps.first(std::min(laps.size(), kMostLearnedLaps))) {
    readings += lap.size();
    if (!each.empty() && readings > kMostLearnedReadings) break;
    if (auto line = line_of_lap(lap)) each.push_back(std::move(*line));
  }
  if (each.empty()) return std::nullopt;
  auto line = line_to_begin_with(each);
  if (!line) return std::nullopt;
  std::vector<const LapPath*> fit;
  std::vector<double> driven;
  for (const LapLine& lap : each) {
    if (!is_like(line->length_m(), lap.driven_m)) continue;  // another layout
    fit.push_back(lap.lap);
    driven.push_back(lap.driven_m);
  }
  // What is beside the line changes as it moves.
  for (int round = 0; round < kRounds; ++round) {
    auto moved = moved_to(*line, fit);
    if (!moved || !is_like(moved->length_m(), middle_of(driven))) break;
    line = std::move(moved);
  }
  auto from_start_line = evenly(line->nodes(), begin_of(*line, fit));
  if (from_start_line) line = std::move(from_start_line);
  return LineOfLaps{std::move(*line), fit.size()};
}

}  // namespace slipstream
