#include "base/json_text.h"

#include <simdjson.h>

#include "base/clock.h"
#include "base/iso_time.h"
#include "base/number_text.h"

namespace slipstream {

void append_json_string(std::string& out, std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  const bool is_utf8 = simdjson::validate_utf8(text.data(), text.size());
  out += '"';
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20) {
      switch (c) {
        case '\n':
          out += "\\n";
          break;
        case '\r':
          out += "\\r";
          break;
        case '\t':
          out += "\\t";
          break;
        default:
          out += "\\u00";
          out += kHex[byte >> 4];
          out += kHex[byte & 15];
      }
    } else if (byte >= 0x80 && !is_utf8) {
      out += "\\ufffd";
    } else {
      out += c;
    }
  }
  out += '"';
}

std::string json_spelled(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out.substr(1, out.size() - 2);
}

void append_json_number(std::string& out, double value) {
  char buffer[kNumberChars];
  out.append(buffer, write_number(buffer, value));
}

void append_json_time(std::string& out, std::int64_t ns) {
  const std::int64_t into_ms = (ns % kNsPerMs + kNsPerMs) % kNsPerMs;
  out += '"';
  append_iso_time(out, ns - into_ms);
  out += '"';
}

}  // namespace slipstream
