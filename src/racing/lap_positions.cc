#include "racing/lap_positions.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "racing/lap_ends.h"

namespace slipstream {
namespace {

constexpr double kEvenedOffsetS = 0.6;  // either way of a reading
constexpr double kEvenedS = 4;
constexpr double kFadeS = 5;
constexpr double kOffTrackM = 40;  // from the line: this is no place on it
constexpr double kCurveM = 10;     // either way of a place, that the line's curvature is taken over

/// A figure of a reading that has a position.
struct TimedMetres {
  double time_s;
  double metres;
};

struct Projections {
  std::vector<std::size_t> readings;
  std::vector<TrackLine::Place> places;
};

Projections project_all(const LapPath& lap, const TrackLine& line,
                        const std::vector<double>& around) {
  Projections found;
  double off = 0;  // of the projections, from the distance
  for (std::size_t i = 0; i < lap.size(); ++i) {
    if (std::isnan(lap.x_m[i]) || std::isnan(lap.y_m[i]) || std::isnan(around[i])) continue;
    const auto place = line.project({lap.x_m[i], lap.y_m[i]}, around[i] + off, kProjectionReachM);
    if (std::abs(place.offset_m) > kOffTrackM) continue;
    off += (place.distance_m - around[i] - off) / 4;  // one wrong position leads nobody astray
    found.readings.push_back(i);
    found.places.push_back(place);
  }
  return found;
}

/// At each time the straight line through the samples around it; NaN where there are none.
std::vector<double> evened(const std::vector<TimedMetres>& samples,
                           const std::vector<double>& times, double reach_s) {
  std::vector<double> even;
  std::size_t from = 0;
  for (const double time : times) {
    while (from < samples.size() && samples[from].time_s < time - reach_s) ++from;
    double w = 0, wt = 0, wtt = 0, wm = 0, wtm = 0;
    for (std::size_t i = from; i < samples.size() && samples[i].time_s <= time + reach_s; ++i) {
      const double t = (samples[i].time_s - time) / reach_s;
      const double weight = 1 - t * t;
      w += weight;
      wt += weight * t;
      wtt += weight * t * t;
      wm += weight * samples[i].metres;
      wtm += weight * t * samples[i].metres;
    }
    const double determinant = w * wtt - wt * wt;
    if (w <= 0) {
      even.push_back(std::numeric_limits<double>::quiet_NaN());
    } else if (determinant < 1e-6 * w * w) {
      even.push_back(wm / w);
    } else {
      even.push_back((wm * wtt - wt * wtm) / determinant);
    }
  }
  return filled_between(times, even, std::numeric_limits<double>::infinity());
}

double curvature_at(const TrackLine& line, double distance_m) {
  const PlanePoint a = line.direction_at(distance_m - kCurveM);
  const PlanePoint b = line.direction_at(distance_m + kCurveM);
  return std::asin(std::clamp(a.x_m * b.y_m - a.y_m * b.x_m, -1.0, 1.0)) / (2 * kCurveM);
}

/// What was driven, as it is along the line: on the inside of a corner more than was driven, on the
/// outside less.
std::vector<double> along_line(const TrackLine& line, const std::vector<double>& around,
                               const std::vector<double>& offsets) {
  std::vector<double> along = around;
  for (std::size_t i = 1; i < around.size(); ++i) {
    const double driven = around[i] - around[i - 1];
    if (std::isnan(driven) || std::isnan(along[i - 1])) continue;
    const double offset = std::isnan(offsets[i]) ? 0 : offsets[i];
    const double shorter = std::clamp(curvature_at(line, around[i]) * offset, -0.5, 0.5);
    along[i] = along[i - 1] + driven / (1 - shorter);
  }
  return along;
}

/// From 1 at an end of the lap to 0.
double faded(double seconds) {
  return std::clamp(1 - seconds / kFadeS, 0.0, 1.0);
}

}  // namespace

std::vector<double> lap_positions(const LapPath& lap, const TrackLine& line) {
  const double length = line.length_m();
  const std::vector<double> around = scaled_distance(lap, length);
  if (around.empty() || !line.has_shape() || lap.x_m.empty() || lap.y_m.empty()) return around;
  const Projections found = project_all(lap, line, around);
  if (found.places.size() < 2) return around;
  std::vector<TimedMetres> samples;
  for (std::size_t k = 0; k < found.places.size(); ++k) {
    samples.push_back({lap.time_s[found.readings[k]], found.places[k].offset_m});
  }
  const auto offsets = evened(samples, lap.time_s, kEvenedOffsetS);
  std::vector<double> places = along_line(line, around, offsets);
  for (std::size_t k = 0; k < found.places.size(); ++k) {
    samples[k].metres = found.places[k].distance_m - places[found.readings[k]];
  }
  const auto off = evened(samples, lap.time_s, kEvenedS);
  for (std::size_t i = 0; i < places.size(); ++i) places[i] += std::isnan(off[i]) ? 0 : off[i];
  // The crossings of the line are known better than any position: both ends are put there, and what
  // they were off fades out, since it is noise of the readings beside them.
  const auto ends = ends_of(lap, places);
  if (!ends) return around;
  double furthest = 0;
  for (std::size_t i = 0; i < places.size(); ++i) {
    if (std::isnan(places[i])) continue;
    const double place = places[i] - ends->begin_m * faded(lap.time_s[i]) -
                         (ends->end_m - length) * faded(lap.lap_time_s - lap.time_s[i]);
    places[i] = furthest = std::clamp(place, furthest, length);
  }
  return places;
}

}  // namespace slipstream
