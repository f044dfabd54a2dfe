#include "game/f1_session.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>

#include "game/f1_names.h"

namespace slipstream::game {
namespace {

// Of a session packet; the same in all formats.
constexpr std::size_t kWeatherAt = 29;
constexpr std::size_t kTotalLapsAt = 32;
constexpr std::size_t kTypeAt = 35;
constexpr std::size_t kTrackAt = 36;
constexpr std::size_t kZoneCountAt = 47;
constexpr std::size_t kZonesAt = 48;
constexpr std::size_t kZoneBytes = 5;
constexpr std::size_t kZoneFlagAt = 4;
constexpr std::size_t kMaxZones = 21;
constexpr std::size_t kSafetyCarAt = 153;
constexpr std::int8_t kYellow = 3;

constexpr std::size_t kParticipantsAt = 30;
/// From it on there is an event for the safety car.
constexpr std::uint16_t kFirstWithSafetyCarEvent = 2024;

/// Text in a field of fixed size, without what no text has.
std::string name_of_field(std::string_view field) {
  std::string name(field.substr(0, field.find('\0')));
  std::erase_if(name, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
  if (!simdjson::validate_utf8(name)) {
    std::ranges::replace_if(
        name, [](char c) { return static_cast<unsigned char>(c) >= 0x80; }, '?');
  }
  return name;
}

bool is_any_yellow(const PackedReader& packet) {
  const std::size_t zones = std::min<std::size_t>(packet.u8(kZoneCountAt), kMaxZones);
  for (std::size_t i = 0; i < zones; ++i) {
    if (packet.read<std::int8_t>(kZonesAt + i * kZoneBytes + kZoneFlagAt) == kYellow) return true;
  }
  return false;
}

}  // namespace

F1Session::F1Session(const F1Format& format, std::uint64_t uid, ArrivalTime begun)
    : format_(&format), uid_(uid), uid_text_(fmt::format("{}", uid)), begun_(begun) {
  for (std::size_t car = 0; car < drivers_.size(); ++car) {
    drivers_[car].name = fmt::format("car {}", car);
  }
}

std::string_view F1Session::driver(std::size_t car) const {
  if (format_ == nullptr || car >= format_->cars) return {};
  return drivers_[car].name;
}

std::optional<bool> F1Session::is_restricted(std::size_t car, const F1Header& header) const {
  if (!has_drivers_) return std::nullopt;
  return drivers_[car].keeps_to_himself && car != header.player && car != header.second_player;
}

std::vector<F1Session::Change> F1Session::take_session(const PackedReader& packet) {
  std::vector<Change> changes;
  const unsigned weather = packet.u8(kWeatherAt);
  const unsigned safety_car = packet.u8(kSafetyCarAt);
  const bool is_yellow = is_any_yellow(packet);
  if (is_known_) {
    if (weather != weather_) changes.push_back({"weather", f1_weather(weather)});
    if (safety_car != safety_car_ && format_->year < kFirstWithSafetyCarEvent) {
      changes.push_back({"safety_car", f1_safety_car(safety_car)});
    }
    if (is_yellow != is_yellow_) {
      changes.push_back({is_yellow ? "yellow_flag" : "yellow_flag_end", {}});
    }
  } else {
    track_ = f1_track(packet.read<std::int8_t>(kTrackAt));
    type_ = packet.u8(kTypeAt);
    title_ =
        fmt::format("{}, {} laps", f1_session_type(format_->year, type_), packet.u8(kTotalLapsAt));
  }
  weather_ = weather;
  safety_car_ = safety_car;
  is_yellow_ = is_yellow;
  is_known_ = true;
  return changes;
}

/// A name that several have is told apart by the cars' race numbers, and where two have these in
/// common as well, by their places in the game's tables.
void F1Session::take_participants(const PackedReader& packet) {
  const auto& at = format_->participant;
  std::array<std::string, kMaxCars> names;
  std::array<unsigned, kMaxCars> numbers{};
  for (std::size_t car = 0; car < format_->cars; ++car) {
    const std::size_t begin = kParticipantsAt + car * at.stride;
    names[car] = name_of_field(packet.text(begin + at.name, at.name_bytes));
    numbers[car] = packet.u8(begin + at.race_number);
    drivers_[car].keeps_to_himself = packet.u8(begin + at.your_telemetry) == 0;
  }
  for (std::size_t car = 0; car < format_->cars; ++car) {
    auto& name = drivers_[car].name;
    if (names[car].empty()) {
      name = fmt::format("car {}", car);
      continue;
    }
    bool is_shared = false;
    bool is_number_shared = false;
    for (std::size_t other = 0; other < format_->cars; ++other) {
      if (other == car || names[other] != names[car]) continue;
      is_shared = true;
      is_number_shared |= numbers[other] == numbers[car];
    }
    name = names[car];
    if (is_shared) name += fmt::format(" #{}", numbers[car]);
    if (is_number_shared) name += fmt::format(" (car {})", car);
  }
  has_drivers_ = true;
}

}  // namespace slipstream::game
