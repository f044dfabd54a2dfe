#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "model/schema.h"

namespace slipstream {

/// Writes saved state. Field ids differ between processes: a field is written as its number in this
/// text, and by name where that number first comes.
class StateWriter : public ByteWriter {
 public:
  StateWriter(std::string& out, const FieldTable& fields) : ByteWriter(out), fields_(fields) {}

  void field(FieldId id) {
    if (id >= numbers_.size()) numbers_.resize(fields_.size());
    std::uint16_t& number = numbers_[id];  // counted from 1; 0: not written yet
    const bool is_new = number == 0;
    if (is_new) number = ++written_;
    varint(number - 1u);
    if (is_new) text(fields_.name(id));
  }

 private:
  const FieldTable& fields_;
  std::vector<std::uint16_t> numbers_;  // by id
  std::uint16_t written_ = 0;
};

/// Reads what StateWriter wrote. Fields get the ids of this process, given out now where new.
class StateReader : public ByteReader {
 public:
  StateReader(std::string_view bytes, FieldTable& fields) : ByteReader(bytes), fields_(fields) {}

  /// Nothing when the bytes make no sense, or when the field table is full.
  std::optional<FieldId> field() {
    const std::uint64_t number = varint();
    if (number > ids_.size()) return std::nullopt;
    if (number == ids_.size()) {
      const auto name = text();
      if (!ok()) return std::nullopt;
      const auto id = fields_.intern(name);
      if (!id) return std::nullopt;
      ids_.push_back(*id);
    }
    return ids_[number];
  }

 private:
  FieldTable& fields_;
  std::vector<FieldId> ids_;
};

}  // namespace slipstream
