#include "game/f1_layout.h"

#include <algorithm>

#include "game/scales.h"

namespace slipstream::game {
namespace {

// Wheels stand in the order RL, RR, FL, FR.

constexpr Row kMotion2023[] = {
    {"x_m", Wire::kF32, 0},          {"y_m", Wire::kF32, 4},
    {"z_m", Wire::kF32, 8},          {"vel_ms_x", Wire::kF32, 12},
    {"vel_ms_y", Wire::kF32, 16},    {"vel_ms_z", Wire::kF32, 20},
    {"fwd_i16_x", Wire::kI16, 24},   {"fwd_i16_y", Wire::kI16, 26},
    {"fwd_i16_z", Wire::kI16, 28},   {"right_i16_x", Wire::kI16, 30},
    {"right_i16_y", Wire::kI16, 32}, {"right_i16_z", Wire::kI16, 34},
    {"accy_can", Wire::kF32, 36},    {"accx_can", Wire::kF32, 40},
    {"g_vert", Wire::kF32, 44},      {"yaw_rad", Wire::kF32, 48},
    {"pitch_rad", Wire::kF32, 52},   {"roll_rad", Wire::kF32, 56},
};

constexpr Row kMotion2026[] = {
    {"x_m", Wire::kF32, 0},
    {"y_m", Wire::kF32, 4},
    {"z_m", Wire::kF32, 8},
    {"vel_ms_x", Wire::kF32, 12},
    {"vel_ms_y", Wire::kF32, 16},
    {"vel_ms_z", Wire::kF32, 20},
    {"fwd_i16_x", Wire::kI16, 24},
    {"fwd_i16_y", Wire::kI16, 26},
    {"fwd_i16_z", Wire::kI16, 28},
    {"right_i16_x", Wire::kI16, 30},
    {"right_i16_y", Wire::kI16, 32},
    {"right_i16_z", Wire::kI16, 34},
    {"accy_can", Wire::kI16, 36, kThousandths},
    {"accx_can", Wire::kI16, 38, kThousandths},
    {"g_vert", Wire::kI16, 40, kThousandths},
    {"yaw_rad", Wire::kF32, 42},
    {"pitch_rad", Wire::kF32, 46},
    {"roll_rad", Wire::kF32, 50},
};

constexpr Row kLap2023[] = {
    {"last_lap_s", Wire::kU32, 0, kMilliseconds},
    {"lap_time_s", Wire::kU32, 4, kMilliseconds},
    {"sector1_s", Wire::kMsAndMinutes, 8, kMilliseconds},
    {"sector2_s", Wire::kMsAndMinutes, 11, kMilliseconds},
    {"gap_front_s", Wire::kU16, 14, kMilliseconds},
    {"gap_leader_s", Wire::kU16, 16, kMilliseconds},
    {"lapdist_m", Wire::kF32, 18},
    {"total_distance_m", Wire::kF32, 22},
    {"position", Wire::kU8, 30},
    {"lap", Wire::kU8, 31},
    {"pit_status", Wire::kU8, 32},
    {"num_pit_stops", Wire::kU8, 33},
    {"sector", Wire::kU8, 34},
    {"lap_invalid", Wire::kU8, 35},
    {"grid", Wire::kU8, 41},
    {"driver_status", Wire::kU8, 42},
    {"result_status", Wire::kU8, 43},
    {"pit_lane_timer", Wire::kU8, 44},
    {"pit_lane_s", Wire::kU16, 45, kMilliseconds},
    {"pit_stop_s", Wire::kU16, 47, kMilliseconds},
};

constexpr Row kLap2024[] = {
    {"last_lap_s", Wire::kU32, 0, kMilliseconds},
    {"lap_time_s", Wire::kU32, 4, kMilliseconds},
    {"sector1_s", Wire::kMsAndMinutes, 8, kMilliseconds},
    {"sector2_s", Wire::kMsAndMinutes, 11, kMilliseconds},
    {"gap_front_s", Wire::kMsAndMinutes, 14, kMilliseconds},
    {"gap_leader_s", Wire::kMsAndMinutes, 17, kMilliseconds},
    {"lapdist_m", Wire::kF32, 20},
    {"total_distance_m", Wire::kF32, 24},
    {"position", Wire::kU8, 32},
    {"lap", Wire::kU8, 33},
    {"pit_status", Wire::kU8, 34},
    {"num_pit_stops", Wire::kU8, 35},
    {"sector", Wire::kU8, 36},
    {"lap_invalid", Wire::kU8, 37},
    {"grid", Wire::kU8, 43},
    {"driver_status", Wire::kU8, 44},
    {"result_status", Wire::kU8, 45},
    {"pit_lane_timer", Wire::kU8, 46},
    {"pit_lane_s", Wire::kU16, 47, kMilliseconds},
    {"pit_stop_s", Wire::kU16, 49, kMilliseconds},
};

constexpr Row kTelemetry2023[] = {
    {"speed_kmh", Wire::kU16, 0},
    {"throttle", Wire::kF32, 2},
    {"steer", Wire::kF32, 6},
    {"brake", Wire::kF32, 10},
    {"clutch_pct", Wire::kU8, 14},
    {"gear", Wire::kI8, 15},
    {"rpm", Wire::kU16, 16},
    {"drs", Wire::kU8, 18},
    {"rev_lights_pct", Wire::kU8, 19},
    {"brake_temp_rl_c", Wire::kU16, 22},
    {"brake_temp_rr_c", Wire::kU16, 24},
    {"brake_temp_fl_c", Wire::kU16, 26},
    {"brake_temp_fr_c", Wire::kU16, 28},
    {"tyre_temp_rl_c", Wire::kU8, 30},
    {"tyre_temp_rr_c", Wire::kU8, 31},
    {"tyre_temp_fl_c", Wire::kU8, 32},
    {"tyre_temp_fr_c", Wire::kU8, 33},
    {"tyre_inner_rl_c", Wire::kU8, 34},
    {"tyre_inner_rr_c", Wire::kU8, 35},
    {"tyre_inner_fl_c", Wire::kU8, 36},
    {"tyre_inner_fr_c", Wire::kU8, 37},
    {"engine_temp_c", Wire::kU16, 38},
    {"tyre_pressure_rl_psi", Wire::kF32, 40},
    {"tyre_pressure_rr_psi", Wire::kF32, 44},
    {"tyre_pressure_fl_psi", Wire::kF32, 48},
    {"tyre_pressure_fr_psi", Wire::kF32, 52},
    {"surface_type_rl", Wire::kU8, 56},
    {"surface_type_rr", Wire::kU8, 57},
    {"surface_type_fl", Wire::kU8, 58},
    {"surface_type_fr", Wire::kU8, 59},
};

constexpr Row kTelemetry2026[] = {
    {"speed_kmh", Wire::kU16, 0},
    {"throttle", Wire::kF32, 2},
    {"steer", Wire::kF32, 6},
    {"brake", Wire::kF32, 10},
    {"clutch_pct", Wire::kU8, 14},
    {"gear", Wire::kI8, 15},
    {"rpm", Wire::kU16, 16},
    {"drs", Wire::kU8, 18},
    {"rev_lights_pct", Wire::kU8, 19},
    {"brake_temp_rl_c", Wire::kU16, 22},
    {"brake_temp_rr_c", Wire::kU16, 24},
    {"brake_temp_fl_c", Wire::kU16, 26},
    {"brake_temp_fr_c", Wire::kU16, 28},
    {"tyre_temp_rl_c", Wire::kU8, 30},
    {"tyre_temp_rr_c", Wire::kU8, 31},
    {"tyre_temp_fl_c", Wire::kU8, 32},
    {"tyre_temp_fr_c", Wire::kU8, 33},
    {"tyre_inner_rl_c", Wire::kU8, 34},
    {"tyre_inner_rr_c", Wire::kU8, 35},
    {"tyre_inner_fl_c", Wire::kU8, 36},
    {"tyre_inner_fr_c", Wire::kU8, 37},
    {"engine_temp_c", Wire::kU8, 38},
    {"tyre_pressure_rl_psi", Wire::kF32, 39},
    {"tyre_pressure_rr_psi", Wire::kF32, 43},
    {"tyre_pressure_fl_psi", Wire::kF32, 47},
    {"tyre_pressure_fr_psi", Wire::kF32, 51},
    {"surface_type_rl", Wire::kU8, 55},
    {"surface_type_rr", Wire::kU8, 56},
    {"surface_type_fl", Wire::kU8, 57},
    {"surface_type_fr", Wire::kU8, 58},
};

constexpr Row kStatus2023[] = {
    {"fuel_kg", Wire::kF32, 5, {}, Meaning::kHidden},
    {"fuel_capacity_kg", Wire::kF32, 9, {}, Meaning::kHidden},
    {"fuel_laps", Wire::kF32, 13, {}, Meaning::kHidden},
    {"tyre_actual", Wire::kU8, 25},
    {"tyre_age_laps", Wire::kU8, 27},
    {"fia_flag", Wire::kI8, 28},
    {"ers_store_j", Wire::kF32, 37, {}, Meaning::kHidden},
    {"ers_mode", Wire::kU8, 41, {}, Meaning::kHidden},
    {"ers_mguk_j", Wire::kF32, 42, {}, Meaning::kHidden},
    {"ers_deployed_j", Wire::kF32, 50, {}, Meaning::kHidden},
};

constexpr Row kStatus2026[] = {
    {"fuel_kg", Wire::kF32, 5, {}, Meaning::kHidden},
    {"fuel_capacity_kg", Wire::kF32, 9, {}, Meaning::kHidden},
    {"fuel_laps", Wire::kF32, 13, {}, Meaning::kHidden},
    {"tyre_actual", Wire::kU8, 25},
    {"tyre_age_laps", Wire::kU8, 27},
    {"fia_flag", Wire::kI8, 28},
    {"ers_store_j", Wire::kF32, 37, {}, Meaning::kHidden},
    {"ers_mode", Wire::kU8, 41, {}, Meaning::kHidden},
    {"ers_mguk_j", Wire::kF32, 42, {}, Meaning::kHidden},
    {"ers_deployed_j", Wire::kF32, 54, {}, Meaning::kHidden},
};

constexpr Row kDamage2023[] = {
    {"tyre_wear_rl_pct", Wire::kF32, 0, {}, Meaning::kHidden},
    {"tyre_wear_rr_pct", Wire::kF32, 4, {}, Meaning::kHidden},
    {"tyre_wear_fl_pct", Wire::kF32, 8, {}, Meaning::kHidden},
    {"tyre_wear_fr_pct", Wire::kF32, 12, {}, Meaning::kHidden},
    {"damage_tyre_rl_pct", Wire::kU8, 16, {}, Meaning::kHidden},
    {"damage_tyre_rr_pct", Wire::kU8, 17, {}, Meaning::kHidden},
    {"damage_tyre_fl_pct", Wire::kU8, 18, {}, Meaning::kHidden},
    {"damage_tyre_fr_pct", Wire::kU8, 19, {}, Meaning::kHidden},
    {"damage_brake_rl_pct", Wire::kU8, 20, {}, Meaning::kHidden},
    {"damage_brake_rr_pct", Wire::kU8, 21, {}, Meaning::kHidden},
    {"damage_brake_fl_pct", Wire::kU8, 22, {}, Meaning::kHidden},
    {"damage_brake_fr_pct", Wire::kU8, 23, {}, Meaning::kHidden},
    {"damage_wing_fl_pct", Wire::kU8, 24, {}, Meaning::kHidden},
    {"damage_wing_fr_pct", Wire::kU8, 25, {}, Meaning::kHidden},
    {"damage_wing_rear_pct", Wire::kU8, 26, {}, Meaning::kHidden},
    {"damage_floor_pct", Wire::kU8, 27, {}, Meaning::kHidden},
    {"damage_gearbox_pct", Wire::kU8, 32, {}, Meaning::kHidden},
    {"damage_engine_pct", Wire::kU8, 33, {}, Meaning::kHidden},
    {"engine_blown", Wire::kU8, 40},
};

constexpr Row kDamage2025[] = {
    {"tyre_wear_rl_pct", Wire::kF32, 0, {}, Meaning::kHidden},
    {"tyre_wear_rr_pct", Wire::kF32, 4, {}, Meaning::kHidden},
    {"tyre_wear_fl_pct", Wire::kF32, 8, {}, Meaning::kHidden},
    {"tyre_wear_fr_pct", Wire::kF32, 12, {}, Meaning::kHidden},
    {"damage_tyre_rl_pct", Wire::kU8, 16, {}, Meaning::kHidden},
    {"damage_tyre_rr_pct", Wire::kU8, 17, {}, Meaning::kHidden},
    {"damage_tyre_fl_pct", Wire::kU8, 18, {}, Meaning::kHidden},
    {"damage_tyre_fr_pct", Wire::kU8, 19, {}, Meaning::kHidden},
    {"damage_brake_rl_pct", Wire::kU8, 20, {}, Meaning::kHidden},
    {"damage_brake_rr_pct", Wire::kU8, 21, {}, Meaning::kHidden},
    {"damage_brake_fl_pct", Wire::kU8, 22, {}, Meaning::kHidden},
    {"damage_brake_fr_pct", Wire::kU8, 23, {}, Meaning::kHidden},
    {"damage_wing_fl_pct", Wire::kU8, 28, {}, Meaning::kHidden},
    {"damage_wing_fr_pct", Wire::kU8, 29, {}, Meaning::kHidden},
    {"damage_wing_rear_pct", Wire::kU8, 30, {}, Meaning::kHidden},
    {"damage_floor_pct", Wire::kU8, 31, {}, Meaning::kHidden},
    {"damage_gearbox_pct", Wire::kU8, 36, {}, Meaning::kHidden},
    {"damage_engine_pct", Wire::kU8, 37, {}, Meaning::kHidden},
    {"engine_blown", Wire::kU8, 44},
};

constexpr Row kTelemetry2Of2026[] = {
    {"active_aero_mode", Wire::kU8, 0},
    {"overtake_available", Wire::kU8, 4},
};

constexpr F1Format kFormats[] = {
    {.year = 2023,
     .source_game = "f1_2023",
     .cars = 22,
     .sizes = {1349, 644, 1131, 45, 1306, 1107, 1352, 1239, 1020, 1218, 953, 1460, 231, 217, 0, 0,
               0},
     .blocks = {{{29, 60, kMotion2023},
                 {29, 50, kLap2023},
                 {29, 60, kTelemetry2023},
                 {29, 55, kStatus2023},
                 {29, 42, kDamage2023},
                 {}}},
     .result_status = 43,
     .visual_compound = 26,
     .participant = {58, 5, 7, 48, 55}},
    {.year = 2024,
     .source_game = "f1_2024",
     .cars = 22,
     .sizes = {1349, 753, 1285, 45, 1350, 1133, 1352, 1239, 1020, 1306, 953, 1460, 231, 237, 101, 0,
               0},
     .blocks = {{{29, 60, kMotion2023},
                 {29, 57, kLap2024},
                 {29, 60, kTelemetry2023},
                 {29, 55, kStatus2023},
                 {29, 42, kDamage2023},
                 {}}},
     .result_status = 45,
     .visual_compound = 26,
     .participant = {60, 5, 7, 48, 55}},
    {.year = 2025,
     .source_game = "f1_2025",
     .cars = 22,
     .sizes = {1349, 753, 1285, 45, 1284, 1133, 1352, 1239, 1042, 954, 1041, 1460, 231, 273, 101,
               1131, 0},
     .blocks = {{{29, 60, kMotion2023},
                 {29, 57, kLap2024},
                 {29, 60, kTelemetry2023},
                 {29, 55, kStatus2023},
                 {29, 46, kDamage2025},
                 {}}},
     .result_status = 45,
     .visual_compound = 26,
     .participant = {57, 5, 7, 32, 39}},
    {.year = 2026,
     .source_game = "f1_2026",
     .cars = 24,
     .sizes = {1325, 926, 1399, 45, 1470, 1233, 1448, 1445, 1134, 1062, 1133, 1460, 231, 273, 104,
               1231, 269},
     .blocks = {{{29, 54, kMotion2026},
                 {29, 57, kLap2024},
                 {29, 59, kTelemetry2026},
                 {29, 59, kStatus2026},
                 {29, 46, kDamage2025},
                 {29, 10, kTelemetry2Of2026}}},
     .result_status = 45,
     .visual_compound = 26,
     .participant = {60, 8, 10, 32, 42}},
};

constexpr F1Packet kCarPacketIds[kCarPackets] = {F1Packet::kMotion,    F1Packet::kLap,
                                                 F1Packet::kTelemetry, F1Packet::kStatus,
                                                 F1Packet::kDamage,    F1Packet::kTelemetry2};

/// Every row of every car lies within its datagram, and within its car's part.
consteval bool are_sound() {
  for (const F1Format& format : kFormats) {
    for (std::size_t i = 0; i < kCarPackets; ++i) {
      const Block& block = format.blocks[i];
      const std::size_t size = format.sizes[static_cast<std::size_t>(kCarPacketIds[i])];
      if (block.rows.empty() != (size == 0)) return false;
      if (size == 0) continue;
      if (bytes_of(block.rows) > block.stride) return false;
      if (block.at(format.cars) > size) return false;
    }
  }
  return true;
}
static_assert(are_sound());

}  // namespace

F1Header read_f1_header(const PackedReader& datagram) {
  return {.format = datagram.read<std::uint16_t>(0),
          .packet_id = datagram.u8(6),
          .session_uid = datagram.read<std::uint64_t>(7),
          .session_time = datagram.read<float>(15),
          .frame = datagram.read<std::uint32_t>(19),
          .overall_frame = datagram.read<std::uint32_t>(23),
          .player = datagram.u8(27),
          .second_player = datagram.u8(28)};
}

std::span<const F1Format> f1_formats() {
  return kFormats;
}

const F1Format* f1_format_of(std::string_view datagram) {
  if (datagram.size() < F1Header::kBytes) return nullptr;
  const PackedReader bytes(datagram);
  const auto year = bytes.read<std::uint16_t>(0);
  const std::uint8_t id = bytes.u8(6);
  if (id >= F1Format::kPacketIds) return nullptr;
  const auto* format = std::ranges::find(kFormats, year, &F1Format::year);
  if (format == std::end(kFormats) || format->sizes[id] != datagram.size()) return nullptr;
  return format;
}

}  // namespace slipstream::game
