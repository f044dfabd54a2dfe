#include "game/forza_layout.h"

#include <algorithm>

#include "game/scales.h"

namespace slipstream::game {
namespace {

constexpr Row kSled[] = {
    {"IsRaceOn", Wire::kI32, 0},
    {"TimestampMS", Wire::kU32, 4},
    {"EngineMaxRpm", Wire::kF32, 8},
    {"EngineIdleRpm", Wire::kF32, 12},
    {"rpm", Wire::kF32, 16},
    {"accy_can", Wire::kF32, 20, kPerG},
    {"AccelerationY", Wire::kF32, 24},
    {"accx_can", Wire::kF32, 28, kPerG},
    {"VelocityX", Wire::kF32, 32},
    {"VelocityY", Wire::kF32, 36},
    {"VelocityZ", Wire::kF32, 40},
    {"AngularVelocityX", Wire::kF32, 44},
    {"AngularVelocityY", Wire::kF32, 48},
    {"AngularVelocityZ", Wire::kF32, 52},
    {"Yaw", Wire::kF32, 56},
    {"Pitch", Wire::kF32, 60},
    {"Roll", Wire::kF32, 64},
    {"NormalizedSuspensionTravelFrontLeft", Wire::kF32, 68},
    {"NormalizedSuspensionTravelFrontRight", Wire::kF32, 72},
    {"NormalizedSuspensionTravelRearLeft", Wire::kF32, 76},
    {"NormalizedSuspensionTravelRearRight", Wire::kF32, 80},
    {"TireSlipRatioFrontLeft", Wire::kF32, 84},
    {"TireSlipRatioFrontRight", Wire::kF32, 88},
    {"TireSlipRatioRearLeft", Wire::kF32, 92},
    {"TireSlipRatioRearRight", Wire::kF32, 96},
    {"WheelRotationSpeedFrontLeft", Wire::kF32, 100},
    {"WheelRotationSpeedFrontRight", Wire::kF32, 104},
    {"WheelRotationSpeedRearLeft", Wire::kF32, 108},
    {"WheelRotationSpeedRearRight", Wire::kF32, 112},
    {"WheelOnRumbleStripFrontLeft", Wire::kI32, 116},
    {"WheelOnRumbleStripFrontRight", Wire::kI32, 120},
    {"WheelOnRumbleStripRearLeft", Wire::kI32, 124},
    {"WheelOnRumbleStripRearRight", Wire::kI32, 128},
    {"WheelInPuddleDepthFrontLeft", Wire::kF32, 132},
    {"WheelInPuddleDepthFrontRight", Wire::kF32, 136},
    {"WheelInPuddleDepthRearLeft", Wire::kF32, 140},
    {"WheelInPuddleDepthRearRight", Wire::kF32, 144},
    {"SurfaceRumbleFrontLeft", Wire::kF32, 148},
    {"SurfaceRumbleFrontRight", Wire::kF32, 152},
    {"SurfaceRumbleRearLeft", Wire::kF32, 156},
    {"SurfaceRumbleRearRight", Wire::kF32, 160},
    {"TireSlipAngleFrontLeft", Wire::kF32, 164},
    {"TireSlipAngleFrontRight", Wire::kF32, 168},
    {"TireSlipAngleRearLeft", Wire::kF32, 172},
    {"TireSlipAngleRearRight", Wire::kF32, 176},
    {"TireCombinedSlipFrontLeft", Wire::kF32, 180},
    {"TireCombinedSlipFrontRight", Wire::kF32, 184},
    {"TireCombinedSlipRearLeft", Wire::kF32, 188},
    {"TireCombinedSlipRearRight", Wire::kF32, 192},
    {"SuspensionTravelMetersFrontLeft", Wire::kF32, 196},
    {"SuspensionTravelMetersFrontRight", Wire::kF32, 200},
    {"SuspensionTravelMetersRearLeft", Wire::kF32, 204},
    {"SuspensionTravelMetersRearRight", Wire::kF32, 208},
    {"CarOrdinal", Wire::kI32, 212},
    {"CarClass", Wire::kI32, 216},
    {"CarPerformanceIndex", Wire::kI32, 220},
    {"DrivetrainType", Wire::kI32, 224},
    {"NumCylinders", Wire::kI32, 228},
};

constexpr Row kDash[] = {
    {"x_m", Wire::kF32, 0},
    {"y_m", Wire::kF32, 4},
    {"z_m", Wire::kF32, 8},
    {"speed_kmh", Wire::kF32, 12, kToKmh},
    {"Power", Wire::kF32, 16},
    {"Torque", Wire::kF32, 20},
    {"tyre_temp_fl_c", Wire::kF32, 24, kFahrenheit},
    {"tyre_temp_fr_c", Wire::kF32, 28, kFahrenheit},
    {"tyre_temp_rl_c", Wire::kF32, 32, kFahrenheit},
    {"tyre_temp_rr_c", Wire::kF32, 36, kFahrenheit},
    {"Boost", Wire::kF32, 40},
    {"Fuel", Wire::kF32, 44},
    {"DistanceTraveled", Wire::kF32, 48},
    {"BestLap", Wire::kF32, 52},
    {"last_lap_s", Wire::kF32, 56},
    {"lap_time_s", Wire::kF32, 60},
    {"CurrentRaceTime", Wire::kF32, 64},
    {"LapNumber", Wire::kU16, 68},
    {"lap", Wire::kU16, 68, kOneMore},
    {"position", Wire::kU8, 70},
    {"throttle", Wire::kU8, 71, kPer255},
    {"brake", Wire::kU8, 72, kPer255},
    {"Clutch", Wire::kU8, 73},
    {"HandBrake", Wire::kU8, 74},
    {"gear", Wire::kU8, 75, {}, Meaning::kReverseIsZero},
    {"steer", Wire::kI8, 76, kPer127},
    {"NormalizedDrivingLine", Wire::kI8, 77},
    {"NormalizedAIBrakeDifference", Wire::kI8, 78},
};

constexpr Row kHorizonExtra[] = {
    {"CarCategory", Wire::kI32, 0},
    {"HorizonUnknown1", Wire::kF32, 4},
    {"HorizonUnknown2", Wire::kF32, 8},
};

constexpr Row kHorizonTail[] = {
    {"HorizonTail", Wire::kU8, 0},
};

constexpr Row kMotorsportExtra[] = {
    {"tyre_wear_fl_pct", Wire::kF32, 0, kPercent},
    {"tyre_wear_fr_pct", Wire::kF32, 4, kPercent},
    {"tyre_wear_rl_pct", Wire::kF32, 8, kPercent},
    {"tyre_wear_rr_pct", Wire::kF32, 12, kPercent},
    {"TrackOrdinal", Wire::kI32, 16},
};

constexpr ForzaFormat kForzaFormats[] = {
    {"forza_sled", 232, {{{0, kSled}, {}, {}, {}}}, 0},
    {"forza_dash", 311, {{{0, kSled}, {232, kDash}, {}, {}}}, 0},
    {"forza_horizon",
     324,
     {{{0, kSled}, {232, kHorizonExtra}, {244, kDash}, {323, kHorizonTail}}},
     0},
    {"forza_motorsport", 331, {{{0, kSled}, {232, kDash}, {311, kMotorsportExtra}, {}}}, 327}};

consteval bool are_forza_rows_sound() {
  for (const ForzaFormat& format : kForzaFormats) {
    for (const ForzaPart& part : format.parts) {
      if (part.at + bytes_of(part.rows) > format.size) return false;
    }
  }
  return true;
}
static_assert(are_forza_rows_sound());

}  // namespace

const ForzaFormat* forza_format_of(std::string_view datagram) {
  const auto* format = std::ranges::find(kForzaFormats, datagram.size(), &ForzaFormat::size);
  if (format == std::end(kForzaFormats)) return nullptr;
  const auto is_race_on = PackedReader(datagram).read<std::int32_t>(ForzaFormat::kIsRaceOnAt);
  return is_race_on == 0 || is_race_on == 1 ? format : nullptr;
}

const ForzaFormat* forza_format_named(std::string_view source_game) {
  const auto* format = std::ranges::find(kForzaFormats, source_game, &ForzaFormat::source_game);
  return format == std::end(kForzaFormats) ? nullptr : format;
}

}  // namespace slipstream::game
