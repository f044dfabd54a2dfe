#pragma once
#include <compare>
#include <cstdint>

namespace slipstream {

/// Where an entry stands in its partition's log. Only its order means anything here: of two entries
/// of one partition the later one is greater. What keeps the log puts in what it numbers them by.
struct EntryPosition {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  friend auto operator<=>(const EntryPosition&, const EntryPosition&) = default;
};

}  // namespace slipstream
