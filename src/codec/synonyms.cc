#include "codec/synonyms.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>

#include "base/check.h"
#include "base/letter_case.h"

namespace slipstream {
namespace {

constexpr std::size_t kMaxNames = 9;

struct SynonymRow {
  MemberRole role;
  FieldId field;
  std::array<std::string_view, kMaxNames> names;  ///< the first that a text has is it

  std::span<const std::string_view> all() const {
    const auto end = std::ranges::find(names, std::string_view{});
    return {names.data(), static_cast<std::size_t>(end - names.begin())};
  }
};

/// Names alone that say what is meant and in which unit, or whose unit is the usual one: "speed"
/// is in km/h, a speed in mph has another name.
constexpr SynonymRow kSynonyms[] = {
    {MemberRole::kTime, 0, {"timestamp", "time", "ts", "datetime", "date_time"}},
    {MemberRole::kTrack, 0, {"circuit", "venue", "track_name", "trackname"}},
    {MemberRole::kChassis,
     0,
     {"car", "vehicle", "driver", "car_id", "vehicle_id", "driver_id", "machine", "device",
      "device_id"}},
    {MemberRole::kLap, 0, {"lap_number", "lapnumber", "lap_no", "lapno"}},
    {MemberRole::kSector, 0, {"sector_number", "sector_no"}},
    {MemberRole::kField,
     field::kLapdistM,
     {"lapdist", "lap_distance_m", "lap_distance", "lapdistance", "lap_dist", "distance_m",
      "distance", "dist"}},
    {MemberRole::kField,
     field::kSpeedKmh,
     {"speed_kph", "speed_km_h", "speed", "kmh", "kph", "km_h", "velocity_kmh", "ground_speed"}},
    {MemberRole::kField, field::kAccxCan, {"accx", "acc_x"}},
    {MemberRole::kField, field::kAccyCan, {"accy", "acc_y"}},
    {MemberRole::kField, field::kSteeringAngle, {"steering", "steer_angle", "steering_deg"}},
    {MemberRole::kField, field::kPbrakeF, {"brake_pressure_front", "brake_pressure_f"}},
    {MemberRole::kField, field::kRpm, {"engine_rpm", "enginerpm", "engine_speed", "nmot"}},
};

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || static_cast<unsigned char>(c) >= 0x80;
}

}  // namespace

std::string plain_name(std::string_view name) {
  std::string out;
  for (const char letter : name) {
    const char c = small_letter(letter);
    if (is_word(c)) {
      out += c;
    } else if (!out.empty() && out.back() != '_') {
      out += '_';
    }
  }
  if (out.ends_with('_')) out.pop_back();
  return out;
}

std::optional<Synonym> common_synonym(std::string_view plain) {
  for (const auto& row : kSynonyms) {
    const auto names = row.all();
    const auto found = std::ranges::find(names, plain);
    if (found != names.end()) {
      return Synonym{row.role, row.field, static_cast<std::size_t>(found - names.begin())};
    }
  }
  return std::nullopt;
}

void for_each_json_synonym(const std::function<void(std::string_view, const Synonym&)>& call) {
  for (const auto& row : kSynonyms) {
    const bool is_known = row.role == MemberRole::kTime || row.role == MemberRole::kTrack ||
                          row.role == MemberRole::kChassis;
    const auto names = row.all();
    for (std::size_t rank = 0; is_known && rank < names.size(); ++rank) {
      call(names[rank], {row.role, row.field, rank});
    }
  }
}

std::string synonyms_of(MemberRole role) {
  constexpr std::size_t kShown = 3;
  const auto row = std::ranges::find(kSynonyms, role, &SynonymRow::role);
  CHECK(row != std::end(kSynonyms), "only what has synonyms is asked for its");
  const auto names = row->all();
  return fmt::format("{}", fmt::join(names.first(std::min(kShown, names.size())), ", "));
}

std::string synonyms_markdown(const SchemaOptions& names) {
  std::string out = "| member | other names of its column |\n| --- | --- |\n";
  for (const auto& row : kSynonyms) {
    out += fmt::format("| `{}` | `{}` |\n", name_of(names, {row.role, row.field}),
                       fmt::join(row.all(), "`, `"));
  }
  return out;
}

const std::string& name_of(const SchemaOptions& names, const Synonym& synonym) {
  switch (synonym.role) {
    case MemberRole::kTime:
      return names.time;
    case MemberRole::kTrack:
      return names.track;
    case MemberRole::kChassis:
      return names.chassis;
    case MemberRole::kLap:
      return names.lap;
    case MemberRole::kSector:
      return names.sector;
    case MemberRole::kSequence:
      return names.sequence;
    case MemberRole::kField:
    case MemberRole::kSynonym:
    case MemberRole::kTag:
    case MemberRole::kTags:
    case MemberRole::kOther:
      break;
  }
  return names.well_known.at(synonym.field);
}

}  // namespace slipstream
