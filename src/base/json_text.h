#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace slipstream {

/// Appends `text` as a JSON string, quotes included. Where `text` is no UTF-8, each byte beyond
/// ASCII becomes U+FFFD, since a text frame must be valid.
void append_json_string(std::string& out, std::string_view text);
/// What append_json_string() puts between the quotes.
std::string json_spelled(std::string_view text);
/// Appends a finite number in its shortest form that reads back the same; null for any other.
void append_json_number(std::string& out, double value);
/// Appends "2025-09-05T00:28:20.593Z", quoted; `ns` since 1970, rounded down to milliseconds.
void append_json_time(std::string& out, std::int64_t ns);

}  // namespace slipstream
