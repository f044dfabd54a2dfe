#include "racing/lap_path.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "racing/lap_ends.h"

namespace slipstream {
namespace {

constexpr double kUnknownM = std::numeric_limits<double>::quiet_NaN();
constexpr double kKmhPerMps = 3.6;

/// Metres that were driven by the speed; NaN before the first that is known.
std::vector<double> integrated(const LapPath& lap) {
  std::vector<double> driven(lap.size(), kUnknownM);
  double sum = 0;
  std::size_t last = lap.size();
  for (std::size_t i = 0; i < lap.size(); ++i) {
    if (std::isnan(lap.speed_kmh[i])) continue;
    if (last < lap.size()) {
      const double mean = (lap.speed_kmh[i] + lap.speed_kmh[last]) / 2 / kKmhPerMps;
      sum += std::max(0.0, mean) * (lap.time_s[i] - lap.time_s[last]);
    }
    driven[i] = sum;
    last = i;
  }
  return driven;
}

}  // namespace

std::vector<double> filled_between(std::span<const double> times, std::span<const double> values,
                                   double max_gap) {
  std::vector<double> filled(values.begin(), values.end());
  std::size_t last = values.size();
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (std::isnan(values[i])) continue;
    if (last < values.size() && i > last + 1 && times[i] - times[last] <= max_gap) {
      const double slope =
          times[i] > times[last] ? (values[i] - values[last]) / (times[i] - times[last]) : 0.0;
      for (std::size_t k = last + 1; k < i; ++k) {
        filled[k] = values[last] + slope * (times[k] - times[last]);
      }
    }
    last = i;
  }
  return filled;
}

double usual_step(std::span<const double> times, std::span<const double> values) {
  std::vector<double> steps;
  std::size_t last = values.size();
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (std::isnan(values[i])) continue;
    if (last < values.size() && times[i] > times[last]) steps.push_back(times[i] - times[last]);
    last = i;
  }
  if (steps.empty()) return 0;
  const auto middle = steps.begin() + static_cast<std::ptrdiff_t>(steps.size() / 2);
  std::ranges::nth_element(steps, middle);
  return *middle;
}

std::vector<double> driven_distance(const LapPath& lap) {
  const auto has_some = [](const std::vector<double>& values) {
    return std::ranges::count_if(values, [](double v) { return !std::isnan(v); }) >= 2;
  };
  std::vector<double> driven;
  if (has_some(lap.distance_m)) {
    driven = lap.distance_m;
  } else if (has_some(lap.speed_kmh)) {
    driven = integrated(lap);
  } else {
    return {};
  }
  driven = filled_between(lap.time_s, driven, std::numeric_limits<double>::infinity());
  double furthest = -std::numeric_limits<double>::infinity();
  for (double& metres : driven) {
    if (std::isnan(metres)) continue;
    metres = furthest = std::max(furthest, metres);
  }
  return driven;
}

namespace {

/// How far it is from a reading to a time beside it, by the readings from there to `other`: by
/// their speeds, if those fit, and how they change; else by the mean of what was driven.
double way_between(const LapPath& lap, std::span<const double> driven, std::size_t near,
                   std::size_t other, double time) {
  static constexpr double kSpeedsDiffer = 0.25;
  const double apart = lap.time_s[other] - lap.time_s[near];
  if (apart == 0) return 0;
  const double seconds = time - lap.time_s[near];
  const double mean = std::max(0.0, (driven[other] - driven[near]) / apart);
  if (!lap.speed_kmh.empty()) {
    const double from = lap.speed_kmh[near] / kKmhPerMps;
    const double change = (lap.speed_kmh[other] / kKmhPerMps - from) / apart;
    const double there = from + change * seconds / 2;
    const bool fits = std::abs(from + change * apart / 2 - mean) <= kSpeedsDiffer * mean;
    if (fits && there >= 0) return there * std::abs(seconds);
  }
  return mean * std::abs(seconds);
}

}  // namespace

std::optional<LapEnds> ends_of(const LapPath& lap, std::span<const double> driven) {
  static constexpr double kFarS = 3;    // from the line, the first or last reading
  static constexpr double kSlopeS = 1;  // over which the speed beside it is taken
  std::size_t first = driven.size();
  std::size_t last = driven.size();
  for (std::size_t i = 0; i < driven.size(); ++i) {
    if (std::isnan(driven[i]) || lap.time_s[i] < 0 || lap.time_s[i] > lap.lap_time_s) continue;
    if (first == driven.size()) first = i;
    last = i;
  }
  if (first == driven.size() || last == first) return std::nullopt;
  if (lap.time_s[first] > kFarS || lap.lap_time_s - lap.time_s[last] > kFarS) return std::nullopt;
  std::size_t behind = first;
  while (behind < last && (lap.time_s[behind] - lap.time_s[first] < kSlopeS)) ++behind;
  std::size_t before = last;
  while (before > first && (lap.time_s[last] - lap.time_s[before] < kSlopeS)) --before;
  const double begin = driven[first] - way_between(lap, driven, first, behind, 0);
  const double end = driven[last] + way_between(lap, driven, last, before, lap.lap_time_s);
  if (!(end > begin)) return std::nullopt;
  return LapEnds{begin, end};
}

std::vector<double> scaled_distance(const LapPath& lap, double length_m) {
  std::vector<double> driven = driven_distance(lap);
  const auto ends = ends_of(lap, driven);
  if (!ends) return {};
  for (double& metres : driven) {
    metres =
        std::clamp((metres - ends->begin_m) / (ends->end_m - ends->begin_m), 0.0, 1.0) * length_m;
  }
  return driven;
}

double driven_length(const LapPath& lap) {
  const auto ends = ends_of(lap, driven_distance(lap));
  return ends ? ends->end_m - ends->begin_m : 0;
}

}  // namespace slipstream
