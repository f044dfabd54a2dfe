#pragma once
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "net/http.h"
#include "net/http_syntax.h"

namespace slipstream {

/// How the end of a request's body is told (RFC 9112 6.3).
struct BodyFraming {
  bool is_chunked = false;
  std::uint64_t length = 0;  ///< where it is not chunked; 0: there is no body
  bool has_body() const { return is_chunked || length > 0; }
};

struct RequestHead {
  HttpRequest request;       ///< method, path, query, headers
  bool has_path = false;     ///< the target was read into path and query
  bool is_old = false;       ///< HTTP/1.0
  bool keep_alive = true;    ///< the connection may be used again
  BodyFraming framing = {};  ///< of the body behind it
};

/// Reads the head of a request as RFC 9112 has it and in no other way: where two readers of one
/// connection could differ on where a request ends, one can be made to take for a request what the
/// other took for a body. So nothing is guessed at. A fault are:
///  - control characters, line ends other than CR LF, folded lines, blanks before a colon;
///  - no Host or several in HTTP/1.1, several in 1.0, or one that names no host;
///  - a Transfer-Encoding other than one `chunked`, or any in HTTP/1.0;
///  - a Content-Length that is no number, or several that differ.
/// With both a Transfer-Encoding and a Content-Length, the chunks count, the length is taken out,
/// and the connection is not used again (6.1). A target may be a path or a whole http(s) address,
/// whose host then stands in place of that in Host (3.2.2). HTTP/1.2 and above count as 1.1.
/// Bounded: kMaxHeadBytes, kMaxFields, kMaxTargetBytes. Pure; one thread; one head each.
class RequestHeadParser {
 public:
  static constexpr std::size_t kMaxTargetBytes = 8'192;

  /// `bytes`: all that came from the head's beginning on, of which what was given before is the
  /// start. Whether the head is complete. After a fault it is not to be called again.
  std::expected<bool, HttpFault> parse(std::string_view bytes);

  /// Bytes of a complete head, with its empty line.
  std::size_t size() const { return line_begin_; }
  /// Of a complete head.
  RequestHead& head() { return head_; }
  /// Whatever stands where a request line has its target, of a head that is a fault too.
  std::string target(std::string_view bytes) const;

 private:
  std::expected<void, HttpFault> take_line(std::string_view line);
  std::expected<void, HttpFault> take_request_line(std::string_view line);
  HttpFault too_large() const;

  RequestHead head_;
  std::string target_;
  std::size_t line_begin_ = 0;
  std::size_t scanned_ = 0;
  bool has_request_line_ = false;
  bool is_complete_ = false;
};

/// Bytes of whole empty lines that `bytes` begins with: before a request they are passed over
/// (RFC 9112 2.2), since some clients send one behind a body.
std::size_t leading_empty_lines(std::string_view bytes);

}  // namespace slipstream
