#include "racing/car.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace slipstream {
namespace {

constexpr double kTopSpeedMps = 75;
constexpr double kWalkingMps = 1.5;   // keeps power / speed finite
constexpr double kPedalTravelM = 14;  // no foot is faster

/// The share of the tires left for going faster or slower while they hold the car in a corner.
/// Never quite none: a driver always finds a little.
double share_left(double speed, double curvature, double grip) {
  const double used = speed * speed * std::abs(curvature) / grip;
  return std::sqrt(std::max(0.01, 1 - used * used));
}

/// A running mean that narrows towards both ends and so leaves them where they are: the next lap
/// begins with the speed this one ends with.
std::vector<double> eased(const std::vector<double>& values, std::size_t half_width) {
  std::vector<double> sums(values.size() + 1);
  for (std::size_t i = 0; i < values.size(); ++i) sums[i + 1] = sums[i] + values[i];
  std::vector<double> out(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::size_t w = std::min({half_width, i, values.size() - 1 - i});
    out[i] = (sums[i + w + 1] - sums[i - w]) / static_cast<double>(2 * w + 1);
  }
  return out;
}

}  // namespace

double CarModel::engine_rpm(double speed_mps, int gear) const {
  const double turns_per_minute = speed_mps * 60 / wheel_round_m;
  return turns_per_minute * gears[static_cast<std::size_t>(gear - 1)] * final_drive;
}

int CarModel::gear_at(double speed_mps) const {
  int gear = lowest_gear;
  while (gear < static_cast<int>(gears.size()) && engine_rpm(speed_mps, gear) > shift_rpm) ++gear;
  return gear;
}

double CarModel::steering_deg(double speed_mps, double curvature) const {
  const double wheels = std::atan(wheelbase_m * curvature) * 180 / std::numbers::pi;
  const double lateral_g = speed_mps * speed_mps * curvature / kGravity;
  return steering_ratio * (wheels + understeer_deg_per_g * lateral_g);
}

double CarModel::resistance_n(double speed_mps) const {
  return drag_kg_per_m * speed_mps * speed_mps + rolling * mass_kg * kGravity;
}

double CarModel::drive_n(double speed_mps) const {
  return std::min(power_w / std::max(speed_mps, kWalkingMps), traction_g * mass_kg * kGravity);
}

CarModel::Pedals CarModel::pedals(double speed_mps, double acceleration) const {
  const double force = mass_kg * acceleration + resistance_n(speed_mps);
  if (force >= 0) {
    // A foot that asks for nearly everything is on the floor.
    const double asked = force / drive_n(speed_mps) * 100;
    return {asked > 95 ? 100 : asked, 0};
  }
  const double brake_n = -force - engine_braking * mass_kg * kGravity;
  return {0, std::max(0.0, brake_n / (mass_kg * kGravity)) * brake_bar_per_g};
}

double LapProfile::speed_at(double distance_m) const {
  const double place =
      std::clamp(distance_m / step_m, 0.0, static_cast<double>(speed_mps.size() - 1));
  const auto node = std::min(static_cast<std::size_t>(place), speed_mps.size() - 2);
  const double share = place - static_cast<double>(node);
  return speed_mps[node] + (speed_mps[node + 1] - speed_mps[node]) * share;
}

double LapProfile::acceleration_at(double distance_m) const {
  const double place =
      std::clamp(distance_m / step_m, 0.0, static_cast<double>(speed_mps.size() - 1));
  const auto node = std::min(static_cast<std::size_t>(place), speed_mps.size() - 2);
  return speed_at(distance_m) * (speed_mps[node + 1] - speed_mps[node]) / step_m;
}

LapProfile drive_lap(const Circuit& circuit, const CarModel& car,
                     std::span<const double> corner_grip, std::optional<double> start_speed_mps) {
  const std::size_t n = circuit.nodes();
  const double step = circuit.step_m();
  const auto grip_at = [&](std::size_t node) {
    const auto corner = static_cast<std::size_t>(circuit.corner_at_node(node));
    return car.grip_g * CarModel::kGravity * corner_grip[corner];
  };

  std::vector<double> ceiling(n);
  for (std::size_t i = 0; i < n; ++i) {
    const double curvature = std::max(std::abs(circuit.curvature_at_node(i)), 1e-9);
    ceiling[i] = std::min(kTopSpeedMps, std::sqrt(grip_at(i) / curvature));
  }
  // Twice around, since a corner behind the line decides where braking before it begins.
  for (std::size_t k = 2 * n; k-- > 0;) {
    const std::size_t i = k % n;
    const double next = ceiling[(i + 1) % n];
    const double braking = car.braking_g * CarModel::kGravity *
                           share_left(next, circuit.curvature_at_node(i), grip_at(i));
    ceiling[i] = std::min(ceiling[i], std::sqrt(next * next + 2 * step * braking));
  }

  const auto faster = [&](double speed, std::size_t i) {
    const double left = share_left(speed, circuit.curvature_at_node(i), grip_at(i));
    const double drive =
        std::min(car.drive_n(speed), car.traction_g * car.mass_kg * CarModel::kGravity * left);
    const double acceleration = (drive - car.resistance_n(speed)) / car.mass_kg;
    const double squared = speed * speed + 2 * step * acceleration;
    return std::sqrt(std::max(squared, kWalkingMps * kWalkingMps));
  };
  double speed = start_speed_mps.value_or(ceiling[0]);
  if (!start_speed_mps) {
    for (std::size_t i = 0; i < n; ++i) speed = std::min(faster(speed, i), ceiling[(i + 1) % n]);
  }
  LapProfile lap{.step_m = step, .speed_mps = {}};
  lap.speed_mps.reserve(n + 1);
  lap.speed_mps.push_back(std::min(speed, ceiling[0]));
  for (std::size_t i = 0; i < n; ++i) {
    lap.speed_mps.push_back(std::min(faster(lap.speed_mps.back(), i), ceiling[(i + 1) % n]));
  }
  const auto half_width = static_cast<std::size_t>(kPedalTravelM / step / 2);
  lap.speed_mps = eased(eased(lap.speed_mps, half_width), half_width);
  return lap;
}

}  // namespace slipstream
