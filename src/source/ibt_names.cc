#include "source/ibt_names.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "game/scales.h"

namespace slipstream {
namespace {

struct KnownVariable {
  std::string_view variable;
  std::string_view member;
  game::Scale scale = {};
  IbtMember::Range range = IbtMember::Range::kAll;
};
constexpr KnownVariable kKnownVariables[] = {
    {"SessionTime", "session_time_s"},
    {"LapDist", "lapdist_m"},
    {"Speed", "speed_kmh", game::kToKmh},
    {"RPM", "rpm"},
    {"Gear", "gear"},
    {"Throttle", "throttle"},
    {"Brake", "brake"},
    {"LongAccel", "accx_can", game::kPerG},
    {"LatAccel", "accy_can", game::kPerG},
    {"Lat", "lat"},
    {"Lon", "lon"},
    {"LapCurrentLapTime", "lap_time_s", {}, IbtMember::Range::kNotNegative},
    {"LapLastLapTime", "last_lap_s", {}, IbtMember::Range::kPositive},
    {"LapBestLapTime", "best_lap_s", {}, IbtMember::Range::kPositive},
    {"PlayerCarPosition", "position", {}, IbtMember::Range::kPositive},
    {"OnPitRoad", "pit_status"},
};

/// Units whose letters alone would not say it.
constexpr std::pair<std::string_view, std::string_view> kUnitWords[] = {
    {"m/s", "mps"},      {"m/s^2", "mps2"},   {"rad/s", "radps"}, {"kg/h", "kgph"},
    {"kg/m^3", "kgpm3"}, {"revs/min", "rpm"}, {"N*m", "nm"},      {"s/s", ""},
    {"Hg", "inhg"},      {"%", ""},
};

bool is_upper(char c) {
  return c >= 'A' && c <= 'Z';
}
bool is_lower(char c) {
  return c >= 'a' && c <= 'z';
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
char lower(char c) {
  return is_upper(c) ? static_cast<char>(c - 'A' + 'a') : c;
}

/// Where a name begins with a corner of the car: "LFtempCM".
std::size_t corner_chars(std::string_view name) {
  return name.size() > 2 && (name[0] == 'L' || name[0] == 'R') &&
                 (name[1] == 'F' || name[1] == 'R') && is_lower(name[2])
             ? 2
             : 0;
}

std::string words_of(std::string_view name) {
  std::string words;
  const std::size_t corner = corner_chars(name);
  for (std::size_t i = 0; i < name.size(); ++i) {
    const char c = name[i];
    const bool is_plain = is_upper(c) || is_lower(c) || is_digit(c);
    const bool begins_word =
        i > 0 && (i == corner ||
                  (is_upper(c) && (!is_upper(name[i - 1]) ||
                                   (i + 1 < name.size() && is_lower(name[i + 1]) && i > corner))));
    if (begins_word && !words.empty() && words.back() != '_') words += '_';
    words += is_plain ? lower(c) : '_';
  }
  return words;
}

std::string unit_word_of(std::string_view unit) {
  if (unit.starts_with("irsdk_")) return {};  // what its numbers stand for
  const auto* const known =
      std::ranges::find(kUnitWords, unit, &std::pair<std::string_view, std::string_view>::first);
  if (known != std::end(kUnitWords)) return std::string(known->second);
  std::string word;
  for (const char c : unit) {
    word += is_upper(c) || is_lower(c) || is_digit(c) ? lower(c) : '_';
  }
  return word;
}

}  // namespace

IbtMember member_of(const IbtVariable& variable) {
  const auto* const known =
      std::ranges::find(kKnownVariables, variable.name, &KnownVariable::variable);
  if (known != std::end(kKnownVariables) && variable.count == 1) {
    return {.name = std::string(known->member),
            .scale = known->scale,
            .range = known->range,
            .is_known = true};
  }
  IbtMember member{.name = words_of(variable.name)};
  std::string unit = unit_word_of(variable.unit);
  // iRacing calls shares of 1 a percentage; those that it names so become one.
  if (variable.unit == "%" && member.name.find("pct") != std::string::npos) {
    member.scale = game::kPercent;
    unit = "pct";
  }
  const bool has_unit = member.name == unit || member.name.ends_with("_" + unit);
  if (!unit.empty() && !has_unit) member.name += "_" + unit;
  return member;
}

}  // namespace slipstream
