#include "racing/race_field.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

#include "base/json_text.h"
#include "model/schema.h"

namespace slipstream {
namespace {

constexpr double kMistakesPerCorner = 0.02;
constexpr double kWearPerLap = 0.0006;
constexpr double kMostWear = 0.03;

double to_resolution(double value, double resolution) {
  return std::round(value / resolution) * resolution + 0.0;
}

}  // namespace

RaceField::RaceField(FieldOptions options)
    : options_(std::move(options)), circuit_(demo_circuit(options_.total_m)) {
  Random draw(options_.seed);
  cars_.resize(options_.cars);
  for (std::size_t i = 0; i < cars_.size(); ++i) {
    Car& car = cars_[i];
    car.chassis = fmt::format("GR86-{:03}-{:02}", i + 1, i % 99 + 1);
    car.driver = Random(draw.next());
    car.pace = 1 + 0.012 * draw.bell();
    car.scatter = 0.006 + 0.008 * draw.uniform();
    car.model.power_w *= 1 + 0.006 * draw.bell();
    car.model.mass_kg *= 1 + 0.004 * draw.bell();
    const double share = static_cast<double>(i) / static_cast<double>(cars_.size());
    car.distance_m = (1 - share) * circuit_.total_m() * 0.999;
    begin_lap(car, true);
  }
}

void RaceField::begin_lap(Car& car, bool flying) {
  const double wear = std::min(kMostWear, kWearPerLap * (car.lap - 1));
  std::vector<double> grip(static_cast<std::size_t>(circuit_.corners()));
  for (double& corner : grip) {
    corner = car.pace * (1 - wear) * (1 + car.scatter * car.driver.bell());
    // A missed apex or a late braking point: the whole corner is slow.
    if (car.driver.uniform() < kMistakesPerCorner) corner *= 0.82 + 0.1 * car.driver.uniform();
    corner = std::min(corner, 1.06);
  }
  const auto start = flying ? std::nullopt : std::optional(car.profile.speed_mps.back());
  car.profile = drive_lap(circuit_, car.model, grip, start);
}

void RaceField::step() {
  const double dt = 1 / options_.rate_hz;
  for (Car& car : cars_) {
    const double half_way = car.distance_m + car.profile.speed_at(car.distance_m) * dt / 2;
    car.distance_m += car.profile.speed_at(half_way) * dt;
    if (car.distance_m < circuit_.total_m()) continue;
    car.distance_m -= circuit_.total_m();
    car.lap = car.lap < Schema::kMaxLap ? car.lap + 1 : 1;
    begin_lap(car, false);
  }
  ++steps_;
}

std::size_t RaceField::advance_to(double time_s) {
  const double due = std::floor(time_s * options_.rate_hz + 1e-9);
  std::size_t made = 0;
  for (; static_cast<double>(steps_) < due; ++made) step();
  return made;
}

CarReading RaceField::reading(std::size_t index) const {
  const Car& car = cars_[index];
  // Noise belongs to the reading, so that reading twice or not at all changes nothing.
  Random noise(options_.seed ^ (index + 1) * 0xD1B54A32D192ED03u ^ steps_ * 0x8CB92BA72F3D8DD7u);
  const double speed = car.profile.speed_at(car.distance_m);
  const double acceleration = car.profile.acceleration_at(car.distance_m);
  const double curvature = circuit_.curvature_at(car.distance_m);
  const auto pedals = car.model.pedals(speed, acceleration);
  const auto place = circuit_.position_at(car.distance_m);

  CarReading r;
  r.sequence = steps_ + 1;
  r.lap = car.lap;
  r.lapdist_m = to_resolution(car.distance_m, 0.1);
  r.speed_kmh = to_resolution(std::max(0.0, speed * 3.6 + 0.05 * noise.bell()), 0.01);
  r.accx_g = to_resolution(acceleration / CarModel::kGravity + 0.012 * noise.bell(), 0.001);
  r.accy_g =
      to_resolution(speed * speed * curvature / CarModel::kGravity + 0.015 * noise.bell(), 0.001);
  r.steering_deg =
      to_resolution(car.model.steering_deg(speed, curvature) + 0.6 * noise.bell(), 0.1);
  if (pedals.brake_bar > 0) {
    const double bar = pedals.brake_bar * (1 + 0.02 * noise.bell());
    r.brake_front_bar = to_resolution(bar, 0.005);
    r.brake_rear_bar = to_resolution(bar * (1.02 + 0.01 * noise.bell()), 0.005);
  }
  r.gear = car.model.gear_at(speed);
  r.rpm = to_resolution(car.model.engine_rpm(speed, r.gear) + 8 * noise.bell(), 1);
  r.throttle_percent = to_resolution(std::clamp(pedals.throttle_percent, 0.0, 100.0), 0.01);
  r.latitude = place.latitude + 1.5e-6 * noise.bell();
  r.longitude = place.longitude + 1.5e-6 * noise.bell();
  return r;
}

void RaceField::append_point(std::size_t car, EventTime when, std::string& out) const {
  const CarReading r = reading(car);
  out += "{\"meta_time\":";
  append_json_time(out, when.ns);
  out += ",\"track\":";
  append_json_string(out, options_.track);
  out += ",\"chassis\":";
  append_json_string(out, chassis(car));
  fmt::format_to(std::back_inserter(out),
                 ",\"lap\":{},\"lapdist_m\":{:.1f},\"speed_kmh\":{:.2f},\"accx_can\":{:.3f},"
                 "\"accy_can\":{:.3f},\"Steering_Angle\":{:.1f},\"pbrake_f\":{:.3f},"
                 "\"pbrake_r\":{:.3f},\"rpm\":{:.0f},\"gear\":{},\"aps\":{:.2f},"
                 "\"VBOX_Lat_Min\":{:.7f},\"VBOX_Long_Minutes\":{:.7f},\"seq\":{}}}",
                 r.lap, r.lapdist_m, r.speed_kmh, r.accx_g, r.accy_g, r.steering_deg,
                 r.brake_front_bar, r.brake_rear_bar, r.rpm, r.gear, r.throttle_percent, r.latitude,
                 r.longitude, r.sequence);
}

}  // namespace slipstream
