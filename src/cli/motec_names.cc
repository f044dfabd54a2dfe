#include "cli/motec_names.h"

#include <fmt/format.h>

#include <utility>

namespace slipstream {
namespace {

struct Usual {
  std::string_view field;
  std::string_view name;
  std::string_view short_name;
  std::string_view unit;
  double factor = 1;
};

constexpr Usual kUsual[] = {
    {"speed_kmh", "Ground Speed", "Speed", "km/h"},
    {"rpm", "Engine RPM", "RPM", "rpm"},
    {"gear", "Gear", "Gear", ""},
    {"throttle", "Throttle Pos", "Thr Pos", "%", 100},
    {"aps", "Throttle Pos", "Thr Pos", "%"},
    {"ath", "Throttle Blade Pos", "Thr Bl", "%"},
    {"brake", "Brake Pos", "Brk Pos", "%", 100},
    {"pbrake_f", "Brake Pres Front", "Brk P F", "bar"},
    {"pbrake_r", "Brake Pres Rear", "Brk P R", "bar"},
    {"Steering_Angle", "Steered Angle", "Str Ang", "deg"},
    {"steer", "Steering Pos", "Str Pos", "%", 100},
    {"accx_can", "G Force Long", "G Long", "G"},
    {"accy_can", "G Force Lat", "G Lat", "G"},
    {"lapdist_m", "Lap Distance", "Lap Dist", "m"},
    {"lap_time_s", "Running Lap Time", "Lap Time", "s"},
    {"last_lap_s", "Last Lap Time", "Last Lap", "s"},
    {"VBOX_Lat_Min", "GPS Latitude", "Lat", "deg"},
    {"VBOX_Long_Minutes", "GPS Longitude", "Long", "deg"},
    {"lat", "GPS Latitude", "Lat", "deg"},
    {"lon", "GPS Longitude", "Long", "deg"},
    {"latitude", "GPS Latitude", "Lat", "deg"},
    {"longitude", "GPS Longitude", "Long", "deg"},
};

constexpr std::pair<std::string_view, std::string_view> kUnits[] = {
    {"_kmh", "km/h"}, {"_mps", "m/s"}, {"_m", "m"},     {"_s", "s"},     {"_c", "C"},
    {"_pct", "%"},    {"_psi", "psi"}, {"_kpa", "kPa"}, {"_rad", "rad"}, {"_deg", "deg"}};

std::string ascii_of(std::string_view text) {
  std::string ascii;
  for (const char c : text) {
    if ((c & 0xC0) == 0x80) continue;  // goes on with the character before
    ascii += c >= ' ' && c <= '~' ? c : '?';
  }
  return ascii;
}

std::string_view unit_of(std::string_view field) {
  for (const auto& [end, unit] : kUnits) {
    if (field.ends_with(end)) return unit;
  }
  return {};
}

}  // namespace

MotecName MotecNames::name_of(std::string_view field) {
  for (const Usual& usual : kUsual) {
    if (usual.field != field) continue;
    std::string name(usual.name);
    // Another field has it: this one keeps its own name, and its values.
    if (!taken_.insert(name).second) break;
    return {std::move(name), std::string(usual.short_name), std::string(usual.unit), usual.factor};
  }
  std::string name = ascii_of(field).substr(0, kMostBytes);
  return {made_unique(std::move(name)), "", std::string(unit_of(field))};
}

std::string MotecNames::made_unique(std::string name) {
  if (taken_.insert(name).second) return name;
  for (int n = 2;; ++n) {
    const std::string behind = fmt::format("~{}", n);
    std::string other = name.substr(0, kMostBytes - behind.size()) + behind;
    if (taken_.insert(other).second) return other;
  }
}

}  // namespace slipstream
