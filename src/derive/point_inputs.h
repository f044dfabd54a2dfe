#pragma once
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "derive/function_memory.h"
#include "model/point.h"
#include "model/schema.h"

namespace slipstream {

/// The numbers of the point at hand that expressions read, each in a slot of its own. A slot has an
/// address that stays. One thread; bounded by the expressions that asked for slots.
class PointInputs {
 public:
  using Slot = std::uint32_t;

  /// Borrows the schema, for as long as it is used.
  explicit PointInputs(Schema& schema);

  /// Of a field, or of the lap or the sector, by their names; the same for the same name. Where the
  /// table of fields is full, a field that no point has.
  Slot slot_of(std::string_view name);
  /// One that set() fills.
  Slot add();

  /// Takes the point's numbers; what was set before is gone. The batch's values are not kept.
  void load(const PointBatch& batch, const Point& point);
  const PointPlace& place() const { return place_; }
  bool has(Slot slot) const { return turns_[slot] == turn_; }
  double operator[](Slot slot) const { return numbers_[slot]; }
  const double& at(Slot slot) const { return numbers_[slot]; }
  double* address_of(Slot slot) { return &numbers_[slot]; }
  void set(Slot slot, double value) {
    numbers_[slot] = value;
    turns_[slot] = turn_;
  }
  FieldId field_of(Slot slot) const { return fields_[slot]; }
  static constexpr FieldId kNoField = 0xffff;

 private:
  static constexpr Slot kNoSlot = ~Slot{0};

  Schema& schema_;
  std::deque<double> numbers_;
  std::vector<std::uint64_t> turns_;  // by slot: the turn in which it was filled
  std::vector<FieldId> fields_;       // by slot
  std::vector<Slot> slots_;           // by field
  Slot lap_ = kNoSlot;
  Slot sector_ = kNoSlot;
  std::uint64_t turn_ = 1;
  PointPlace place_;
};

}  // namespace slipstream
