#include "codec/point_json.h"

#include <fmt/format.h>

#include "base/iso_time.h"
#include "base/json_text.h"

namespace slipstream {

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
    open_member(',', schema.fields().name(v->field));
    append_json_number(out, v->value);
  }
  out += '}';
}

}  // namespace slipstream
