#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numbers>
#include <optional>
#include <utility>
#include <vector>

#include "racing/car.h"
#include "racing/circuit.h"
#include "racing/lap_path.h"
#include "racing/race_field.h"
#include "racing/random.h"
#include "racing/track_line.h"

/// Laps as cars drive them, for tests: with the truth beside them.
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
  double loss = 0.03;  ///< share of losses that begin at a reading
  std::uint64_t seed = 1;
  double rate_hz = 25;     ///< readings a second; of a RaceField always its own
  int distance_every = 1;  ///< each so manieth reading has distance and speed
  int position_every = 1;
  int most_lost = 1;  ///< in a row
};

inline PlanePoint in_plane(const Circuit& circuit, double distance_m) {
  constexpr double kMetresPerDegree = 111'195;
  const auto origin = circuit.position_at(0);
  const auto place = circuit.position_at(distance_m);
  return {(place.longitude - origin.longitude) * kMetresPerDegree *
              std::cos(origin.latitude * std::numbers::pi / 180),
          (place.latitude - origin.latitude) * kMetresPerDegree};
}

/// Writes down a lap of the circuit as its readings come.
class LapRecorder {
 public:
  LapRecorder(const Circuit& circuit, const Driving& driving)
      : circuit_(circuit), driving_(driving), random_(driving.seed) {}

  Random& random() { return random_; }
  void add(double time_s, double distance_m, double speed_kmh) {
    // On the inside of a corner the way is shorter.
    driven_ += (distance_m - last_m_) *
               (1 - circuit_.curvature_at((distance_m + last_m_) / 2) * swing(distance_m));
    last_m_ = distance_m;
    lap_.true_time_s.push_back(time_s);
    lap_.true_distance_m.push_back(distance_m);
    const bool has_distance = count_ % driving_.distance_every == 0;
    const bool has_position = count_ % driving_.position_every == 0;
    ++count_;
    if (lost_ == 0 && random_.uniform() < driving_.loss) {
      lost_ = 1 + static_cast<int>(random_.uniform() * driving_.most_lost);
    }
    if (lost_ > 0) {
      --lost_;
      return;
    }
    lap_.path.time_s.push_back(time_s);
    lap_.path.distance_m.push_back(has_distance ? std::round(driven_ * 10) / 10 : kNone);
    lap_.path.speed_kmh.push_back(has_distance ? speed_kmh : kNone);
    const PlanePoint here = position(distance_m);
    lap_.path.x_m.push_back(has_position ? here.x_m : kNone);
    lap_.path.y_m.push_back(has_position ? here.y_m : kNone);
  }
  DrivenLap finish(double lap_time_s) {
    lap_.path.lap_time_s = lap_time_s;
    return std::move(lap_);
  }

 private:
  static constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

  double swing(double s) const {
    return driving_.line_m *
           std::sin(2 * std::numbers::pi * 12 * s / circuit_.total_m() + driving_.phase);
  }
  PlanePoint position(double s) {
    const PlanePoint here = in_plane(circuit_, s);
    const PlanePoint ahead = in_plane(circuit_, std::min(circuit_.total_m(), s + 1));
    const PlanePoint behind = in_plane(circuit_, std::max(0.0, s - 1));
    const double length = std::hypot(ahead.x_m - behind.x_m, ahead.y_m - behind.y_m);
    return {
        here.x_m - (ahead.y_m - behind.y_m) / length * swing(s) + driving_.noise_m * random_.bell(),
        here.y_m + (ahead.x_m - behind.x_m) / length * swing(s) +
            driving_.noise_m * random_.bell()};
  }

  const Circuit& circuit_;
  const Driving driving_;
  Random random_;
  DrivenLap lap_;
  double driven_ = 0;
  double last_m_ = 0;
  int count_ = 0;
  int lost_ = 0;
};

/// The next whole lap of the field's car; the other cars go on with it.
inline DrivenLap drive(RaceField& field, std::size_t car, const Driving& driving) {
  constexpr double kStepS = 0.04;
  const double total = field.circuit().total_m();
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
  LapRecorder lap(field.circuit(), driving);
  double last = 0;
  while (true) {
    const auto reading = field.reading(car);
    if (reading.lapdist_m < last) {
      return lap.finish(time - share_behind_line(last, reading.lapdist_m) * kStepS);
    }
    last = reading.lapdist_m;
    lap.add(time, reading.lapdist_m, reading.speed_kmh);
    field.step();
    time += kStepS;
  }
}

/// A flying lap of any circuit by the car of the model; each corner a little different.
inline DrivenLap drive(const Circuit& circuit, const Driving& driving) {
  constexpr double kStepS = 0.001;
  LapRecorder lap(circuit, driving);
  std::vector<double> grip(static_cast<std::size_t>(circuit.corners()));
  for (double& corner : grip) corner = 1 + 0.01 * lap.random().bell();
  const LapProfile profile = drive_lap(circuit, CarModel(), grip, std::nullopt);
  double next = lap.random().uniform() / driving.rate_hz;
  double distance = 0;
  for (double time = 0;; time += kStepS) {
    const double half = distance + profile.speed_at(distance) * kStepS / 2;
    const double speed = profile.speed_at(half);
    if (next < time + kStepS) {
      lap.add(next, std::min(circuit.total_m(), distance + speed * (next - time)), speed * 3.6);
      next += 1 / driving.rate_hz;
    }
    if (distance + speed * kStepS >= circuit.total_m()) {
      return lap.finish(time + (circuit.total_m() - distance) / speed);
    }
    distance += speed * kStepS;
  }
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

/// The furthest that any node of the line is from the circuit's, or that from the line, within 60 m
/// of where it stands along it.
inline double furthest_from(const TrackLine& line, const Circuit& circuit) {
  constexpr double kReachM = 60;
  std::vector<PlanePoint> road;
  const auto nodes = static_cast<std::size_t>(std::ceil(circuit.total_m()));
  const double step = circuit.total_m() / static_cast<double>(nodes);
  for (std::size_t k = 0; k < nodes; ++k) {
    road.push_back(in_plane(circuit, step * static_cast<double>(k)));
  }
  const TrackLine truth(std::move(road), circuit.total_m());
  double furthest = 0;
  const auto look = [&](const TrackLine& from, const TrackLine& to) {
    for (std::size_t k = 0; k < from.nodes().size(); ++k) {
      const double share = static_cast<double>(k) / static_cast<double>(from.nodes().size());
      const auto place = to.project(from.nodes()[k], to.length_m() * share, kReachM);
      furthest = std::max(furthest, std::abs(place.offset_m));
    }
  };
  look(line, truth);
  look(truth, line);
  return furthest;
}

}  // namespace slipstream::driven_laps
