#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace slipstream::game {

/// What Assetto Corsa Competizione sends, by the first byte.
enum class AccMessage : std::uint8_t {
  kRegistration = 1,
  kUpdate = 2,
  kCar = 3,
  kEntries = 4,
  kTrack = 5,
  kEntry = 6,
  kEvent = 7,
};

/// Of a text that is a name or a sentence: without what no text has, and not longer than names may
/// be.
std::string acc_text(std::string_view text);

}  // namespace slipstream::game
