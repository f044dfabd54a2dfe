#include "net/deflate.h"

#include <zlib.h>

#include <algorithm>
#include <new>

namespace slipstream {
namespace {

constexpr int kRaw = -15;  // no zlib head, the largest window
constexpr int kMemoryLevel = 8;
/// What a flush ends with, and what is left out on the wire (RFC 7692 7.2.1).
constexpr std::string_view kTail("\x00\x00\xff\xff", 4);
constexpr std::size_t kChunkBytes = 16'384;

Bytef* input_of(std::string_view text) {
  return reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));  // zlib reads it only
}

class Deflater {
 public:
  Deflater() {
    if (deflateInit2(&z_, Z_BEST_SPEED, Z_DEFLATED, kRaw, kMemoryLevel, Z_DEFAULT_STRATEGY) !=
        Z_OK) {
      throw std::bad_alloc();
    }
  }
  ~Deflater() { deflateEnd(&z_); }
  Deflater(const Deflater&) = delete;
  Deflater& operator=(const Deflater&) = delete;

  void append(std::string& out, std::string_view text) {
    deflateReset(&z_);
    const std::size_t begin = out.size();
    // The bound is for Z_FINISH; a flush adds an empty block to it.
    out.resize(begin + deflateBound(&z_, static_cast<uLong>(text.size())) + 16);
    z_.next_in = input_of(text);
    z_.avail_in = static_cast<uInt>(text.size());
    z_.next_out = reinterpret_cast<Bytef*>(out.data() + begin);
    z_.avail_out = static_cast<uInt>(out.size() - begin);
    deflate(&z_, Z_SYNC_FLUSH);
    out.resize(out.size() - z_.avail_out - kTail.size());
  }

 private:
  z_stream z_{};
};

class Inflater {
 public:
  Inflater() {
    if (inflateInit2(&z_, kRaw) != Z_OK) throw std::bad_alloc();
  }
  ~Inflater() { inflateEnd(&z_); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  std::expected<std::string, InflateFault> run(std::string_view payload, std::size_t limit) {
    inflateReset(&z_);
    std::string out;
    for (const std::string_view part : {payload, kTail}) {
      z_.next_in = input_of(part);
      z_.avail_in = static_cast<uInt>(part.size());
      int code = Z_OK;
      do {
        const std::size_t begin = out.size();
        // One byte beyond the limit tells that there is more.
        const std::size_t room = std::min(kChunkBytes + begin, limit + 1 - begin);
        out.resize(begin + room);
        z_.next_out = reinterpret_cast<Bytef*>(out.data() + begin);
        z_.avail_out = static_cast<uInt>(room);
        code = inflate(&z_, Z_SYNC_FLUSH);
        out.resize(out.size() - z_.avail_out);
        if (out.size() > limit) return std::unexpected(InflateFault::kTooLarge);
        if (code == Z_STREAM_END) return out;
        if (code != Z_OK && code != Z_BUF_ERROR) return std::unexpected(InflateFault::kMalformed);
      } while (z_.avail_out == 0 || (z_.avail_in > 0 && code == Z_OK));
    }
    return out;
  }

 private:
  z_stream z_{};
};

}  // namespace

void append_deflated(std::string& out, std::string_view text) {
  static thread_local Deflater deflater;
  deflater.append(out, text);
}

std::expected<std::string, InflateFault> inflate_message(std::string_view payload,
                                                         std::size_t limit) {
  static thread_local Inflater inflater;
  return inflater.run(payload, limit);
}

}  // namespace slipstream
