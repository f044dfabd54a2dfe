#include "codec/mark_json.h"

#include <simdjson.h>

#include <cmath>
#include <utility>

#include "base/iso_time.h"
#include "base/json_text.h"

namespace slipstream {
namespace {

/// No session lasts as long: it is no number, or one that somebody made up.
constexpr double kMostSeconds = 1e15;

void append_member(std::string& out, std::string_view name, std::string_view text) {
  if (text.empty()) return;
  out += ',';
  append_json_string(out, name);
  out += ':';
  append_json_string(out, text);
}

void append_member(std::string& out, std::string_view name, std::optional<double> number) {
  if (!number || !(std::abs(*number) <= kMostSeconds)) return;
  out += ',';
  append_json_string(out, name);
  out += ':';
  append_json_number(out, *number);
}

std::optional<std::string> text_of(const simdjson::dom::object& object, std::string_view name) {
  std::string_view text;
  if (object.at_key(name).get(text) != simdjson::SUCCESS) return std::nullopt;
  return std::string(text);
}

std::optional<double> number_of(const simdjson::dom::object& object, std::string_view name) {
  double number = 0;
  if (object.at_key(name).get(number) != simdjson::SUCCESS) return std::nullopt;
  return number;
}

}  // namespace

void append_mark_json(std::string& out, const Mark& mark) {
  out += R"({"type":"mark")";
  append_member(out, "track", mark.track);
  append_member(out, "session", mark.session);
  append_member(out, "time", iso_time(mark.time.ns));
  append_member(out, "kind", mark.kind);
  append_member(out, "chassis", mark.chassis);
  append_member(out, "text", mark.text);
  append_member(out, "session_time_s", mark.session_time_s);
  if (mark.frame) {
    out += R"(,"frame":)";
    out += std::to_string(*mark.frame);
  }
  append_member(out, "to_session_time_s", mark.to_session_time_s);
  append_member(out, "goes_on_from", mark.goes_on_from);
  out += '}';
}

std::optional<Mark> parse_mark_json(std::string_view json, ArrivalTime arrival) {
  thread_local simdjson::dom::parser parser;
  simdjson::dom::object object;
  if (json.empty() || parser.parse(json.data(), json.size()).get(object) != simdjson::SUCCESS) {
    return std::nullopt;
  }
  const auto time = parse_iso_time(text_of(object, "time").value_or(""));
  const auto type = text_of(object, "type");
  if (!time || type != "mark") return std::nullopt;
  Mark mark{.time = {*time}, .arrival = arrival};
  const std::pair<std::string_view, std::string Mark::*> texts[] = {
      {"track", &Mark::track}, {"session", &Mark::session},
      {"kind", &Mark::kind},   {"chassis", &Mark::chassis},
      {"text", &Mark::text},   {"goes_on_from", &Mark::goes_on_from}};
  for (const auto& [name, member] : texts) mark.*member = text_of(object, name).value_or("");
  mark.session_time_s = number_of(object, "session_time_s");
  mark.to_session_time_s = number_of(object, "to_session_time_s");
  std::uint64_t frame = 0;
  if (object.at_key("frame").get(frame) == simdjson::SUCCESS) mark.frame = frame;
  return mark;
}

}  // namespace slipstream
