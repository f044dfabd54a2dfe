#pragma once
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

namespace slipstream {

/// permessage-deflate (RFC 7692) without context takeover: every message stands for itself. Each
/// thread that calls these keeps one compressor's memory (about 300 KiB).

/// Appends the payload of a deflated message.
void append_deflated(std::string& out, std::string_view text);

enum class InflateFault : std::uint8_t { kMalformed, kTooLarge };
/// What a deflated payload holds; never more than `limit` bytes.
std::expected<std::string, InflateFault> inflate_message(std::string_view payload,
                                                         std::size_t limit);

}  // namespace slipstream
