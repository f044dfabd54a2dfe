#include "game/gt7_decoder.h"

#include <fmt/format.h>
#include <simdjson.h>
#include <sodium/crypto_stream_salsa20.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "game/scales.h"

namespace slipstream::game {
namespace {

constexpr Row kGt7A[] = {
    {"x_m", Wire::kF32, 4},
    {"y_m", Wire::kF32, 8},
    {"z_m", Wire::kF32, 12},
    {"velocity_x", Wire::kF32, 16},
    {"velocity_y", Wire::kF32, 20},
    {"velocity_z", Wire::kF32, 24},
    {"rotation_x", Wire::kF32, 28},
    {"rotation_y", Wire::kF32, 32},
    {"rotation_z", Wire::kF32, 36},
    {"orientation_north", Wire::kF32, 40},
    {"angular_velocity_x", Wire::kF32, 44},
    {"angular_velocity_y", Wire::kF32, 48},
    {"angular_velocity_z", Wire::kF32, 52},
    {"body_height", Wire::kF32, 56},
    {"rpm", Wire::kF32, 60},
    {"fuel_level", Wire::kF32, 68},
    {"fuel_capacity", Wire::kF32, 72},
    {"speed_kmh", Wire::kF32, 76, kToKmh},
    {"boost", Wire::kF32, 80},
    {"oil_pressure", Wire::kF32, 84},
    {"water_temp", Wire::kF32, 88},
    {"oil_temp", Wire::kF32, 92},
    {"tyre_temp_fl_c", Wire::kF32, 96},
    {"tyre_temp_fr_c", Wire::kF32, 100},
    {"tyre_temp_rl_c", Wire::kF32, 104},
    {"tyre_temp_rr_c", Wire::kF32, 108},
    {"packet_id", Wire::kI32, 112},
    {"frame", Wire::kI32, 112, {}, Meaning::kNotNegative},
    {"lap", Wire::kI16, 116, {}, Meaning::kNotNegative},
    {"total_laps", Wire::kI16, 118},
    {"best_lap_s", Wire::kI32, 120, kMilliseconds, Meaning::kNotNegative},
    {"last_lap_s", Wire::kI32, 124, kMilliseconds, Meaning::kNotNegative},
    {"time_of_day_s", Wire::kI32, 128, kMilliseconds},
    {"start_position", Wire::kI16, 132},
    {"num_cars", Wire::kI16, 134},
    {"rpm_alert_min", Wire::kI16, 136},
    {"rpm_alert_max", Wire::kI16, 138},
    {"max_speed_kmh", Wire::kI16, 140},
    {"flags", Wire::kU16, 142},
    {"throttle", Wire::kU8, 145, kPer255},
    {"brake", Wire::kU8, 146, kPer255},
    {"road_plane_x", Wire::kF32, 148},
    {"road_plane_y", Wire::kF32, 152},
    {"road_plane_z", Wire::kF32, 156},
    {"road_distance", Wire::kF32, 160},
    {"wheel_rps_fl", Wire::kF32, 164},
    {"wheel_rps_fr", Wire::kF32, 168},
    {"wheel_rps_rl", Wire::kF32, 172},
    {"wheel_rps_rr", Wire::kF32, 176},
    {"tyre_radius_fl", Wire::kF32, 180},
    {"tyre_radius_fr", Wire::kF32, 184},
    {"tyre_radius_rl", Wire::kF32, 188},
    {"tyre_radius_rr", Wire::kF32, 192},
    {"susp_height_fl", Wire::kF32, 196},
    {"susp_height_fr", Wire::kF32, 200},
    {"susp_height_rl", Wire::kF32, 204},
    {"susp_height_rr", Wire::kF32, 208},
    {"clutch", Wire::kF32, 244},
    {"clutch_engagement", Wire::kF32, 248},
    {"clutch_rpm", Wire::kF32, 252},
    {"top_speed_ratio", Wire::kF32, 256},
    {"gear_ratios_1", Wire::kF32, 260},
    {"gear_ratios_2", Wire::kF32, 264},
    {"gear_ratios_3", Wire::kF32, 268},
    {"gear_ratios_4", Wire::kF32, 272},
    {"gear_ratios_5", Wire::kF32, 276},
    {"gear_ratios_6", Wire::kF32, 280},
    {"gear_ratios_7", Wire::kF32, 284},
    {"gear_ratios_8", Wire::kF32, 288},
    {"car_code", Wire::kI32, 292},
};

constexpr Row kGt7B[] = {
    {"wheel_rotation", Wire::kF32, 296}, {"steering_velocity", Wire::kF32, 300},
    {"sway", Wire::kF32, 304},           {"heave", Wire::kF32, 308},
    {"surge", Wire::kF32, 312},
};

constexpr Row kGt7Tilde[] = {
    {"throttle_filtered", Wire::kU8, 316},  {"brake_filtered", Wire::kU8, 317},
    {"unknown_0x13E", Wire::kU8, 318},      {"unknown_0x13F", Wire::kU8, 319},
    {"torque_vectors_fl", Wire::kF32, 320}, {"torque_vectors_fr", Wire::kF32, 324},
    {"torque_vectors_rl", Wire::kF32, 328}, {"torque_vectors_rr", Wire::kF32, 332},
    {"energy_recovery", Wire::kF32, 336},   {"unknown_0x154", Wire::kF32, 340},
};

constexpr Row kGt7C[] = {
    {"lap_time_s", Wire::kI32, 348, kMilliseconds, Meaning::kNotNegative},
    {"wheel_angle_fl", Wire::kF32, 352},
    {"wheel_angle_fr", Wire::kF32, 356},
    {"wheel_base", Wire::kF32, 360},
};

struct Gt7Format {
  std::size_t size;
  std::uint32_t nonce_mask;
  std::array<std::span<const Row>, 4> parts;
};

constexpr Gt7Format kGt7Formats[] = {{296, 0xDEADBEAF, {{kGt7A, {}, {}, {}}}},
                                     {316, 0xDEADBEEF, {{kGt7A, kGt7B, {}, {}}}},
                                     {344, 0x55FABB4F, {{kGt7A, kGt7B, kGt7Tilde, {}}}},
                                     {368, 0xDEADBEEF, {{kGt7A, kGt7B, kGt7Tilde, kGt7C}}}};

consteval bool are_gt7_rows_sound() {
  for (const Gt7Format& format : kGt7Formats) {
    for (const auto& part : format.parts) {
      if (bytes_of(part) > format.size) return false;
    }
  }
  return true;
}
static_assert(are_gt7_rows_sound());

constexpr std::string_view kKeyText = "Simulator Interface Packet GT7 ver 0.0";
static_assert(kKeyText.size() >= crypto_stream_salsa20_KEYBYTES);
constexpr std::uint32_t kMagic = 0x47375330;
constexpr std::size_t kSeedAt = 0x40;
constexpr std::size_t kPacketIdAt = 112;
constexpr std::size_t kFlagsAt = 142;
constexpr std::size_t kGearAt = 144;
constexpr std::size_t kCarCodeAt = 292;
constexpr std::size_t kSurfaceAt = 344;
constexpr std::size_t kCategoryAt = 364;
constexpr std::size_t kCategorySize = 368;  // of the packet that has it

constexpr unsigned kOnTrack = 1;
constexpr unsigned kPaused = 2;
constexpr unsigned kLoading = 4;

constexpr unsigned kNeutral = 15;

const Gt7Format* gt7_format_of(std::size_t size) {
  const auto* format = std::ranges::find(kGt7Formats, size, &Gt7Format::size);
  return format == std::end(kGt7Formats) ? nullptr : format;
}

/// -1 is reverse and 0 neutral, as in other games.
int gear_of(unsigned packed) {
  const unsigned gear = packed & 0x0f;
  if (gear == kNeutral) return 0;
  return gear == 0 ? -1 : static_cast<int>(gear);
}

std::string_view text_in(const PackedReader& bytes, std::size_t at, std::size_t size) {
  auto text = bytes.text(at, size);
  text = text.substr(0, text.find('\0'));
  return simdjson::validate_utf8(text.data(), text.size()) ? text : std::string_view();
}

/// The same there and back.
std::string with_key_stream(std::string_view bytes, std::uint32_t seed, const Gt7Format& format) {
  const std::uint32_t halves[] = {seed ^ format.nonce_mask, seed};
  unsigned char nonce[crypto_stream_salsa20_NONCEBYTES];
  static_assert(sizeof halves == sizeof nonce);
  std::memcpy(nonce, halves, sizeof nonce);
  std::string out(bytes.size(), '\0');
  crypto_stream_salsa20_xor(reinterpret_cast<unsigned char*>(out.data()),
                            reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
                            nonce, reinterpret_cast<const unsigned char*>(kKeyText.data()));
  return out;
}

}  // namespace

bool is_gt7_size(std::size_t bytes) {
  return gt7_format_of(bytes) != nullptr;
}

std::optional<std::string> decrypt_gt7(std::string_view datagram) {
  const Gt7Format* format = gt7_format_of(datagram.size());
  if (format == nullptr) return std::nullopt;
  const auto seed = PackedReader(datagram).read<std::uint32_t>(kSeedAt);
  std::string plain = with_key_stream(datagram, seed, *format);
  if (PackedReader(plain).read<std::uint32_t>(0) != kMagic) return std::nullopt;
  return plain;
}

std::string encrypt_gt7(std::string_view plain, std::uint32_t seed) {
  const Gt7Format* format = gt7_format_of(plain.size());
  if (format == nullptr) return std::string(plain);
  std::string datagram = with_key_stream(plain, seed, *format);
  std::memcpy(datagram.data() + kSeedAt, &seed, sizeof seed);
  return datagram;
}

bool Gt7Decoder::fits(std::string_view datagram) {
  const Gt7Format* format = gt7_format_of(datagram.size());
  if (format == nullptr) return false;
  const auto seed = PackedReader(datagram).read<std::uint32_t>(kSeedAt);
  const std::string begin = with_key_stream(datagram.substr(0, sizeof kMagic), seed, *format);
  return PackedReader(begin).read<std::uint32_t>(0) == kMagic;
}

bool Gt7Decoder::take(std::string_view datagram, const Receipt& receipt, GameSink& sink) {
  const auto plain = decrypt_gt7(datagram);
  if (!plain) return false;
  const Gt7Format& format = *gt7_format_of(plain->size());
  const PackedReader bytes(*plain);
  const unsigned flags = bytes.read<std::uint16_t>(kFlagsAt);
  if ((flags & kOnTrack) == 0 || (flags & (kPaused | kLoading)) != 0) {
    stats_.not_racing.add();
    return true;
  }
  Car* car = senders_.find(receipt.sender, receipt.arrival, [] { return std::make_unique<Car>(); });
  if (car == nullptr) {
    stats_.senders_refused.add();
    return true;
  }
  const auto packet = bytes.read<std::int32_t>(kPacketIdAt);
  if (car->last_packet == packet) {
    stats_.late.add();
    return true;
  }
  car->last_packet = packet;
  cells_.clear();
  for (const auto& part : format.parts) cells_.read(bytes, 0, format.size, part);
  const unsigned gear = bytes.u8(kGearAt);
  cells_.add(column_of("gear"), gear_of(gear));
  cells_.add(column_of("gear_suggested"), gear >> 4);
  std::array<TextCell, 2> texts;
  std::size_t text_count = 0;
  if (format.size == kCategorySize) {
    texts[text_count++] = {"surface", text_in(bytes, kSurfaceAt, 4)};
    texts[text_count++] = {"car_category", text_in(bytes, kCategoryAt, 4)};
  }
  const std::string chassis = fmt::format("car_{}", bytes.read<std::int32_t>(kCarCodeAt));
  sink.point({.time = {receipt.arrival.ns},
              .arrival = receipt.arrival,
              .sender = receipt.sender,
              .track = "gt7",
              .chassis = chassis,
              .source_game = "gt7",
              .session = {},
              .is_restricted = {},
              .numbers = cells_.all(),
              .texts = std::span(texts).first(text_count)});
  return true;
}

}  // namespace slipstream::game
