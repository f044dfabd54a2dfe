#pragma once
#include <cstdint>
#include <span>
#include <string_view>

#include "game/columns.h"
#include "game/packed_reader.h"

namespace slipstream::game {

/// What a number is packed as.
enum class Wire : std::uint8_t {
  kU8,
  kI8,
  kU16,
  kI16,
  kU32,
  kI32,
  kU64,
  kI64,
  kF32,
  kF64,
  kMsAndMinutes,  ///< milliseconds (u16) and behind them minutes (u8); in milliseconds
};

constexpr std::size_t wire_bytes(Wire wire) {
  switch (wire) {
    case Wire::kU8:
    case Wire::kI8:
      return 1;
    case Wire::kU16:
    case Wire::kI16:
      return 2;
    case Wire::kMsAndMinutes:
      return 3;
    case Wire::kU32:
    case Wire::kI32:
    case Wire::kF32:
      return 4;
    case Wire::kU64:
    case Wire::kI64:
    case Wire::kF64:
      return 8;
  }
  return 0;
}

/// How the number of the wire becomes the member's.
struct Scale {
  double add = 0;
  double factor = 1;
  double divisor = 1;

  constexpr bool is_plain() const { return add == 0 && factor == 1 && divisor == 1; }
  constexpr double of(double raw) const { return (raw + add) * factor / divisor; }
};

enum class Meaning : std::uint8_t {
  kAlways,
  kHidden,        ///< zero where a player keeps his telemetry to himself
  kNotNegative,   ///< below zero it is not known
  kReverseIsZero  ///< a gear, of which the game says 0 for reverse
};

/// A number of a packet, or of one element of an array in it.
struct Row {
  /// `name` of the member that it becomes.
  consteval Row(std::string_view name, Wire wire_, std::uint16_t offset_, Scale scale_ = {},
                Meaning meaning_ = Meaning::kAlways)
      : scale(scale_),
        column(column_of(name)),
        offset(offset_),
        wire(wire_),
        meaning(meaning_),
        is_scaled(!scale_.is_plain()) {}

  Scale scale;
  ColumnId column;
  std::uint16_t offset;
  Wire wire;
  Meaning meaning;
  bool is_scaled;
};

/// The rows of one element, whose first begins at `first`, and each further one `stride` behind.
struct Block {
  std::uint16_t first = 0;
  std::uint16_t stride = 0;
  std::span<const Row> rows = {};

  constexpr std::size_t at(std::size_t index) const { return first + index * stride; }
};

/// Where the last row ends.
constexpr std::size_t bytes_of(std::span<const Row> rows) {
  std::size_t end = 0;
  for (const Row& row : rows) {
    const std::size_t behind = row.offset + wire_bytes(row.wire);
    if (behind > end) end = behind;
  }
  return end;
}

/// A member's value.
struct Cell {
  double value = 0;
  ColumnId column = 0;
};

template <typename Bytes>
double raw_number(const Bytes& bytes, Wire wire, std::size_t offset) {
  switch (wire) {
    case Wire::kU8:
      return bytes.template read<std::uint8_t>(offset);
    case Wire::kI8:
      return bytes.template read<std::int8_t>(offset);
    case Wire::kU16:
      return bytes.template read<std::uint16_t>(offset);
    case Wire::kI16:
      return bytes.template read<std::int16_t>(offset);
    case Wire::kU32:
      return bytes.template read<std::uint32_t>(offset);
    case Wire::kI32:
      return bytes.template read<std::int32_t>(offset);
    case Wire::kU64:
      return static_cast<double>(bytes.template read<std::uint64_t>(offset));
    case Wire::kI64:
      return static_cast<double>(bytes.template read<std::int64_t>(offset));
    case Wire::kF32:
      return bytes.template read<float>(offset);
    case Wire::kF64:
      return bytes.template read<double>(offset);
    case Wire::kMsAndMinutes:
      return bytes.template read<std::uint16_t>(offset) +
             60'000.0 * bytes.template read<std::uint8_t>(offset + 2);
  }
  return 0;
}

}  // namespace slipstream::game
