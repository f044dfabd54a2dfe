#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "game/layout.h"

namespace slipstream::game {

/// Rows that begin at `at`.
struct ForzaPart {
  std::uint16_t at = 0;
  std::span<const Row> rows = {};
};

/// Where things stand in a datagram of Forza's. The size alone tells which form it is.
struct ForzaFormat {
  static constexpr std::size_t kIsRaceOnAt = 0;
  static constexpr std::size_t kTimestampAt = 4;
  static constexpr std::size_t kCarOrdinalAt = 212;

  std::string_view source_game;
  std::size_t size;
  std::array<ForzaPart, 4> parts;
  std::uint16_t track_at = 0;  ///< the number of the track; 0: it is not told
};

/// Of these bytes; nullptr: they are no datagram of Forza's that is known.
const ForzaFormat* forza_format_of(std::string_view datagram);
/// nullptr: there is none of that name.
const ForzaFormat* forza_format_named(std::string_view source_game);

}  // namespace slipstream::game
