#pragma once
#include <string>
#include <string_view>

namespace slipstream {

/// Appends `text` as a JSON string, quotes included. `text` must be UTF-8.
void append_json_string(std::string& out, std::string_view text);
/// Appends a finite number in its shortest form that reads back the same; null for any other.
void append_json_number(std::string& out, double value);

}  // namespace slipstream
