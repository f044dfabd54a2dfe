#pragma once
#include <bit>
#include <cstdint>
#include <cstring>

namespace slipstream {

/// Eight bytes of a text looked at together, without a branch for each (H. S. Warren, "Hacker's
/// Delight", 2nd edition, 6-1).
inline constexpr std::uint64_t kEachByte = 0x0101010101010101;
inline constexpr std::uint64_t kHighBits = 0x80 * kEachByte;

inline std::uint64_t word_at(const char* bytes) {
  static_assert(std::endian::native == std::endian::little, "the first byte is the lowest");
  std::uint64_t word;
  std::memcpy(&word, bytes, sizeof word);
  return word;
}

/// The high bit of each byte that does not stand in a JSON string as it is, or is no ASCII: a
/// quote, a backslash, a control character. Behind the first of them others may be marked that are
/// none.
inline std::uint64_t json_string_stops(std::uint64_t word) {
  const auto equals = [word](std::uint64_t c) {
    const std::uint64_t zeros = word ^ (c * kEachByte);
    return (zeros - kEachByte) & ~zeros;
  };
  const std::uint64_t control = (word - 0x20 * kEachByte) & ~word;
  return (equals('"') | equals('\\') | control | word) & kHighBits;
}

}  // namespace slipstream
