#pragma once
#include <array>
#include <optional>
#include <span>
#include <vector>

#include "racing/circuit.h"

namespace slipstream {

/// A race car as a point mass with tires: the GR86's figures, a cup car's tires and brakes.
struct CarModel {
  double mass_kg = 1'270;
  double power_w = 150'000;      ///< at the wheels
  double drag_kg_per_m = 0.52;   ///< air resistance = this x speed²
  double rolling = 0.015;        ///< of the weight
  double engine_braking = 0.03;  ///< of the weight, throttle closed
  double grip_g = 1.0;           ///< of the tires, in any direction
  double traction_g = 0.6;       ///< what the driven wheels put down
  double braking_g = 0.78;       ///< what the driver asks of the brakes
  double brake_bar_per_g = 30;
  double wheelbase_m = 2.575;
  double steering_ratio = 13.5;
  double understeer_deg_per_g = 1.2;
  std::array<double, 6> gears = {3.626, 2.188, 1.541, 1.213, 1.0, 0.767};
  double final_drive = 4.3;
  double wheel_round_m = 1.95;
  double shift_rpm = 7'150;
  int lowest_gear = 2;  ///< first is for the pit lane

  static constexpr double kGravity = 9.80665;

  double engine_rpm(double speed_mps, int gear) const;
  /// The lowest gear that keeps the engine below its shift point, from 1.
  int gear_at(double speed_mps) const;
  /// Steering wheel, degrees; left is positive.
  double steering_deg(double speed_mps, double curvature) const;

  struct Pedals {
    double throttle_percent;
    double brake_bar;
  };
  /// What the driver does to get this acceleration (m/s²) at this speed.
  Pedals pedals(double speed_mps, double acceleration) const;

  double resistance_n(double speed_mps) const;
  /// The most the engine gives: limited by its power or by the driven wheels.
  double drive_n(double speed_mps) const;
};

/// The speed of one lap: as fast as tires, engine and brakes allow with the given grip per corner.
struct LapProfile {
  double step_m = 1;
  std::vector<double> speed_mps;  ///< at every node of the circuit and, last, at the line again

  double speed_at(double distance_m) const;
  /// m/s², consistent with speed_at: speed x its slope.
  double acceleration_at(double distance_m) const;
};

/// Two passes: backwards from the corners with the brakes, forwards with the engine. A lap begins
/// with `start_speed_mps`, or is a flying one.
/// @param corner_grip one factor for each of the circuit's corners; 1 is the car's own grip.
LapProfile drive_lap(const Circuit& circuit, const CarModel& car,
                     std::span<const double> corner_grip, std::optional<double> start_speed_mps);

}  // namespace slipstream
