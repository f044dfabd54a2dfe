#pragma once
#include <charconv>
#include <compare>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

#include "cluster/entry_position.h"

namespace slipstream {

/// The id of a stream's entry: "<milliseconds>-<number>". Ids of a stream only grow.
struct EntryId {
  static constexpr std::size_t kMaxText = 41;

  std::uint64_t ms = 0;
  std::uint64_t number = 0;
  friend auto operator<=>(const EntryId&, const EntryId&) = default;

  EntryPosition position() const { return {ms, number}; }
  static EntryId at(EntryPosition position) { return {position.high, position.low}; }

  static std::optional<EntryId> parse(std::string_view text) {
    EntryId id;
    const char* const end = text.data() + text.size();
    const auto first = std::from_chars(text.data(), end, id.ms);
    if (first.ec != std::errc{} || first.ptr == end || *first.ptr != '-') return std::nullopt;
    const auto second = std::from_chars(first.ptr + 1, end, id.number);
    if (second.ec != std::errc{} || second.ptr != end) return std::nullopt;
    return id;
  }
  /// The greatest id that is less; of the least one itself.
  EntryId before() const {
    if (number > 0) return {ms, number - 1};
    return ms > 0 ? EntryId{ms - 1, std::numeric_limits<std::uint64_t>::max()} : *this;
  }
  /// Writes it to at least kMaxText characters; the part that was written.
  std::string_view write(char* out) const {
    char* at = std::to_chars(out, out + 20, ms).ptr;
    *at++ = '-';
    at = std::to_chars(at, at + 20, number).ptr;
    return {out, static_cast<std::size_t>(at - out)};
  }
  std::string text() const {
    char buffer[kMaxText];
    return std::string(write(buffer));
  }
};

}  // namespace slipstream
