#include "cli/point_csv.h"

#include <fmt/format.h>
#include <simdjson.h>

#include "base/iso_time.h"
#include "base/json_text.h"
#include "model/tags.h"

namespace slipstream {
namespace {

void append_value(std::string& out, simdjson::dom::element value, CsvTexts texts) {
  std::string_view text;
  if (value.get(text) == simdjson::SUCCESS) {
    append_csv_text(out, text, texts);
  } else if (!value.is_null()) {
    append_csv_cell(out, simdjson::minify(value));
  }
}

}  // namespace

PointCsv::PointCsv(const Schema& schema, CsvTexts texts) : schema_(schema), texts_(texts) {
  const SchemaOptions& names = schema.options();
  for (const auto& name : {names.time, names.track, names.chassis, names.lap, names.sector}) {
    by_name_.emplace(name, columns_.size());
    columns_.push_back(name);
  }
}

std::size_t PointCsv::column(std::string_view name) {
  if (const auto known = by_name_.find(name); known != by_name_.end()) return known->second;
  by_name_.emplace(name, columns_.size());
  columns_.emplace_back(name);
  return columns_.size() - 1;
}

std::size_t PointCsv::column_of(FieldId field) {
  if (by_field_.size() <= field) by_field_.resize(field + std::size_t{1});
  if (by_field_[field] == 0) by_field_[field] = column(schema_.fields().name(field));
  return by_field_[field];
}

template <typename Take>
void PointCsv::for_each_member(const PointBatch& batch, const Point& point, Take take) {
  const auto take_object = [&](const std::string& text) {
    simdjson::dom::parser parser;
    simdjson::dom::object object;
    if (parser.parse(text).get(object) != simdjson::SUCCESS) return false;
    for (const auto member : object) {
      if (member.key == tags::kMember && member.value.is_object()) continue;
      const std::size_t at = column(member.key);
      if (at < kFixedCount) continue;
      take(at, [&](std::string& out) { append_value(out, member.value, texts_); });
    }
    return true;
  };
  // Before the members: where one has a tag's name, the cell is that one's.
  if (point.tags.length > 0) take_object(fmt::format("{{{}}}", batch.tags(point)));
  // Its text has all that it came with, in its sender's order.
  if (point.has_texts && take_object(std::string(batch.json(point)))) return;
  if (const auto& sequence = schema_.options().sequence; point.has_sequence && !sequence.empty()) {
    take(column(sequence),
         [&](std::string& out) { out += fmt::format_int(point.sequence).c_str(); });
  }
  for (auto v = batch.values_begin(point); v != batch.values_end(point); ++v) {
    const std::size_t at = column_of(v->field);
    if (at < kFixedCount) continue;
    take(at, [&](std::string& out) { append_json_number(out, v->value); });
  }
}

void PointCsv::learn(const PointBatch& batch, const Point& point) {
  for_each_member(batch, point, [](std::size_t, const auto&) {});
}

void PointCsv::append_header(std::string& out) const {
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    if (i > 0) out += ',';
    append_csv_text(out, columns_[i], texts_);
  }
  out += "\r\n";
}

void PointCsv::append_row(std::string& out, const PointBatch& batch, const Point& point) {
  cells_.resize(columns_.size());
  for (auto& cell : cells_) cell.clear();
  append_iso_time(cells_[kTime], point.event_time.ns);
  append_csv_text(cells_[kTrack], batch.track(point), texts_);
  append_csv_text(cells_[kChassis], batch.chassis(point), texts_);
  const bool is_unrepaired = point.lap_is_fault && point.lap == 0;
  cells_[kLap] = fmt::format_int(is_unrepaired ? Schema::kLapFault : point.lap).str();
  if (point.sector != Point::kNoSector) cells_[kSector] = fmt::format_int(point.sector).str();
  for_each_member(batch, point, [&](std::size_t at, const auto& append) {
    // Not among those that were learnt: it came into the log meanwhile.
    if (at >= cells_.size()) return;
    cells_[at].clear();
    append(cells_[at]);
  });
  for (std::size_t i = 0; i < cells_.size(); ++i) {
    if (i > 0) out += ',';
    out += cells_[i];
  }
  out += "\r\n";
}

}  // namespace slipstream
