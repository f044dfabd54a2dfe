#include "net/body_encoding.h"

#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include <algorithm>
#include <memory>
#include <new>

#include "net/http.h"

namespace slipstream {
namespace {

constexpr std::size_t kFirstChunk = std::size_t{64} << 10;

/// Makes room for more output; false where the limit is reached.
bool grow(std::string& out, std::size_t limit) {
  if (out.size() > limit) return false;
  out.resize(std::min(limit + 1, std::max(kFirstChunk, out.size() * 2)));
  return true;
}

/// What senders with buffers of a fixed size put behind what they packed.
bool is_padding(std::string_view rest) {
  return rest.find_first_not_of('\0') == std::string_view::npos;
}

PartlyDecoded inflate_body(const std::string& body, std::size_t limit) {
  z_stream z{};
  constexpr int kGzipOrZlib = 15 + 32;
  if (inflateInit2(&z, kGzipOrZlib) != Z_OK) throw std::bad_alloc();
  const std::unique_ptr<z_stream, decltype(&inflateEnd)> end(&z, inflateEnd);
  std::string out;
  std::size_t produced = 0;
  const auto faulty = [&](DecodeFault fault) {
    out.resize(std::min(produced, limit));
    return PartlyDecoded{std::move(out), fault};
  };
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(body.data()));
  z.avail_in = static_cast<uInt>(body.size());
  while (true) {
    if (produced == out.size() && !grow(out, limit)) return faulty(DecodeFault::kTooLarge);
    z.next_out = reinterpret_cast<Bytef*>(out.data() + produced);
    z.avail_out = static_cast<uInt>(out.size() - produced);
    const int result = inflate(&z, Z_NO_FLUSH);
    produced = out.size() - z.avail_out;
    if (result == Z_MEM_ERROR) throw std::bad_alloc();
    if (produced > limit) return faulty(DecodeFault::kTooLarge);
    if (result == Z_STREAM_END) {
      if (is_padding({reinterpret_cast<const char*>(z.next_in), z.avail_in})) break;
      if (inflateReset(&z) != Z_OK) return faulty(DecodeFault::kMalformed);  // next member
    } else if (result != Z_OK && result != Z_BUF_ERROR) {
      return faulty(DecodeFault::kMalformed);
    } else if (z.avail_in == 0 && z.avail_out > 0) {
      return faulty(DecodeFault::kShort);
    }
  }
  out.resize(produced);
  return {std::move(out)};
}

PartlyDecoded unzstd_body(const std::string& body, std::size_t limit) {
  const std::unique_ptr<ZSTD_DStream, decltype(&ZSTD_freeDStream)> stream(ZSTD_createDStream(),
                                                                          ZSTD_freeDStream);
  constexpr int kMaxWindowLog = 24;  // 16 MiB: what one body may make us hold
  if (!stream) throw std::bad_alloc();
  if (ZSTD_isError(ZSTD_DCtx_setParameter(stream.get(), ZSTD_d_windowLogMax, kMaxWindowLog))) {
    return {{}, DecodeFault::kMalformed};
  }
  std::string out;
  ZSTD_inBuffer in{body.data(), body.size(), 0};
  std::size_t produced = 0;
  const auto faulty = [&](DecodeFault fault) {
    out.resize(std::min(produced, limit));
    return PartlyDecoded{std::move(out), fault};
  };
  std::size_t result = 1;
  while (in.pos < in.size || result != 0) {
    if (produced == out.size() && !grow(out, limit)) return faulty(DecodeFault::kTooLarge);
    ZSTD_outBuffer into{out.data(), out.size(), produced};
    const std::size_t in_before = in.pos;
    result = ZSTD_decompressStream(stream.get(), &into, &in);
    if (ZSTD_getErrorCode(result) == ZSTD_error_memory_allocation) throw std::bad_alloc();
    if (ZSTD_isError(result)) return faulty(DecodeFault::kMalformed);
    const bool moved = into.pos != produced || in.pos != in_before;
    produced = into.pos;
    if (produced > limit) return faulty(DecodeFault::kTooLarge);
    if (!moved && produced < out.size()) return faulty(DecodeFault::kShort);
    if (result == 0 && is_padding(std::string_view(body).substr(in.pos))) break;
  }
  out.resize(produced);
  return {std::move(out)};
}

}  // namespace

PartlyDecoded decode_what_is_there(std::string body, std::string_view encoding, std::size_t limit) {
  PartlyDecoded decoded{{}, DecodeFault::kUnsupported};
  if (encoding.empty() || encoding == "identity") {
    decoded = {std::move(body)};
  } else if (encoding == "gzip" || encoding == "x-gzip" || encoding == "deflate") {
    decoded = inflate_body(body, limit);
  } else if (encoding == "zstd") {
    decoded = unzstd_body(body, limit);
  }
  decoded.body.reserve(decoded.body.size() + HttpRequest::kBodyPadding);
  return decoded;
}

std::expected<std::string, DecodeFault> decode_body(std::string body, std::string_view encoding,
                                                    std::size_t limit) {
  auto decoded = decode_what_is_there(std::move(body), encoding, limit);
  if (!decoded.fault) return std::move(decoded.body);
  return std::unexpected(*decoded.fault == DecodeFault::kShort ? DecodeFault::kMalformed
                                                               : *decoded.fault);
}

}  // namespace slipstream
