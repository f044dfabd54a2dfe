#include "model/schema.h"

#include "base/json_text.h"

namespace slipstream {

FieldTable::FieldTable(const std::array<std::string, field::kWellKnownCount>& well_known) {
  names_.resize(kMaxFields);
  json_names_.resize(kMaxFields);
  for (const auto& name : well_known) intern(name);
}

std::optional<FieldId> FieldTable::intern(std::string_view name) {
  const std::lock_guard lock(mutex_);
  const auto known = ids_.find(std::string(name));
  if (known != ids_.end()) return known->second;
  const std::size_t next = size_.load(std::memory_order_relaxed);
  if (next == kMaxFields) return std::nullopt;
  const auto id = static_cast<FieldId>(next);
  names_[id] = name;
  std::string json;
  append_json_string(json, name);
  json_names_[id] = json.substr(1, json.size() - 2);
  ids_.emplace(std::string(name), id);
  size_.store(next + 1, std::memory_order_release);
  return id;
}

Schema::Schema(SchemaOptions options)
    : options_(std::move(options)),
      fields_(options_.well_known),
      series_(options_.max_series_per_machine) {
  for (const auto& [name, range] : options_.ranges) {
    if (name == options_.lap || name == options_.sector) {
      (name == options_.lap ? lap_range_ : sector_range_) = range;
      continue;
    }
    const auto id = fields_.intern(name);
    if (!id) continue;
    if (ranges_.size() <= *id) ranges_.resize(*id + 1u);
    ranges_[*id] = range;
  }
}

}  // namespace slipstream
