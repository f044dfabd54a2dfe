#pragma once
#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "net/http_syntax.h"
#include "net/request_head.h"

namespace slipstream {

/// Takes a request's body off what comes behind its head, by its length or by chunks (RFC
/// 9112 7.1), however it is cut. A length over the limit is a fault at once, before any byte. Chunk
/// extensions and trailers mean nothing here: they are checked, counted and let go of. Faults: a
/// chunk that is malformed (400), a body over the limit (413), trailers or extensions over what a
/// head may have (431). Bounded: the body by the limit, everything else by kMaxHeadBytes. Pure; one
/// thread; one body each.
class RequestBodyReader {
 public:
  RequestBodyReader() = default;  ///< no body
  RequestBodyReader(BodyFraming framing, std::size_t limit);

  /// Takes from `bytes` what belongs to the body, and returns how many bytes that was: fewer than
  /// were given only where the body is complete.
  std::expected<std::size_t, HttpFault> take(std::string_view bytes);
  bool is_done() const { return part_ == Part::kDone; }
  std::string& body() { return body_; }
  const std::string& body() const { return body_; }

 private:
  enum class Part : std::uint8_t {
    kBytes,      ///< of a body of known length
    kSize,       ///< a chunk's, in hex
    kExtension,  ///< behind the size, up to the line's end
    kSizeEnd,    ///< the LF of that line
    kChunk,
    kChunkCr,
    kChunkLf,
    kTrailer,
    kDone,
  };
  using Outcome = std::expected<void, HttpFault>;

  std::size_t take_bytes(std::string_view bytes, Part next);
  Outcome take_size(char c);
  Outcome take_extension(char c);
  Outcome begin_chunk();
  Outcome take_trailer(char c);
  Outcome take_byte(char c);
  Outcome check_limit() const;

  Part part_ = Part::kDone;
  std::size_t limit_ = 0;
  std::uint64_t left_ = 0;  ///< of the body, or of the chunk in hand; while kSize: what it says
  std::size_t digits_ = 0;
  std::size_t extension_bytes_ = 0;  ///< of all chunks
  std::size_t trailer_bytes_ = 0;
  std::size_t trailers_ = 0;
  std::string line_;  ///< the trailer in hand
  std::string body_;
};

}  // namespace slipstream
