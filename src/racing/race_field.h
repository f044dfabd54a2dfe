#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "racing/car.h"
#include "racing/circuit.h"
#include "racing/random.h"

namespace slipstream {

struct FieldOptions {
  std::size_t cars = 20;
  std::uint64_t seed = 1;
  std::string track = "barber";
  double total_m = 3'830;  ///< of the track; other tracks get the demo's layout in their length
  double rate_hz = 25;     ///< readings a second of each car
};

/// What a car's sensors read at one instant, with their noise and resolution.
struct CarReading {
  std::uint64_t sequence = 0;  ///< numbers a car's readings, from 1
  std::int32_t lap = 1;
  double lapdist_m = 0;
  double speed_kmh = 0;
  double accx_g = 0;  ///< longitudinal, braking is negative
  double accy_g = 0;  ///< lateral, left corners are positive
  double steering_deg = 0;
  double brake_front_bar = 0;
  double brake_rear_bar = 0;
  double rpm = 0;
  int gear = 1;
  double throttle_percent = 0;
  double latitude = 0;
  double longitude = 0;
};

/// A simulated race: cars that differ in driver and day, lap by lap with small mistakes and wearing
/// tires, all over the track from the first instant. They do not hinder one another.
/// The same options give the same readings, however the time is stepped.
/// Threads: one.
class RaceField {
 public:
  explicit RaceField(FieldOptions options = {});

  std::size_t size() const { return cars_.size(); }
  std::string_view chassis(std::size_t car) const { return cars_[car].chassis; }
  const Circuit& circuit() const { return circuit_; }
  double time_s() const { return static_cast<double>(steps_) / options_.rate_hz; }

  /// Moves every car on to its next reading, 1 / rate_hz later.
  void step();
  /// Steps until the race's clock stands at or just before `time_s`; returns the number of steps.
  std::size_t advance_to(double time_s);

  CarReading reading(std::size_t car) const;
  /// Appends the car's reading as a JSON point with every member of the contract.
  void append_point(std::size_t car, EventTime when, std::string& out) const;

 private:
  struct Car {
    std::string chassis;
    Random driver{0};
    CarModel model;
    double pace = 1;        ///< factor on grip
    double scatter = 0.01;  ///< deviation of a corner's grip from lap to lap
    double distance_m = 0;
    std::int32_t lap = 1;
    LapProfile profile;
  };

  void begin_lap(Car& car, bool flying);

  FieldOptions options_;
  Circuit circuit_;
  std::vector<Car> cars_;
  std::uint64_t steps_ = 0;
};

}  // namespace slipstream
