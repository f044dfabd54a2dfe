#pragma once
#include <cstdint>
#include <span>
#include <string>

#include "base/bytes.h"

namespace slipstream {

/// Columns of numbers as planes: first the lowest byte of every number, then the second, and so on;
/// planes of zeros but the lowest are left out. Small numbers cost a byte, written and read without
/// a branch, and bytes that are alike stand together for the compressor.
///
/// A mask of the planes that are there (bit 0 is always set), then the planes.
void append_planes(std::string& out, std::span<const std::uint64_t> column);

/// Fills `column`; false where the bytes do not give it. A number takes one byte at least, so check
/// a count against ByteReader::left() before making room for it.
bool read_planes(ByteReader& reader, std::span<std::uint64_t> column);

/// Passes over a column of so many numbers; false where the bytes are none.
bool skip_planes(ByteReader& reader, std::size_t count);

/// Signed numbers, small ones small: 0, -1, 1, -2 ... Differences wrap, so any two have one.
inline std::uint64_t to_zigzag(std::uint64_t difference) {
  return (difference << 1) ^
         static_cast<std::uint64_t>(static_cast<std::int64_t>(difference) >> 63);
}
inline std::uint64_t from_zigzag(std::uint64_t value) {
  return (value >> 1) ^ (std::uint64_t{0} - (value & 1));
}

}  // namespace slipstream
