#pragma once
#include <zlib.h>

#include <cstdint>
#include <string_view>

namespace slipstream::mcap {

/// What an MCAP file (https://mcap.dev/spec, version 0) begins and ends with.
inline constexpr std::string_view kMagic("\x89MCAP0\r\n", 8);

/// The kinds of records. Each record begins with one of these bytes and the length of what follows,
/// as 64 bits.
enum class Op : std::uint8_t {
  kHeader = 0x01,
  kFooter = 0x02,
  kSchema = 0x03,
  kChannel = 0x04,
  kMessage = 0x05,
  kChunk = 0x06,
  kMessageIndex = 0x07,
  kChunkIndex = 0x08,
  kStatistics = 0x0B,
  kSummaryOffset = 0x0E,
  kDataEnd = 0x0F,
};
inline constexpr std::size_t kHeadBytes = 1 + sizeof(std::uint64_t);

/// The checksum of bytes that go on behind those of `before`; 0: none were.
inline std::uint32_t crc_of(std::string_view bytes, std::uint32_t before = 0) {
  return static_cast<std::uint32_t>(
      crc32_z(before, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size()));
}

}  // namespace slipstream::mcap
