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

}  // namespace

std::optional<BlockHeader> parse_block_header(std::string_view bytes, BlockPlace place) {
  BlockHeader header;
  if (bytes.size() < sizeof header) return std::nullopt;
  std::memcpy(&header, bytes.data(), sizeof header);
  if (header.magic != kBlockMagic) return std::nullopt;
  if (header.header_checksum != header_checksum(header, place)) return std::nullopt;
  return header;
}

bool payload_is_whole(const BlockHeader& header, std::string_view stored) {
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
