#include "racing/standings_message.h"

#include <cmath>

#include "base/json_text.h"
#include "base/object_writer.h"

namespace slipstream {
namespace {

double rounded(double value, double steps) {
  return std::round(value * steps) / steps;
}

void milliseconds(ObjectWriter& object, std::string_view name, std::optional<double> seconds) {
  if (seconds) seconds = rounded(*seconds, 1'000);
  object.number_or_null(name, seconds);
}

/// By number; a sector without a time is null, and none behind the last one with one is there.
void sectors(ObjectWriter& object, std::string_view name, const PerSector& times) {
  std::string& out = object.key(name) += '[';
  std::int32_t next = 0;
  for (const auto& [sector, seconds] : times) {
    for (; next < sector; ++next) out += next > 0 ? ",null" : "null";
    if (next++ > 0) out += ',';
    append_json_number(out, rounded(seconds, 1'000));
  }
  out += ']';
}

void text_or_null(ObjectWriter& object, std::string_view name, const std::string& text) {
  if (text.empty()) {
    object.key(name) += "null";
  } else {
    object.text(name, text);
  }
}

/// On the track's line; a lap as its distance tells it is as long as the line is then.
void place(ObjectWriter& object, const Standing& car, const TrackLine* line, double track_m) {
  std::optional<double> x_m;
  std::optional<double> y_m;
  if (line != nullptr && line->has_shape() && track_m > 0) {
    const PlanePoint point = line->at(car.lapdist_m / track_m * line->length_m());
    x_m = rounded(point.x_m, 10);
    y_m = rounded(point.y_m, 10);
  }
  object.number_or_null("x_m", x_m);
  object.number_or_null("y_m", y_m);
}

void append_car(std::string& out, const Standing& car, const TrackLine* line, double track_m) {
  ObjectWriter object(out);
  object.number("position", static_cast<std::int64_t>(car.position));
  object.text("chassis", car.chassis);
  object.number("lap", car.lap);
  object.number("lapdist_m", rounded(car.lapdist_m, 10));
  milliseconds(object, "gap_leader_s", car.gap_leader_s);
  milliseconds(object, "gap_ahead_s", car.gap_ahead_s);
  object.number("laps_behind", car.laps_behind);
  milliseconds(object, "last_lap_s", car.last_lap_s);
  milliseconds(object, "best_lap_s", car.best_lap_s);
  object.number_or_null("sector", car.sector);
  sectors(object, "sectors_s", car.sectors_s);
  sectors(object, "best_sectors_s", car.best_sectors_s);
  place(object, car, line, track_m);
  text_or_null(object, "compound", car.compound);
  object.number_or_null("tyre_age_laps", car.tyre_age_laps);
  object.number_or_null("pit", car.pit);
  object.number("silent_s", rounded(car.silent_s, 10));
  std::optional<double> loss = car.loss;
  if (loss) loss = rounded(*loss, 10'000);
  object.number_or_null("loss", loss);
}

}  // namespace

std::string encode_standings(const TrackStandings& standings, const TrackFacts& facts) {
  std::string out;
  out.reserve(128 + standings.cars.size() * 288);
  std::optional<ObjectWriter> message(std::in_place, out);
  ObjectWriter& object = *message;
  object.text("type", "standings_update");
  object.text("track", standings.track);
  text_or_null(object, "session", facts.session);
  text_or_null(object, "part", standings.session);
  append_json_time(object.key("time"), standings.time.ns);
  sectors(object, "best_sectors_s", standings.best_sectors_s);
  object.key("cars") += '[';
  for (const auto& car : standings.cars) {
    if (&car != standings.cars.data()) out += ',';
    append_car(out, car, facts.line.get(), standings.track_m);
  }
  out += ']';
  message.reset();
  return out;
}

}  // namespace slipstream
