#include "game/f1_names.h"

#include <fmt/format.h>

#include <algorithm>

namespace slipstream::game {
namespace {

/// Empty where there is no track of that number.
constexpr std::string_view kTracks[] = {"Melbourne",
                                        "Paul Ricard",
                                        "Shanghai",
                                        "Sakhir",
                                        "Catalunya",
                                        "Monaco",
                                        "Montreal",
                                        "Silverstone",
                                        "Hockenheim",
                                        "Hungaroring",
                                        "Spa",
                                        "Monza",
                                        "Singapore",
                                        "Suzuka",
                                        "Abu Dhabi",
                                        "Texas",
                                        "Brazil",
                                        "Austria",
                                        "Sochi",
                                        "Mexico",
                                        "Baku",
                                        "Sakhir Short",
                                        "Silverstone Short",
                                        "Texas Short",
                                        "Suzuka Short",
                                        "Hanoi",
                                        "Zandvoort",
                                        "Imola",
                                        "Portimão",
                                        "Jeddah",
                                        "Miami",
                                        "Las Vegas",
                                        "Losail",
                                        "",
                                        "",
                                        "",
                                        "",
                                        "",
                                        "",
                                        "Silverstone (Reverse)",
                                        "Austria (Reverse)",
                                        "Zandvoort (Reverse)",
                                        "Madrid"};

constexpr std::string_view kSessions2023[] = {
    "Unknown",      "Practice 1",   "Practice 2",   "Practice 3",       "Short Practice",
    "Qualifying 1", "Qualifying 2", "Qualifying 3", "Short Qualifying", "One Shot Qualifying",
    "Race",         "Race 2",       "Race 3",       "Time Trial"};

constexpr std::string_view kSessions2024[] = {"Unknown",
                                              "Practice 1",
                                              "Practice 2",
                                              "Practice 3",
                                              "Short Practice",
                                              "Qualifying 1",
                                              "Qualifying 2",
                                              "Qualifying 3",
                                              "Short Qualifying",
                                              "One Shot Qualifying",
                                              "Sprint Shootout 1",
                                              "Sprint Shootout 2",
                                              "Sprint Shootout 3",
                                              "Short Sprint Shootout",
                                              "One Shot Sprint Shootout",
                                              "Race",
                                              "Race 2",
                                              "Race 3",
                                              "Time Trial"};

constexpr std::string_view kWeather[] = {"clear",      "light cloud", "overcast",    "light rain",
                                         "heavy rain", "storm",       "thunderstorm"};

constexpr std::string_view kVisualCompounds[] = {
    "",     "",           "",        "",          "",       "", "",       "INTER", "WET_CLASSIC",
    "",     "",           "",        "",          "",       "", "WET_F2", "SOFT",  "MEDIUM",
    "HARD", "SUPER_SOFT", "SOFT_F2", "MEDIUM_F2", "HARD_F2"};

constexpr std::string_view kPenalties[] = {"drive through",
                                           "stop go",
                                           "grid penalty",
                                           "penalty reminder",
                                           "time penalty",
                                           "warning",
                                           "disqualified",
                                           "removed from formation lap",
                                           "parked too long timer",
                                           "tyre regulations",
                                           "this lap invalidated",
                                           "this and next lap invalidated",
                                           "this lap invalidated without reason",
                                           "this and next lap invalidated without reason",
                                           "this previous lap invalidated",
                                           "this and previous lap invalidated without reason",
                                           "retired",
                                           "black flag timer"};

constexpr std::string_view kInfringements[] = {"blocking by slow driving",
                                               "blocking by wrong way driving",
                                               "reversing off the start line",
                                               "big collision",
                                               "small collision",
                                               "collision failed to hand back position single",
                                               "collision failed to hand back position multiple",
                                               "corner cutting gained time",
                                               "corner cutting overtake single",
                                               "corner cutting overtake multiple",
                                               "crossed pit exit lane",
                                               "ignoring blue flags",
                                               "ignoring yellow flags",
                                               "ignoring drive through",
                                               "too many drive throughs",
                                               "drive through reminder serve within n laps",
                                               "drive through reminder serve this lap",
                                               "pit lane speeding",
                                               "parked for too long",
                                               "ignoring tyre regulations",
                                               "too many penalties",
                                               "multiple warnings",
                                               "approaching disqualification",
                                               "tyre regulations select single",
                                               "tyre regulations select multiple",
                                               "lap invalidated corner cutting",
                                               "lap invalidated running wide",
                                               "corner cutting ran wide gained time minor",
                                               "corner cutting ran wide gained time significant",
                                               "corner cutting ran wide gained time extreme",
                                               "lap invalidated wall riding",
                                               "lap invalidated flashback used",
                                               "lap invalidated reset to track",
                                               "blocking the pitlane",
                                               "jump start",
                                               "safety car to car collision",
                                               "safety car illegal overtake",
                                               "safety car exceeding allowed pace",
                                               "virtual safety car exceeding allowed pace",
                                               "formation lap below allowed speed",
                                               "formation lap parking",
                                               "retired mechanical failure",
                                               "retired terminally damaged",
                                               "safety car falling too far back",
                                               "black flag timer",
                                               "unserved stop go penalty",
                                               "unserved drive through penalty",
                                               "engine component change",
                                               "gearbox change",
                                               "parc ferme change",
                                               "league grid penalty",
                                               "retry penalty",
                                               "illegal time gain",
                                               "mandatory pitstop",
                                               "attribute assigned"};

constexpr std::string_view kResultReasons[] = {
    "invalid",         "retired",          "finished",
    "terminal damage", "inactive",         "not enough laps completed",
    "black flagged",   "red flagged",      "mechanical failure",
    "session skipped", "session simulated"};

constexpr std::string_view kSafetyCars[] = {"no safety car", "full safety car",
                                            "virtual safety car", "formation lap"};

constexpr std::string_view kSafetyCarEvents[] = {"deployed", "returning", "returned",
                                                 "resume race"};

std::string_view name_in(std::span<const std::string_view> names, std::size_t number) {
  return number < names.size() ? names[number] : std::string_view();
}

std::string or_number(std::string_view name, unsigned number) {
  return name.empty() ? fmt::format("{}", number) : std::string(name);
}

}  // namespace

std::string f1_track(int id) {
  const auto name = id < 0 ? std::string_view() : name_in(kTracks, static_cast<std::size_t>(id));
  if (name.empty()) return fmt::format("track_{}", id);
  std::string track(name);
  std::ranges::transform(track, track.begin(), [](char c) {
    if (c == ' ') return '_';
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return track;
}

std::string f1_session_type(std::uint16_t format, unsigned type) {
  const std::span<const std::string_view> names =
      format == 2023 ? std::span<const std::string_view>(kSessions2023) : kSessions2024;
  return or_number(name_in(names, type), type);
}

std::string f1_weather(unsigned weather) {
  return or_number(name_in(kWeather, weather), weather);
}
std::string f1_compound(unsigned visual) {
  return or_number(name_in(kVisualCompounds, visual), visual);
}
std::string f1_penalty(unsigned penalty, unsigned infringement) {
  return or_number(name_in(kPenalties, penalty), penalty) + ": " +
         or_number(name_in(kInfringements, infringement), infringement);
}
std::string f1_result_reason(unsigned reason) {
  return or_number(name_in(kResultReasons, reason), reason);
}
std::string f1_safety_car(unsigned status) {
  return or_number(name_in(kSafetyCars, status), status);
}
std::string f1_safety_car_event(unsigned event) {
  return or_number(name_in(kSafetyCarEvents, event), event);
}

}  // namespace slipstream::game
