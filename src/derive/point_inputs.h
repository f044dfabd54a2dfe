#pragma once
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <utility>
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
  bool has(Slot slot) const { return (filled_[slot / kBits] >> (slot % kBits) & 1) != 0; }
  /// Some slots, to be looked for at once.
  class Set {
   public:
    void add(Slot slot);
    const std::vector<std::pair<std::uint32_t, std::uint64_t>>& words() const { return words_; }

   private:
    std::vector<std::pair<std::uint32_t, std::uint64_t>>
        words_;  ///< which of filled_, and its bits
  };
  bool has_all(const Set& set) const {
    for (const auto& [word, bits] : set.words()) {
      if ((filled_[word] & bits) != bits) return false;
    }
    return true;
  }
  double operator[](Slot slot) const { return numbers_[slot]; }
  const double& at(Slot slot) const { return numbers_[slot]; }
  double* address_of(Slot slot) { return &numbers_[slot]; }
  void set(Slot slot, double value) {
    numbers_[slot] = value;
    filled_[slot / kBits] |= std::uint64_t{1} << (slot % kBits);
  }
  /// That have a slot.
  std::vector<FieldId> fields() const;

 private:
  static constexpr Slot kNoSlot = ~Slot{0};
  static constexpr std::uint32_t kBits = 64;

  Schema& schema_;
  std::deque<double> numbers_;
  std::vector<std::uint64_t> filled_;  // a bit a slot: it has a number
  std::vector<Slot> slots_;            // by field
  Slot lap_ = kNoSlot;
  Slot sector_ = kNoSlot;
  PointPlace place_;
};

}  // namespace slipstream
