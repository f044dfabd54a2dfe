#include "app/rollups_csv.h"

#include <simdjson.h>

namespace slipstream {
namespace {

constexpr std::string_view kAnyRollup =
    R"({"track":0,"chassis":0,"lap":0,"sector":0,"count":0,"first_ts":0,"last_ts":0,)"
    R"("tags":{},"window":0,"window_id":0})";

/// It needs several times a rollup's bytes: one a thread, not one a table that waits to be read.
simdjson::dom::parser& parser() {
  thread_local simdjson::dom::parser one;
  return one;
}

void append_value(std::string& out, simdjson::dom::element value, CsvTexts texts) {
  std::string_view text;
  if (value.get(text) == simdjson::SUCCESS) {
    append_csv_text(out, text, texts);
  } else {
    append_csv_cell(out, simdjson::minify(value));
  }
}

}  // namespace

std::optional<std::size_t> RollupsCsv::column_of(std::string_view name, std::size_t at) {
  if (at < order_.size() && order_[at] < columns_.size() && columns_[order_[at]] == name) {
    return order_[at];
  }
  const auto known = by_name_.find(name);
  if (known == by_name_.end()) return std::nullopt;
  if (order_.size() <= at) order_.resize(at + 1, known->second);
  order_[at] = known->second;
  return known->second;
}

void RollupsCsv::learn(std::string_view rollup) {
  simdjson::dom::object object;
  if (parser().parse(rollup).get(object) != simdjson::SUCCESS) return;
  std::size_t at = 0;
  for (const auto member : object) {
    if (column_of(member.key, at++)) continue;
    by_name_.emplace(member.key, columns_.size());
    columns_.emplace_back(member.key);
    header_bytes_ += name_bytes(columns_.back());
  }
}

void RollupsCsv::keep(std::size_t columns) {
  while (columns_.size() > columns) {
    header_bytes_ -= name_bytes(columns_.back());
    by_name_.erase(columns_.back());
    columns_.pop_back();
  }
}

/// With what separates it from the next.
std::size_t RollupsCsv::name_bytes(std::string_view name) const {
  std::string cell;
  append_csv_text(cell, name, texts_);
  return cell.size() + 1;
}

void RollupsCsv::append_header(std::string& out) const {
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    if (i > 0) out += ',';
    append_csv_text(out, columns_[i], texts_);
  }
  out += "\r\n";
}

void RollupsCsv::append_row(std::string& out, std::string_view rollup) {
  simdjson::dom::object object;
  if (parser().parse(rollup).get(object) != simdjson::SUCCESS) return;
  cells_.resize(columns_.size());
  for (auto& cell : cells_) cell.clear();
  std::size_t at = 0;
  for (const auto member : object) {
    if (const auto column = column_of(member.key, at++)) {
      append_value(cells_[*column], member.value, texts_);
    }
  }
  for (std::size_t i = 0; i < cells_.size(); ++i) {
    if (i > 0) out += ',';
    out += cells_[i];
  }
  out += "\r\n";
}

void RollupsCsv::learn_any() {
  learn(kAnyRollup);
}

}  // namespace slipstream
