#include "log/block.h"

#include <fmt/format.h>
#include <xxhash.h>
#include <zstd.h>

#include <bit>
#include <cstddef>
#include <cstring>

namespace slipstream {
namespace {

static_assert(std::endian::native == std::endian::little, "the header is copied as it is");

constexpr int kCompressionLevel = 1;

std::uint64_t header_checksum(const BlockHeader& header, BlockPlace place) {
  return XXH3_64bits_withSeed(&header, offsetof(BlockHeader, header_checksum),
                              place.segment_base ^ place.position);
}

/// A payload this large may be worth a long header for being compressed.
constexpr std::size_t kShortPayload = 512;

/// As it lies on disk, at these places.
namespace short_header {
constexpr std::size_t kFlags = 2;
constexpr std::size_t kCount = 3;
constexpr std::size_t kStoredBytes = 4;
constexpr std::size_t kOffset = 6;  // from the segment's base
constexpr std::size_t kPayloadChecksum = 10;
constexpr std::size_t kChecksum = 14;

template <typename T>
T get(std::string_view bytes, std::size_t at) {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}
template <typename T>
void put(char* bytes, std::size_t at, T value) {
  std::memcpy(bytes + at, &value, sizeof value);
}

std::uint32_t checksum(const char* bytes, BlockPlace place) {
  return static_cast<std::uint32_t>(
      XXH3_64bits_withSeed(bytes, kChecksum, place.segment_base ^ place.position));
}
}  // namespace short_header

std::uint32_t short_checksum(std::string_view payload) {
  return static_cast<std::uint32_t>(XXH3_64bits(payload.data(), payload.size()));
}

std::optional<BlockHeader> parse_short_header(std::string_view bytes, BlockPlace place) {
  using namespace short_header;
  if (bytes.size() < kShortHeaderBytes || get<std::uint16_t>(bytes, 0) != kShortMagic ||
      get<std::uint32_t>(bytes, kChecksum) != checksum(bytes.data(), place)) {
    return std::nullopt;
  }
  BlockHeader header;
  header.magic = kShortMagic;
  header.flags = get<std::uint8_t>(bytes, kFlags);
  // What this program does not know of is as good as another version's.
  if (header.flags != kBlockLeans) header.version = 0;
  header.count = get<std::uint8_t>(bytes, kCount);
  header.stored_bytes = header.raw_bytes = get<std::uint16_t>(bytes, kStoredBytes);
  header.base_offset = place.segment_base + get<std::uint32_t>(bytes, kOffset);
  header.payload_checksum = get<std::uint32_t>(bytes, kPayloadChecksum);
  return header;
}

}  // namespace

std::optional<BlockHeader> parse_block_header(std::string_view bytes, BlockPlace place) {
  const auto covers_none = [](const BlockHeader& header) {
    return header.end_offset() <= header.base_offset;
  };
  if (auto found = parse_short_header(bytes, place)) {
    if (covers_none(*found)) return std::nullopt;
    return found;
  }
  BlockHeader header;
  if (bytes.size() < sizeof header) return std::nullopt;
  std::memcpy(&header, bytes.data(), sizeof header);
  if (header.magic != kBlockMagic) return std::nullopt;
  if (header.header_checksum != header_checksum(header, place)) return std::nullopt;
  if (covers_none(header)) return std::nullopt;
  return header;
}

bool payload_is_whole(const BlockHeader& header, std::string_view stored) {
  if (header.is_short()) return header.payload_checksum == short_checksum(stored);
  return header.payload_checksum == XXH3_64bits(stored.data(), stored.size());
}

void BlockEncoder::Free::operator()(ZSTD_CCtx_s* context) const {
  ZSTD_freeCCtx(context);
}
void BlockDecoder::Free::operator()(ZSTD_DCtx_s* context) const {
  ZSTD_freeDCtx(context);
}

BlockEncoder::BlockEncoder() : context_(ZSTD_createCCtx()) {}
BlockDecoder::BlockDecoder() : context_(ZSTD_createDCtx()) {}

std::string_view BlockEncoder::encode(const LogBlock& block, BlockPlace place, bool continues) {
  constexpr std::size_t kAt = sizeof(BlockHeader);
  const std::string_view raw = block.payload;
  const bool is_short = block.leans && !block.goes_on && !continues && block.count <= 0xFF &&
                        raw.size() <= kShortPayload &&
                        block.base_offset - place.segment_base <= 0xFFFF'FFFF;
  if (is_short) return encode_short(block, place);
  const std::size_t needed = kAt + ZSTD_compressBound(raw.size());
  if (buffer_.size() < needed) buffer_.resize(needed);

  BlockHeader header;
  std::size_t stored = ZSTD_compressCCtx(context_.get(), buffer_.data() + kAt, buffer_.size() - kAt,
                                         raw.data(), raw.size(), kCompressionLevel);
  if (ZSTD_isError(stored) || stored >= raw.size()) {
    stored = raw.size();
    if (stored > 0) std::memcpy(buffer_.data() + kAt, raw.data(), stored);
  } else {
    header.flags = kBlockZstd;
  }
  if (block.goes_on) header.flags |= kBlockGoesOn;
  if (continues) header.flags |= kBlockContinues;
  if (block.leans) header.flags |= kBlockLeans;
  header.base_offset = block.base_offset;
  header.count = block.count;
  header.stored_bytes = static_cast<std::uint32_t>(stored);
  header.raw_bytes = static_cast<std::uint32_t>(raw.size());
  header.min_time_ns = block.min_time_ns;
  header.max_time_ns = block.max_time_ns;
  header.payload_checksum = XXH3_64bits(buffer_.data() + kAt, stored);
  header.header_checksum = header_checksum(header, place);
  std::memcpy(buffer_.data(), &header, sizeof header);
  return {buffer_.data(), kAt + stored};
}

std::string_view BlockEncoder::encode_short(const LogBlock& block, BlockPlace place) {
  using namespace short_header;
  const std::size_t size = kShortHeaderBytes + block.payload.size();
  if (buffer_.size() < size) buffer_.resize(size);
  char* const at = buffer_.data();
  put(at, 0, kShortMagic);
  put(at, kFlags, static_cast<std::uint8_t>(kBlockLeans));
  put(at, kCount, static_cast<std::uint8_t>(block.count));
  put(at, kStoredBytes, static_cast<std::uint16_t>(block.payload.size()));
  put(at, kOffset, static_cast<std::uint32_t>(block.base_offset - place.segment_base));
  put(at, kPayloadChecksum, short_checksum(block.payload));
  put(at, kChecksum, checksum(at, place));
  if (!block.payload.empty()) {
    std::memcpy(at + kShortHeaderBytes, block.payload.data(), block.payload.size());
  }
  return {at, size};
}

Result<std::string_view> BlockDecoder::decode(const BlockHeader& header, std::string_view stored) {
  if ((header.flags & kBlockZstd) == 0) return stored;
  if (header.raw_bytes > kMaxPayloadBytes) return fail("the payload is over the limit");
  if (capacity_ < header.raw_bytes) {
    buffer_ = std::make_unique_for_overwrite<char[]>(header.raw_bytes);
    capacity_ = header.raw_bytes;
  }
  const std::size_t raw =
      ZSTD_decompressDCtx(context_.get(), buffer_.get(), capacity_, stored.data(), stored.size());
  if (ZSTD_isError(raw)) return fail(fmt::format("zstd: {}", ZSTD_getErrorName(raw)));
  if (raw != header.raw_bytes) return fail("the payload is of another size than its header says");
  return std::string_view(buffer_.get(), raw);
}

}  // namespace slipstream
