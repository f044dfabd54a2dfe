#pragma once
#include <compare>
#include <cstdint>
#include <limits>

namespace slipstream {

/// Where an entry stands in its partition's log. Only its order means anything here: of two entries
/// of one partition the later one is greater. What keeps the log puts in what it numbers them by.
struct EntryPosition {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  friend auto operator<=>(const EntryPosition&, const EntryPosition&) = default;
};

/// A place behind an entry, or within one: entries are folded part by part where marks stand among
/// their points. Of two places of one partition the later one is greater.
struct EntryPlace {
  static constexpr std::uint32_t kEnd = std::numeric_limits<std::uint32_t>::max();

  /// Before the n-th mark of an entry, from 0, and behind it.
  static EntryPlace before_mark(EntryPosition entry, std::uint32_t n) { return {entry, 2 * n}; }
  static EntryPlace behind_mark(EntryPosition entry, std::uint32_t n) { return {entry, 2 * n + 1}; }

  EntryPosition entry = {};
  std::uint32_t part = kEnd;
  friend auto operator<=>(const EntryPlace&, const EntryPlace&) = default;
};

}  // namespace slipstream
