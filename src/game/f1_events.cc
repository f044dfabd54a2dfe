#include "game/f1_events.h"

#include <fmt/format.h>

#include <algorithm>

#include "game/f1_names.h"

namespace slipstream::game {
namespace {

constexpr std::size_t kCodeAt = 29;
constexpr std::size_t kDetailsAt = 33;

struct Details {
  const PackedReader& packet;
  const F1Session& session;

  unsigned u8(std::size_t offset) const { return packet.u8(kDetailsAt + offset); }
  float f32(std::size_t offset) const { return packet.read<float>(kDetailsAt + offset); }
  std::string driver(std::size_t offset) const {
    const auto name = session.driver(u8(offset));
    return name.empty() ? fmt::format("car {}", u8(offset)) : std::string(name);
  }
};

using Text = std::string (*)(const Details&);

std::string nothing(const Details&) {
  return {};
}
std::string lap_time(const Details& d) {
  return fmt::format("{:.3f} s", d.f32(1));
}
std::string penalty(const Details& d) {
  std::string text = f1_penalty(d.u8(0), d.u8(1));
  constexpr unsigned kNone = 255;
  if (d.u8(4) != kNone && d.u8(4) != 0) text += fmt::format(", {} s", d.u8(4));
  if (d.u8(3) != kNone) text += ", with " + d.driver(3);
  return text + fmt::format(", lap {}", d.u8(5));
}
std::string speed(const Details& d) {
  return fmt::format("{:.1f} km/h", d.f32(1));
}
std::string lights(const Details& d) {
  return fmt::format("{}", d.u8(0));
}
std::string overtaken(const Details& d) {
  return "overtakes " + d.driver(1);
}
std::string safety_car(const Details& d) {
  return f1_safety_car(d.u8(0)) + ": " + f1_safety_car_event(d.u8(1));
}
std::string other_car(const Details& d) {
  return "with " + d.driver(1);
}

struct EventRow {
  std::string_view code;
  std::string_view kind;
  int car = -1;  ///< where its number stands; -1: it is about none
  Text text = nothing;
};

/// Buttons are no marks, flashbacks are found by the session's time.
constexpr EventRow kEvents[] = {{"SSTA", "session_started"},
                                {"SEND", "session_ended"},
                                {"FTLP", "fastest_lap", 0, lap_time},
                                {"RTMT", "retirement", 0},
                                {"DRSE", "drs_enabled"},
                                {"DRSD", "drs_disabled"},
                                {"TMPT", "team_mate_in_pits", 0},
                                {"CHQF", "chequered_flag"},
                                {"RCWN", "race_winner", 0},
                                {"PENA", "penalty", 2, penalty},
                                {"SPTP", "speed_trap", 0, speed},
                                {"STLG", "start_lights", -1, lights},
                                {"LGOT", "lights_out"},
                                {"DTSV", "drive_through_served", 0},
                                {"SGSV", "stop_go_served", 0},
                                {"RDFL", "red_flag"},
                                {"OVTK", "overtake", 0, overtaken},
                                {"SCAR", "safety_car", -1, safety_car},
                                {"COLL", "collision", 0, other_car}};

constexpr std::uint16_t kFirstWithReason = 2025;

}  // namespace

F1Event read_f1_event(const PackedReader& packet, const F1Session& session) {
  const auto code = packet.text(kCodeAt, 4);
  const Details details{packet, session};
  if (code == "FLBK") return {.kind = {}, .driver = {}, .text = {}, .to_time = details.f32(4)};
  const auto* row = std::ranges::find(kEvents, code, &EventRow::code);
  if (row == std::end(kEvents)) return {};
  F1Event event{.kind = row->kind, .driver = {}, .text = row->text(details), .to_time = {}};
  if (row->car >= 0) event.driver = session.driver(details.u8(static_cast<std::size_t>(row->car)));
  if (code == "RTMT" && packet.read<std::uint16_t>(0) >= kFirstWithReason) {
    event.text = f1_result_reason(details.u8(1));
  }
  return event;
}

}  // namespace slipstream::game
