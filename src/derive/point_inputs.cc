#include "derive/point_inputs.h"

#include <algorithm>
#include <limits>

namespace slipstream {

PointInputs::PointInputs(Schema& schema) : schema_(schema) {}

void PointInputs::Set::add(Slot slot) {
  const std::uint32_t word = slot / kBits;
  auto found = std::ranges::find(words_, word, &std::pair<std::uint32_t, std::uint64_t>::first);
  if (found == words_.end()) found = words_.insert(words_.end(), {word, 0});
  found->second |= std::uint64_t{1} << (slot % kBits);
}

PointInputs::Slot PointInputs::add() {
  numbers_.push_back(0);
  filled_.resize((numbers_.size() + kBits - 1) / kBits);
  return static_cast<Slot>(numbers_.size() - 1);
}

PointInputs::Slot PointInputs::slot_of(std::string_view name) {
  const SchemaOptions& options = schema_.options();
  for (auto [member, slot] :
       {std::pair{&options.lap, &lap_}, std::pair{&options.sector, &sector_}}) {
    if (name != *member) continue;
    if (*slot == kNoSlot) *slot = add();
    return *slot;
  }
  const auto field = schema_.fields().intern(name);
  if (!field) return add();
  if (*field >= slots_.size()) slots_.resize(*field + std::size_t{1}, kNoSlot);
  if (slots_[*field] == kNoSlot) {
    slots_[*field] = add();
  }
  return slots_[*field];
}

std::vector<FieldId> PointInputs::fields() const {
  std::vector<FieldId> fields;
  for (std::size_t field = 0; field < slots_.size(); ++field) {
    if (slots_[field] != kNoSlot) fields.push_back(static_cast<FieldId>(field));
  }
  return fields;
}

void PointInputs::load(const PointBatch& batch, const Point& point) {
  std::ranges::fill(filled_, 0);
  place_ = {.time = point.event_time,
            .lap = point.lap,
            .distance_m = std::numeric_limits<double>::quiet_NaN()};
  if (lap_ != kNoSlot) set(lap_, point.lap);
  if (sector_ != kNoSlot && !point.sector_unknown) set(sector_, point.sector);
  for (auto value = batch.values_begin(point); value != batch.values_end(point); ++value) {
    if (value->field == field::kLapdistM) place_.distance_m = value->value;
    if (value->field >= slots_.size()) continue;
    if (const Slot slot = slots_[value->field]; slot != kNoSlot) set(slot, value->value);
  }
}

}  // namespace slipstream
