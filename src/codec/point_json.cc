#include "codec/point_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "base/iso_time.h"
#include "base/json_text.h"
#include "model/tags.h"

namespace slipstream {
namespace {

/// Whether a tag may stand among the members: it is no other member's name.
bool is_free(std::string_view name, const PointBatch& batch, const Point& point,
             const Schema& schema) {
  const SchemaOptions& names = schema.options();
  for (const auto* taken :
       {&names.time, &names.track, &names.chassis, &names.lap, &names.sector, &names.sequence}) {
    if (name == *taken) return false;
  }
  if (name == tags::kMember ||
      std::ranges::find(names.well_known, name) != names.well_known.end()) {
    return false;
  }
  return std::none_of(batch.values_begin(point), batch.values_end(point), [&](const Value& value) {
    return schema.fields().json_name(value.field) == name;
  });
}

void append_tags(std::string& out, const PointBatch& batch, const Point& point,
                 const Schema& schema) {
  const auto tags = batch.tags(point);
  TagsReader reader(tags);
  while (const auto tag = reader.next()) {
    if (!is_free(tag->name, batch, point, schema)) continue;
    fmt::format_to(std::back_inserter(out), R"(,"{}":"{}")", tag->name, tag->value);
  }
  fmt::format_to(std::back_inserter(out), R"(,"{}":{{{}}})", tags::kMember, tags);
}

}  // namespace

void append_point_json(std::string& out, const PointBatch& batch, const Point& point,
                       const Schema& schema) {
  if (point.has_texts && point.json.length > 0) {
    out += batch.json(point);
    return;
  }
  const SchemaOptions& names = schema.options();
  const auto open_member = [&](char before, std::string_view name) {
    out += before;
    append_json_string(out, name);
    out += ':';
  };
  open_member('{', names.time);
  out += '"';
  append_iso_time(out, point.event_time.ns);
  out += '"';
  open_member(',', names.track);
  append_json_string(out, batch.track(point));
  open_member(',', names.chassis);
  append_json_string(out, batch.chassis(point));
  open_member(',', names.lap);
  const bool is_unrepaired = point.lap_is_fault && point.lap == 0;
  out += fmt::format_int(is_unrepaired ? Schema::kLapFault : point.lap).c_str();
  if (point.sector != Point::kNoSector) {
    open_member(',', names.sector);
    out += fmt::format_int(point.sector).c_str();
  }
  if (point.has_sequence && !names.sequence.empty()) {
    open_member(',', names.sequence);
    out += fmt::format_int(point.sequence).c_str();
  }
  for (auto v = batch.values_begin(point); v != batch.values_end(point); ++v) {
    const auto name = schema.fields().name(v->field);
    // Of line protocol: numbers that are called as something else of the point.
    if (name == names.track || name == names.chassis) continue;
    if (name == tags::kMember && point.tags.length > 0) continue;
    out += ",\"";
    out += schema.fields().json_name(v->field);
    out += "\":";
    append_json_number(out, v->value);
  }
  if (point.tags.length > 0) append_tags(out, batch, point, schema);
  out += '}';
}

}  // namespace slipstream
