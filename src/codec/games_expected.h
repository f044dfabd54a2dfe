#pragma once
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "codec/games_testing.h"

// What the reference files say of captures, held against points: every value, to the bit.
namespace slipstream::games_testing {

using Object = simdjson::dom::object;
using Element = simdjson::dom::element;

inline double number_of(Element value) {
  if (value.is_double()) return double(value);
  return value.is_int64() ? double(std::int64_t(value)) : double(std::uint64_t(value));
}

inline std::string text_of(Element value) {
  const std::string_view text = value;
  return std::string(text);
}

/// What a value of the reference files is called in a point. `divisor`: of milliseconds.
struct Name {
  std::string name;
  double divisor = 1;
};

inline const std::map<std::string, Name>& f1_names() {
  static const std::map<std::string, Name> names = {{"overall", {"frame"}},
                                                    {"session_time", {"session_time_s"}},
                                                    {"lap_distance_m", {"lapdist_m"}},
                                                    {"lap_time_ms", {"lap_time_s", 1000}},
                                                    {"last_lap_ms", {"last_lap_s", 1000}},
                                                    {"sector1_ms", {"sector1_s", 1000}},
                                                    {"sector2_ms", {"sector2_s", 1000}},
                                                    {"gap_front_ms", {"gap_front_s", 1000}},
                                                    {"gap_leader_ms", {"gap_leader_s", 1000}},
                                                    {"pit_lane_ms", {"pit_lane_s", 1000}},
                                                    {"pit_stop_ms", {"pit_stop_s", 1000}},
                                                    {"g_lat", {"accy_can"}},
                                                    {"g_lon", {"accx_can"}},
                                                    {"floor_damage_pct", {"damage_floor_pct"}},
                                                    {"gearbox_damage_pct", {"damage_gearbox_pct"}},
                                                    {"engine_damage_pct", {"damage_engine_pct"}}};
  return names;
}

/// The names of an array's elements; "{}" stands for the wheel.
inline std::vector<std::string> f1_array(const std::string& name) {
  static const std::map<std::string, std::string> wheels = {
      {"brake_temp_c", "brake_temp_{}_c"},       {"tyre_surface_c", "tyre_temp_{}_c"},
      {"tyre_inner_c", "tyre_inner_{}_c"},       {"tyre_pressure_psi", "tyre_pressure_{}_psi"},
      {"surface_type", "surface_type_{}"},       {"tyre_wear_pct", "tyre_wear_{}_pct"},
      {"tyre_damage_pct", "damage_tyre_{}_pct"}, {"brake_damage_pct", "damage_brake_{}_pct"}};
  if (name == "pos_m") return {"x_m", "y_m", "z_m"};
  if (name == "wing_damage_pct") {
    return {"damage_wing_fl_pct", "damage_wing_fr_pct", "damage_wing_rear_pct"};
  }
  if (const auto at = wheels.find(name); at != wheels.end()) {
    std::vector<std::string> all;
    for (const auto wheel : {"rl", "rr", "fl", "fr"}) {
      all.push_back(fmt::format(fmt::runtime(at->second), wheel));
    }
    return all;
  }
  return {name + "_x", name + "_y", name + "_z"};
}

/// Which packet a value comes in.
inline int f1_packet(const std::string& name) {
  static const std::set<std::string> motion = {"pos_m",     "vel_ms",  "fwd_i16", "right_i16",
                                               "g_lat",     "g_lon",   "g_vert",  "yaw_rad",
                                               "pitch_rad", "roll_rad"};
  static const std::set<std::string> status = {
      "fuel_kg",  "fuel_capacity_kg", "fuel_laps", "tyre_actual",    "tyre_visual", "tyre_age_laps",
      "fia_flag", "ers_store_j",      "ers_mode",  "ers_deployed_j", "ers_mguk_j"};
  static const std::set<std::string> telemetry = {"speed_kmh",
                                                  "throttle",
                                                  "brake",
                                                  "steer",
                                                  "clutch_pct",
                                                  "gear",
                                                  "rpm",
                                                  "drs",
                                                  "rev_lights_pct",
                                                  "brake_temp_c",
                                                  "tyre_surface_c",
                                                  "tyre_inner_c",
                                                  "engine_temp_c",
                                                  "tyre_pressure_psi",
                                                  "surface_type"};
  if (motion.contains(name)) return 0;
  if (telemetry.contains(name)) return 6;
  if (status.contains(name)) return 7;
  if (name == "active_aero_mode" || name == "overtake_available") return 16;
  if (name.ends_with("_pct") || name == "engine_blown") return 10;
  return 2;
}

inline bool is_hidden(const std::string& name) {
  static const std::set<std::string> hidden = {"fuel_kg",
                                               "fuel_capacity_kg",
                                               "fuel_laps",
                                               "ers_store_j",
                                               "ers_mode",
                                               "ers_deployed_j",
                                               "ers_mguk_j",
                                               "tyre_wear_pct",
                                               "wing_damage_pct",
                                               "tyre_damage_pct",
                                               "brake_damage_pct",
                                               "floor_damage_pct",
                                               "gearbox_damage_pct",
                                               "engine_damage_pct"};
  return hidden.contains(name);
}

/// By session, frame and driver.
using Place = std::tuple<std::string, std::uint32_t, std::string>;

inline std::map<Place, Told> by_place(const std::vector<Told>& points) {
  std::map<Place, Told> all;
  for (const auto& point : points) {
    const Place place{point.text("session"), static_cast<std::uint32_t>(*point.number("frame")),
                      point.text("chassis")};
    EXPECT_TRUE(all.emplace(place, point).second) << "twice: frame " << *point.number("frame");
  }
  return all;
}

/// Points of F1's packets. `left_out`: frames that are not looked at.
inline void expect_f1(const std::vector<Told>& all, const std::vector<Datagram>& datagrams,
                      const std::string& expected, const std::set<std::uint32_t>& left_out = {}) {
  const auto points = by_place(all);
  std::set<int> packets;
  for (const auto& datagram : datagrams) packets.insert(datagram.bytes.at(6));
  std::uint32_t last_frame = 0;  // a part of the capture ends earlier
  for (const auto& [place, point] : points) last_frame = std::max(last_frame, std::get<1>(place));

  simdjson::dom::parser parser;
  std::size_t cars = 0;
  std::size_t values = 0;
  std::string track;
  std::string source_game;
  for (const auto& line : lines_of(expected)) {
    const Object want = parser.parse(line).get_object();
    const std::string kind = text_of(want["kind"]);
    if (kind == "meta") source_game = fmt::format("f1_{}", std::int64_t(want["packet_format"]));
    if (kind == "session") {
      track = text_of(want["track"]);
      for (char& c : track) c = c == ' ' ? '_' : static_cast<char>(std::tolower(c));
    }
    if (kind != "car") continue;
    const auto frame = static_cast<std::uint32_t>(number_of(want["overall"]));
    if (frame > last_frame || left_out.contains(frame)) continue;
    std::set<int> lost;
    if (Element list; want["lost_packets"].get(list) == simdjson::SUCCESS) {
      for (const auto id : list.get_array()) lost.insert(static_cast<int>(number_of(id)));
    }
    const std::string driver = text_of(want["driver"]);
    const auto at = points.find({text_of(want["uid"]), frame, driver});
    if (lost.contains(2)) {
      EXPECT_TRUE(at == points.end()) << "frame " << frame << " has no lap packet";
      continue;
    }
    ASSERT_TRUE(at != points.end()) << "frame " << frame << " of " << driver;
    const Told& point = at->second;
    ++cars;
    bool restricted = false;
    if (Element told; want["restricted"].get(told) == simdjson::SUCCESS) restricted = bool(told);
    EXPECT_EQ(point.restricted, restricted);
    EXPECT_EQ(point.text("track"), track);
    EXPECT_EQ(point.text("source_game"), source_game);
    static const std::set<std::string> others = {"kind",      "t_recv",       "uid",
                                                 "frame",     "car",          "driver",
                                                 "discarded", "lost_packets", "restricted"};
    for (const auto [key, value] : want) {
      const std::string name_of_value(key);
      if (others.contains(name_of_value)) continue;
      const int packet = f1_packet(name_of_value);
      const bool is_there = packets.contains(packet) && !lost.contains(packet) &&
                            !(restricted && is_hidden(name_of_value));
      const auto check = [&](const std::string& member, double want_number) {
        const auto got = point.number(member);
        EXPECT_EQ(got.has_value(), is_there) << member << " of " << driver << " in frame " << frame;
        if (!got || !is_there) return;
        EXPECT_EQ(*got, want_number) << member << " of " << driver << " in frame " << frame;
        ++values;
      };
      if (value.is_array()) {
        const auto names = f1_array(name_of_value);
        std::size_t i = 0;
        for (const auto element : value.get_array()) check(names.at(i++), number_of(element));
      } else if (name_of_value == "tyre_visual") {
        static const std::map<int, std::string> compounds = {
            {16, "SOFT"}, {17, "MEDIUM"}, {18, "HARD"}, {7, "INTER"}};
        if (is_there) {
          EXPECT_EQ(point.text("tyre_compound"), compounds.at(static_cast<int>(number_of(value))));
        }
      } else {
        const auto renamed = f1_names().find(name_of_value);
        const Name called = renamed == f1_names().end() ? Name{name_of_value} : renamed->second;
        check(called.name, number_of(value) / called.divisor);
      }
    }
    if (testing::Test::HasFailure()) return;
  }
  EXPECT_GT(cars, 50u);
  EXPECT_GT(values, cars * 30);
}

using Convert = double (*)(double);
struct Converted {
  const char* name;
  Convert convert = nullptr;
};

inline const std::map<std::string, Converted>& one_car_names() {
  static const Convert ms = [](double v) { return v / 1000; };
  static const Convert kmh = [](double v) { return v * 3.6; };
  static const Convert g = [](double v) { return v / 9.80665; };
  static const Convert share = [](double v) { return v / 255; };
  static const Convert celsius = [](double v) { return (v - 32) / 1.8; };
  static const Convert percent = [](double v) { return v * 100; };
  static const std::map<std::string, Converted> names = {
      {"CurrentEngineRpm", {"rpm"}},
      {"AccelerationX", {"accy_can", g}},
      {"AccelerationZ", {"accx_can", g}},
      {"PositionX", {"x_m"}},
      {"PositionY", {"y_m"}},
      {"PositionZ", {"z_m"}},
      {"Speed", {"speed_kmh", kmh}},
      {"LastLap", {"last_lap_s"}},
      {"CurrentLap", {"lap_time_s"}},
      {"RacePosition", {"position"}},
      {"Accel", {"throttle", share}},
      {"Brake", {"brake", share}},
      {"Steer", {"steer", [](double v) { return v / 127; }}},
      {"Gear", {"gear"}},
      {"TireTempFrontLeft", {"tyre_temp_fl_c", celsius}},
      {"TireTempFrontRight", {"tyre_temp_fr_c", celsius}},
      {"TireTempRearLeft", {"tyre_temp_rl_c", celsius}},
      {"TireTempRearRight", {"tyre_temp_rr_c", celsius}},
      {"TireWearFrontLeft", {"tyre_wear_fl_pct", percent}},
      {"TireWearFrontRight", {"tyre_wear_fr_pct", percent}},
      {"TireWearRearLeft", {"tyre_wear_rl_pct", percent}},
      {"TireWearRearRight", {"tyre_wear_rr_pct", percent}},
      {"engine_rpm", {"rpm"}},
      {"speed", {"speed_kmh", kmh}},
      {"lap_count", {"lap"}},
      {"best_lap_ms", {"best_lap_s", ms}},
      {"last_lap_ms", {"last_lap_s", ms}},
      {"time_of_day_ms", {"time_of_day_s", ms}},
      {"throttle", {"throttle", share}},
      {"brake", {"brake", share}},
      {"current_lap_ms", {"lap_time_s", ms}},
      {"gear_current", {"gear"}}};
  return names;
}

inline std::vector<std::string> one_car_array(const std::string& name, std::size_t size) {
  if (name == "position") return {"x_m", "y_m", "z_m"};
  std::vector<std::string> all;
  static const char* const kWheels[] = {"fl", "fr", "rl", "rr"};
  static const char* const kAxes[] = {"x", "y", "z"};
  for (std::size_t i = 0; i < size; ++i) {
    if (name == "tyre_temp") {
      all.push_back(fmt::format("tyre_temp_{}_c", kWheels[i]));
    } else if (size == 3) {
      all.push_back(fmt::format("{}_{}", name, kAxes[i]));
    } else if (size == 8) {
      all.push_back(fmt::format("{}_{}", name, i + 1));
    } else {
      all.push_back(fmt::format("{}_{}", name, kWheels[i]));
    }
  }
  return all;
}

/// Whether a car drives, by what the reference file says of a datagram.
inline bool is_driving(bool is_gt7, const Object& want) {
  return is_gt7 ? (static_cast<int>(number_of(want["flags"])) & 7) == 1
                : number_of(want["IsRaceOn"]) == 1;
}

/// Points of a game's datagrams that each have one car. `point_of`: that of the n-th datagram;
/// nullptr: there is none.
inline void expect_one_car(const std::string& name, std::size_t datagrams,
                           const std::string& expected,
                           const std::function<const Told*(std::size_t n)>& point_of) {
  simdjson::dom::parser parser;
  std::size_t told = 0;
  for (const auto& line : lines_of(expected)) {
    const Object want = parser.parse(line).get_object();
    if (text_of(want["kind"]) != "packet") continue;
    const auto n = static_cast<std::size_t>(number_of(want["n"]));
    if (n >= datagrams) continue;
    const Told* const at = point_of(n);
    const bool is_gt7 = name.starts_with("gt7");
    const bool is_racing = is_driving(is_gt7, want);
    ASSERT_EQ(at != nullptr, is_racing) << "datagram " << n;
    if (!is_racing) continue;
    ++told;
    const Told& point = *at;
    EXPECT_EQ(point.text("source_game"), is_gt7 ? "gt7" : name);
    for (const auto [key, value] : want) {
      const std::string called(key);
      static const std::set<std::string> others = {"kind", "n", "t_recv", "iv1", "magic"};
      if (others.contains(called) || (is_gt7 && called == "gear")) continue;
      if (value.is_string()) {
        EXPECT_EQ(point.text(called), std::string_view(value)) << called;
        continue;
      }
      if (value.is_array()) {
        const auto array = value.get_array().value();
        const auto names = one_car_array(called, array.size());
        std::size_t i = 0;
        for (const auto element : array) {
          EXPECT_EQ(point.number(names[i]), number_of(element)) << names[i] << " of " << n;
          ++i;
        }
        continue;
      }
      double want_number = number_of(value);
      const auto known = one_car_names().find(called);
      const std::string member = known == one_car_names().end() ? called : known->second.name;
      if (called.ends_with("lap_ms") && want_number < 0) {
        EXPECT_FALSE(point.number(member)) << "it is not set yet";
        continue;
      }
      if (known != one_car_names().end() && known->second.convert != nullptr) {
        want_number = known->second.convert(want_number);
      }
      EXPECT_EQ(point.number(member), want_number) << member << " of " << n;
    }
    if (testing::Test::HasFailure()) return;
  }
  EXPECT_GT(told, 2u);
}

}  // namespace slipstream::games_testing
