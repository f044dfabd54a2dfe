#pragma once
#include <expected>
#include <optional>
#include <string>
#include <string_view>

namespace slipstream {

enum class DecodeFault {
  kUnsupported,
  kTooLarge,
  kMalformed,
  kShort,  ///< it ends before its end; told by decode_what_is_there() alone
};

/// The body behind a Content-Encoding: "" or "identity", "gzip", "deflate", "zstd". The output
/// keeps HttpRequest::kBodyPadding readable bytes behind it and never grows beyond `limit` bytes.
/// Throws std::bad_alloc where there is not the memory.
std::expected<std::string, DecodeFault> decode_body(std::string body, std::string_view encoding,
                                                    std::size_t limit);

/// What came out of a body until its end or its fault, `limit` bytes at most. What stood before
/// damage may be wrong, too: only a checksum at the end would tell. What stood before an early end
/// is as it was.
struct PartlyDecoded {
  std::string body;
  std::optional<DecodeFault> fault = {};
};
PartlyDecoded decode_what_is_there(std::string body, std::string_view encoding, std::size_t limit);

}  // namespace slipstream
