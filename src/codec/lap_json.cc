#include "codec/lap_json.h"

#include <simdjson.h>

#include "base/iso_time.h"
#include "base/json_text.h"
#include "base/object_writer.h"

namespace slipstream {
namespace {

template <typename Append>
void append_list(std::string& out, const auto& items, Append append) {
  out += '[';
  bool is_first = true;
  for (const auto& item : items) {
    if (!is_first) out += ',';
    is_first = false;
    append(item);
  }
  out += ']';
}

/// Its elements, each given to `take`, which tells whether it is one; false: it is no such array.
template <typename Take>
bool parse_list(std::string_view json, Take take) {
  thread_local simdjson::dom::parser parser;
  simdjson::dom::array array;
  if (parser.parse(json).get(array) != simdjson::SUCCESS) return false;
  for (const auto element : array) {
    if (!take(element)) return false;
  }
  return true;
}

void text_or_null(ObjectWriter& object, std::string_view name, std::string_view text) {
  if (text.empty()) {
    object.key(name) += "null";
  } else {
    object.text(name, text);
  }
}

void flag_or_null(ObjectWriter& object, std::string_view name, bool is_known, bool value) {
  if (is_known) {
    object.flag(name, value);
  } else {
    object.key(name) += "null";
  }
}

void append_time(std::string& out, std::int64_t ns) {
  out += '"';
  append_iso_time(out, ns);
  out += '"';
}

std::string_view best_name(BestLap best) {
  switch (best) {
    case BestLap::kSession:
      return "session";
    case BestLap::kPersonal:
      return "personal";
    case BestLap::kNone:
      break;
  }
  return {};
}

}  // namespace

void append_json_names(std::string& out, std::span<const std::string> names) {
  append_list(out, names, [&out](const std::string& name) { append_json_string(out, name); });
}

std::optional<std::vector<std::string>> parse_json_names(std::string_view json) {
  std::vector<std::string> names;
  const bool is_list = parse_list(json, [&names](simdjson::dom::element element) {
    std::string_view name;
    if (element.get(name) != simdjson::SUCCESS) return false;
    names.emplace_back(name);
    return true;
  });
  if (!is_list) return std::nullopt;
  return names;
}

void append_json_times(std::string& out, std::span<const std::optional<double>> times) {
  append_list(out, times, [&out](const std::optional<double>& time) {
    if (time) {
      append_json_number(out, *time);
    } else {
      out += "null";
    }
  });
}

std::optional<std::vector<std::optional<double>>> parse_json_times(std::string_view json) {
  std::vector<std::optional<double>> times;
  const bool is_list = parse_list(json, [&times](simdjson::dom::element element) {
    double time = 0;
    if (element.is_null()) {
      times.emplace_back();
      return true;
    }
    if (element.get(time) != simdjson::SUCCESS) return false;
    times.emplace_back(time);
    return true;
  });
  if (!is_list) return std::nullopt;
  return times;
}

void append_lap_json(std::string& out, const StoredLap& stored) {
  const Lap& lap = *stored.lap;
  const bool is_complete = lap.is_complete;
  ObjectWriter object(out);
  object.text("id", stored.id);
  object.text("session", stored.session);
  object.text("track", lap.activity.track);
  object.text("chassis", lap.activity.chassis);
  object.number("lap", lap.lap);
  append_time(object.key("started"), lap.began.ns);
  append_time(object.key("ended"), lap.ended.ns);
  object.number_or_null("lap_time_s", is_complete ? lap.lap_time_s : std::nullopt);
  if (is_complete) {
    append_json_times(object.key("sector_times_s"), lap.sector_times_s);
  } else {
    object.key("sector_times_s") += "null";
  }
  object.flag("complete", is_complete);
  flag_or_null(object, "valid", is_complete, lap.is_valid.value_or(true));
  flag_or_null(object, "pit_in", is_complete, lap.pit_in.value_or(false));
  flag_or_null(object, "pit_out", is_complete, lap.pit_out.value_or(false));
  text_or_null(object, "compound", lap.compound);
  object.flag("official", lap.is_official);
  object.number("points", lap.points);
  object.number("missing", lap.missing);
  object.number("duplicates", lap.duplicates);
  object.number("longest_gap_s", lap.longest_gap_s);
  object.number("discarded", lap.discarded);
  object.number_or_null("max_speed_kmh", lap.max_speed_kmh);
  text_or_null(object, "best", best_name(stored.best));
  object.number("revision", lap.revision);
  text_or_null(object, "part", lap.activity.source_session);
  object.flag("begun_here", lap.begun_here);
  object.flag("rewound", lap.is_rewound);
  append_json_names(object.key("channels"), lap.channels);
}

void append_session_json(std::string& out, const StoredSession& session, bool is_live) {
  ObjectWriter object(out);
  object.text("id", session.id);
  object.text("track", session.track);
  object.text("name", session.name);
  append_time(object.key("started"), session.started.ns);
  append_time(object.key("ended"), session.ended.ns);
  object.number("machines", session.machines);
  object.number("laps", session.laps);
  object.number("points", session.points);
  append_json_names(object.key("parts"), session.parts);
  object.flag("live", is_live);
  object.flag("pinned", session.is_pinned);
}

}  // namespace slipstream
