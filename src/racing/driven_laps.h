#pragma once
#include <cmath>
#include <cstdint>
#include <limits>
#include <numbers>
#include <vector>

#include "racing/circuit.h"
#include "racing/lap_path.h"
#include "racing/race_field.h"
#include "racing/random.h"
#include "racing/track_line.h"

/// Laps of the demo's circuit as cars drive them, for tests: with the truth beside them.
namespace slipstream::driven_laps {

struct DrivenLap {
  LapPath path;
  std::vector<double> true_time_s;      ///< of each reading, or of what should have been one
  std::vector<double> true_distance_m;  ///< along the circuit, growing
};

struct Driving {
  double noise_m = 1;  ///< of positions
  double line_m = 2;   ///< how far from the circuit's line the car swings
  double phase = 0;    ///< where
  double loss = 0.03;  ///< share of readings that are missing
  std::uint64_t seed = 1;
};

inline PlanePoint in_plane(const Circuit& circuit, double distance_m) {
  constexpr double kMetresPerDegree = 111'195;
  const auto origin = circuit.position_at(0);
  const auto place = circuit.position_at(distance_m);
  return {(place.longitude - origin.longitude) * kMetresPerDegree *
              std::cos(origin.latitude * std::numbers::pi / 180),
          (place.latitude - origin.latitude) * kMetresPerDegree};
}

/// The next whole lap of the field's car; the other cars go on with it.
inline DrivenLap drive(RaceField& field, std::size_t car, const Driving& driving) {
  constexpr double kStepS = 0.04;
  const Circuit& circuit = field.circuit();
  const double total = circuit.total_m();
  const auto distance = [&] { return field.reading(car).lapdist_m; };
  double before = distance();
  while (true) {
    field.step();
    if (distance() < before) break;
    before = distance();
  }
  const auto share_behind_line = [&](double last, double first) {
    return first / (total - last + first);
  };
  double time = share_behind_line(before, distance()) * kStepS;
  DrivenLap lap;
  Random random(driving.seed);
  double driven = 0;
  double last = 0;
  const auto swing = [&](double s) {
    return driving.line_m * std::sin(2 * std::numbers::pi * 12 * s / total + driving.phase);
  };
  while (true) {
    const auto reading = field.reading(car);
    if (reading.lapdist_m < last) {
      lap.path.lap_time_s = time - share_behind_line(last, reading.lapdist_m) * kStepS;
      break;
    }
    const double s = reading.lapdist_m;
    // On the inside of a corner the way is shorter.
    driven += (s - last) * (1 - circuit.curvature_at((s + last) / 2) * swing(s));
    last = s;
    lap.true_time_s.push_back(time);
    lap.true_distance_m.push_back(s);
    if (random.uniform() >= driving.loss) {
      const PlanePoint here = in_plane(circuit, s);
      const PlanePoint ahead = in_plane(circuit, std::min(total, s + 1));
      const PlanePoint behind = in_plane(circuit, std::max(0.0, s - 1));
      const double length = std::hypot(ahead.x_m - behind.x_m, ahead.y_m - behind.y_m);
      lap.path.time_s.push_back(time);
      lap.path.distance_m.push_back(std::round(driven * 10) / 10);
      lap.path.speed_kmh.push_back(reading.speed_kmh);
      lap.path.x_m.push_back(here.x_m - (ahead.y_m - behind.y_m) / length * swing(s) +
                             driving.noise_m * random.bell());
      lap.path.y_m.push_back(here.y_m + (ahead.x_m - behind.x_m) / length * swing(s) +
                             driving.noise_m * random.bell());
    }
    field.step();
    time += kStepS;
  }
  return lap;
}

/// When the car was there, by the truth.
inline double true_time_at(const DrivenLap& lap, double distance_m) {
  for (std::size_t i = 1; i < lap.true_distance_m.size(); ++i) {
    if (lap.true_distance_m[i] < distance_m) continue;
    const double width = lap.true_distance_m[i] - lap.true_distance_m[i - 1];
    const double share = width > 0 ? (distance_m - lap.true_distance_m[i - 1]) / width : 0;
    return lap.true_time_s[i - 1] + share * (lap.true_time_s[i] - lap.true_time_s[i - 1]);
  }
  return lap.path.lap_time_s;
}

}  // namespace slipstream::driven_laps
