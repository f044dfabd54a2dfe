#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "log/log.h"

struct ZSTD_CCtx_s;
struct ZSTD_DCtx_s;

namespace slipstream {

/// Larger payloads are refused, so that a reader knows what it may have to hold.
inline constexpr std::size_t kMaxPayloadBytes = std::size_t{64} << 20;

inline constexpr std::uint32_t kBlockMagic = 0x4B4C4253;  // "SBLK"
inline constexpr std::uint16_t kBlockVersion = 1;
// Of flags.
inline constexpr std::uint16_t kBlockZstd = 1;
inline constexpr std::uint16_t kBlockGoesOn = 2;     ///< the next block belongs to the same body
inline constexpr std::uint16_t kBlockContinues = 4;  ///< the block before does
inline constexpr std::uint16_t kBlockLeans = 8;      ///< it can be read only after the one before

/// A short header's first bytes; no text has them.
inline constexpr std::uint16_t kShortMagic = 0x1CB5;
inline constexpr std::size_t kShortHeaderBytes = 18;

/// As it lies on disk, before the payload; docs/log_format.md describes it. A short one is read
/// into the same: its magic tells, its times are zero, and of checksums it has the lower half.
struct BlockHeader {
  std::uint32_t magic = kBlockMagic;
  std::uint16_t version = kBlockVersion;
  std::uint16_t flags = 0;
  std::uint64_t base_offset = 0;
  std::uint32_t count = 0;
  std::uint32_t stored_bytes = 0;
  std::uint32_t raw_bytes = 0;
  std::uint32_t reserved = 0;
  std::int64_t min_time_ns = 0;
  std::int64_t max_time_ns = 0;
  std::uint64_t payload_checksum = 0;  ///< of the stored bytes
  std::uint64_t header_checksum = 0;   ///< of all before it

  std::uint64_t end_offset() const { return base_offset + count; }
  bool goes_on() const { return (flags & kBlockGoesOn) != 0; }
  bool continues() const { return (flags & kBlockContinues) != 0; }
  bool leans() const { return (flags & kBlockLeans) != 0; }
  bool is_short() const { return (magic & 0xFFFF) == kShortMagic; }
  /// As it lies on disk.
  std::size_t bytes() const;
};
static_assert(sizeof(BlockHeader) == 64 && std::has_unique_object_representations_v<BlockHeader>);

inline std::size_t BlockHeader::bytes() const {
  return is_short() ? kShortHeaderBytes : sizeof(BlockHeader);
}

/// Where a block lies; it seeds the header's checksum, so that the copy of a block somewhere else
/// (within a payload, in a disk's old sectors) is not taken for one.
struct BlockPlace {
  std::uint64_t segment_base = 0;
  std::uint64_t position = 0;
};

/// The header at the beginning of `bytes`, short or of whatever version; nothing where none is, or
/// one that covers no offset or goes round beyond the last.
std::optional<BlockHeader> parse_block_header(std::string_view bytes, BlockPlace place);
bool payload_is_whole(const BlockHeader& header, std::string_view stored);

/// Keeps its compressor and its buffer. Threads: one.
class BlockEncoder {
 public:
  BlockEncoder();
  /// Header and payload, good until the next call. The payload is within kMaxPayloadBytes.
  /// `continues`: the block before it goes on in this one.
  std::string_view encode(const LogBlock& block, BlockPlace place, bool continues = false);

 private:
  struct Free {
    void operator()(ZSTD_CCtx_s* context) const;
  };
  std::string_view encode_short(const LogBlock& block, BlockPlace place);
  std::unique_ptr<ZSTD_CCtx_s, Free> context_;
  std::string buffer_;
};

/// Keeps its decompressor and its buffer. Threads: one.
class BlockDecoder {
 public:
  BlockDecoder();
  /// The payload as it was appended; good until the next call, and as long as `stored` is.
  Result<std::string_view> decode(const BlockHeader& header, std::string_view stored);

 private:
  struct Free {
    void operator()(ZSTD_DCtx_s* context) const;
  };
  std::unique_ptr<ZSTD_DCtx_s, Free> context_;
  std::unique_ptr<char[]> buffer_;
  std::size_t capacity_ = 0;
};

}  // namespace slipstream
