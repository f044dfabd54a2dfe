#include "game/acc_decoder.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <optional>
#include <set>

#include "game/acc_messages.h"

namespace slipstream::game {
namespace {

constexpr std::int32_t kNoTime = 2'147'483'647;

struct AccLap {
  std::optional<double> time_s;
  bool is_invalid = false;
};

AccLap read_lap(PackedCursor& at) {
  AccLap lap;
  const auto ms = at.next<std::int32_t>();
  if (ms != kNoTime && ms >= 0) lap.time_s = ms / 1000.0;
  at.next<std::uint16_t>();  // car
  at.next<std::uint16_t>();  // driver
  const auto splits = at.next<std::uint8_t>();
  for (unsigned i = 0; i < splits; ++i) at.next<std::int32_t>();
  lap.is_invalid = at.next<std::uint8_t>() != 0;
  at.next<std::uint8_t>();  // valid for best
  at.next<std::uint8_t>();  // out lap
  at.next<std::uint8_t>();  // in lap
  return lap;
}

std::string_view acc_session_type(unsigned type) {
  switch (type) {
    case 0:
      return "Practice";
    case 4:
      return "Qualifying";
    case 9:
      return "Superpole";
    case 10:
      return "Race";
    case 11:
      return "Hotlap";
    case 12:
      return "Hotstint";
    case 13:
      return "Hotlap superpole";
    case 14:
      return "Replay";
    default:
      return "Session";
  }
}

/// By the number of the event.
constexpr std::string_view kAccEvents[] = {
    "",         "green_flag",    "session_ended", "penalty",
    "accident", "lap_completed", "fastest_lap",   "personal_best_lap"};

/// As pit_status is in all games: 0 none, 1 on the way in or out, 2 in the pit lane.
int pit_status_of(unsigned location) {
  constexpr unsigned kPitLane = 2;
  constexpr unsigned kPitEntry = 3;
  constexpr unsigned kPitExit = 4;
  if (location == kPitLane) return 2;
  return location == kPitEntry || location == kPitExit ? 1 : 0;
}

Mark acc_mark(const Receipt& receipt, std::string_view track, std::string_view kind,
              std::string_view chassis, std::string text, double session_time_s) {
  return {.time = {receipt.arrival.ns},
          .arrival = receipt.arrival,
          .track = std::string(track),
          .session = {},
          .chassis = std::string(chassis),
          .kind = std::string(kind),
          .text = std::move(text),
          .session_time_s =
              session_time_s - session_time_s == 0 ? std::optional(session_time_s) : std::nullopt,
          .frame = {},
          .to_session_time_s = {},
          .goes_on_from = {}};
}

}  // namespace

std::string acc_text(std::string_view text) {
  constexpr std::size_t kMost = 96;
  std::string clean(text);
  std::erase_if(clean, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
  if (clean.size() > kMost || !simdjson::validate_utf8(clean)) {
    std::ranges::replace_if(
        clean, [](char c) { return static_cast<unsigned char>(c) >= 0x80; }, '?');
    clean.resize(std::min(clean.size(), kMost));
  }
  return clean;
}

bool AccDecoder::take(std::string_view datagram, const Receipt& receipt, GameSink& sink) {
  if (datagram.empty()) return false;
  const auto message = static_cast<AccMessage>(datagram.front());
  if (message < AccMessage::kRegistration || message > AccMessage::kEvent) return false;
  Game* game =
      senders_.find(receipt.sender, receipt.arrival, [] { return std::make_unique<Game>(); });
  if (game == nullptr) {
    stats_.senders_refused.add();
    return true;
  }
  switch (message) {
    case AccMessage::kRegistration:
      break;
    case AccMessage::kUpdate:
      take_update(*game, datagram, receipt, sink);
      break;
    case AccMessage::kCar:
      take_car(*game, datagram, receipt, sink);
      break;
    case AccMessage::kEntries:
      take_entries(*game, datagram);
      break;
    case AccMessage::kTrack:
      take_track(*game, datagram);
      break;
    case AccMessage::kEntry:
      take_entry(*game, datagram);
      break;
    case AccMessage::kEvent:
      take_event(*game, datagram, receipt, sink);
      break;
  }
  return true;
}

void AccDecoder::take_update(Game& game, std::string_view datagram, const Receipt& receipt,
                             GameSink& sink) {
  PackedCursor at(datagram, 1);
  at.next<std::uint16_t>();  // event
  const int session = at.next<std::uint16_t>();
  const unsigned type = at.next<std::uint8_t>();
  at.next<std::uint8_t>();  // phase
  const double time_s = at.next<float>() / 1000.0;
  if (!at.ok()) return;
  game.session_time_s = time_s;
  if (session == game.session || game.track.empty()) return;
  game.session = session;
  sink.mark(
      acc_mark(receipt, game.track, "session", {}, std::string(acc_session_type(type)), time_s));
}

void AccDecoder::take_car(Game& game, std::string_view datagram, const Receipt& receipt,
                          GameSink& sink) {
  PackedCursor at(datagram, 1);
  const auto car = at.next<std::uint16_t>();
  const auto entry = game.entries.find(car);
  if (game.track.empty() || entry == game.entries.end() || entry->second.chassis.empty()) {
    stats_.waiting.add();
    return;
  }
  at.next<std::uint16_t>();  // driver
  at.next<std::uint8_t>();   // drivers
  cells_.clear();
  cells_.add(column_of("session_time_s"), game.session_time_s);
  cells_.add(column_of("car_index"), car);
  cells_.add(column_of("gear"), at.next<std::uint8_t>() - 2);
  cells_.add(column_of("x_m"), at.next<float>());
  cells_.add(column_of("z_m"), at.next<float>());
  cells_.add(column_of("yaw_rad"), at.next<float>());
  const unsigned location = at.next<std::uint8_t>();
  cells_.add(column_of("car_location"), location);
  cells_.add(column_of("pit_status"), pit_status_of(location));
  cells_.add(column_of("speed_kmh"), at.next<std::uint16_t>());
  cells_.add(column_of("position"), at.next<std::uint16_t>());
  cells_.add(column_of("cup_position"), at.next<std::uint16_t>());
  cells_.add(column_of("track_position"), at.next<std::uint16_t>());
  const double spline = at.next<float>();
  cells_.add(column_of("spline_position"), spline);
  if (game.track_length_m > 0) cells_.add(column_of("lapdist_m"), spline * game.track_length_m);
  const unsigned laps = at.next<std::uint16_t>();
  constexpr unsigned kMostLaps = 32'000;
  cells_.add(column_of("laps"), laps);
  if (laps < kMostLaps) cells_.add(column_of("lap"), laps + 1);
  cells_.add(column_of("delta_s"), at.next<std::int32_t>() / 1000.0);
  const AccLap best = read_lap(at);
  const AccLap last = read_lap(at);
  const AccLap current = read_lap(at);
  if (best.time_s) cells_.add(column_of("best_session_lap_s"), *best.time_s);
  if (last.time_s) cells_.add(column_of("last_lap_s"), *last.time_s);
  if (current.time_s) cells_.add(column_of("lap_time_s"), *current.time_s);
  cells_.add(column_of("lap_invalid"), current.is_invalid ? 1 : 0);
  if (!at.ok()) {
    stats_.cut_off.add();
    return;
  }
  sink.point({.time = {receipt.arrival.ns},
              .arrival = receipt.arrival,
              .sender = receipt.sender,
              .track = game.track,
              .chassis = entry->second.chassis,
              .source_game = "acc",
              .session = {},
              .is_restricted = {},
              .numbers = cells_.all(),
              .texts = {}});
}

/// Cars that it does not name are gone.
void AccDecoder::take_entries(Game& game, std::string_view datagram) {
  PackedCursor at(datagram, 1);
  at.next<std::int32_t>();  // connection
  const std::size_t count = at.next<std::uint16_t>();
  std::set<std::uint16_t> cars;
  for (std::size_t i = 0; i < count && at.ok(); ++i) cars.insert(at.next<std::uint16_t>());
  if (!at.ok()) return;
  std::erase_if(game.entries, [&](const auto& entry) { return !cars.contains(entry.first); });
}

void AccDecoder::take_track(Game& game, std::string_view datagram) {
  PackedCursor at(datagram, 1);
  at.next<std::int32_t>();  // connection
  std::string track = acc_text(at.text());
  at.next<std::int32_t>();  // id
  const auto length = at.next<std::int32_t>();
  if (!at.ok() || track.empty()) return;
  for (char& c : track) {
    if (c == ' ') c = '_';
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  game.track = std::move(track);
  game.track_length_m = length;
}

void AccDecoder::take_entry(Game& game, std::string_view datagram) {
  PackedCursor at(datagram, 1);
  const auto car = at.next<std::uint16_t>();
  at.next<std::uint8_t>();  // model
  at.text();                // team
  Entry entry;
  entry.race_number = at.next<std::int32_t>();
  at.next<std::uint8_t>();  // cup category
  const unsigned current = at.next<std::uint8_t>();
  at.next<std::uint16_t>();  // nationality
  const unsigned drivers = at.next<std::uint8_t>();
  for (unsigned i = 0; i < drivers && at.ok(); ++i) {
    const auto first = at.text();
    const auto last = at.text();
    const auto brief = at.text();
    at.next<std::uint8_t>();   // category
    at.next<std::uint16_t>();  // nationality
    if (i != current) continue;
    entry.name =
        acc_text(fmt::format("{}{}{}", first, first.empty() || last.empty() ? "" : " ", last));
    if (entry.name.empty()) entry.name = acc_text(brief);
  }
  if (!at.ok()) return;
  if (!game.entries.contains(car) && game.entries.size() == kMaxEntries) return;
  if (entry.name.empty()) entry.name = fmt::format("car {}", car);
  game.entries[car] = std::move(entry);
  // A name that several have is told apart by the race numbers.
  for (auto& [index, one] : game.entries) {
    const auto has_it = [&](const auto& other) {
      return other.first != index && other.second.name == one.name;
    };
    one.chassis = std::ranges::any_of(game.entries, has_it)
                      ? fmt::format("{} #{}", one.name, one.race_number)
                      : one.name;
  }
}

void AccDecoder::take_event(Game& game, std::string_view datagram, const Receipt& receipt,
                            GameSink& sink) {
  PackedCursor at(datagram, 1);
  const unsigned type = at.next<std::uint8_t>();
  const auto text = at.text();
  const double time_s = at.next<std::int32_t>() / 1000.0;
  const auto car = at.next<std::int32_t>();
  if (!at.ok() || game.track.empty() || type == 0 || type >= std::size(kAccEvents)) return;
  std::string_view chassis;
  if (car >= 0 && car <= 0xffff) {
    const auto entry = game.entries.find(static_cast<std::uint16_t>(car));
    if (entry != game.entries.end()) chassis = entry->second.chassis;
  }
  sink.mark(acc_mark(receipt, game.track, kAccEvents[type], chassis, acc_text(text), time_s));
}

}  // namespace slipstream::game
