#pragma once
#include <expected>
#include <string>
#include <string_view>

namespace slipstream {

enum class DecodeFault { kUnsupported, kTooLarge, kMalformed };

/// The body behind a Content-Encoding: "" or "identity", "gzip", "deflate", "zstd". The output
/// keeps HttpRequest::kBodyPadding readable bytes behind it and never grows beyond `limit` bytes.
/// Throws std::bad_alloc where there is not the memory.
std::expected<std::string, DecodeFault> decode_body(std::string body, std::string_view encoding,
                                                    std::size_t limit);

}  // namespace slipstream
