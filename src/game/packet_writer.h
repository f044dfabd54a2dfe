#pragma once
#include <algorithm>
#include <bit>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <string>
#include <string_view>

#include "game/layout.h"

namespace slipstream::game {

/// Makes a datagram of the rows that decoders read by: what it writes they read as it was, as near
/// as the packed form can say it. What is not written is zero. Places are the layouts', which lie
/// within their datagrams.
class PacketWriter {
 public:
  explicit PacketWriter(std::size_t size) : bytes_(size, '\0') {}

  template <typename T>
    requires(std::integral<T> || std::floating_point<T>)
  void put(std::size_t offset, T value) {
    static_assert(std::endian::native == std::endian::little);
    std::memcpy(bytes_.data() + offset, &value, sizeof value);
  }
  /// As much of it as `size` bytes hold, with a NUL behind it.
  void put_text(std::size_t offset, std::size_t size, std::string_view text) {
    text.copy(bytes_.data() + offset, std::min(text.size(), size - 1));
  }
  /// The element that begins at `at`: those rows of which there is a cell.
  void put(std::size_t at, std::span<const Row> rows, std::span<const Cell> cells) {
    for (const Row& row : rows) {
      const auto cell = std::ranges::find(cells, row.column, &Cell::column);
      if (cell == cells.end()) continue;
      double raw = cell->value;
      if (row.meaning == Meaning::kReverseIsZero && raw == -1) raw = 0;
      if (row.is_scaled) raw = raw * row.scale.divisor / row.scale.factor - row.scale.add;
      put_raw(at + row.offset, row.wire, raw);
    }
  }
  std::string_view bytes() const { return bytes_; }

 private:
  void put_raw(std::size_t offset, Wire wire, double raw) {
    switch (wire) {
      case Wire::kU8:
        return put(offset, whole<std::uint8_t>(raw));
      case Wire::kI8:
        return put(offset, whole<std::int8_t>(raw));
      case Wire::kU16:
        return put(offset, whole<std::uint16_t>(raw));
      case Wire::kI16:
        return put(offset, whole<std::int16_t>(raw));
      case Wire::kU32:
        return put(offset, whole<std::uint32_t>(raw));
      case Wire::kI32:
        return put(offset, whole<std::int32_t>(raw));
      case Wire::kU64:
        return put(offset, whole<std::uint64_t>(raw));
      case Wire::kI64:
        return put(offset, whole<std::int64_t>(raw));
      case Wire::kF32:
        return put(offset, static_cast<float>(raw));
      case Wire::kF64:
        return put(offset, raw);
      case Wire::kMsAndMinutes: {
        constexpr std::uint32_t kMinute = 60'000;
        constexpr std::uint32_t kMost = 255 * kMinute + kMinute - 1;
        const auto all = std::min(whole<std::uint32_t>(raw), kMost);
        put(offset, static_cast<std::uint16_t>(all % kMinute));
        return put(offset + 2, static_cast<std::uint8_t>(all / kMinute));
      }
    }
  }
  /// The nearest number that the type has.
  template <std::integral T>
  static T whole(double raw) {
    constexpr auto kLeast = static_cast<double>(std::numeric_limits<T>::min());
    constexpr auto kMost = static_cast<double>(std::numeric_limits<T>::max());
    const double near = std::round(raw);
    if (!(near > kLeast)) return std::numeric_limits<T>::min();
    if (near >= kMost) return std::numeric_limits<T>::max();
    return static_cast<T>(near);
  }

  std::string bytes_;
};

}  // namespace slipstream::game
