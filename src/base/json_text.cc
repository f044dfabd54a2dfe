#include "base/json_text.h"

#include <simdjson.h>

#include <cstring>

#include "base/byte_words.h"
#include "base/clock.h"
#include "base/iso_time.h"
#include "base/number_text.h"

namespace slipstream {
namespace {

/// Whether all of it is ASCII that stands in a JSON string as it is.
bool is_plain_text(std::string_view text) {
  std::uint64_t stops = 0;
  const char* at = text.data();
  std::size_t left = text.size();
  for (; left >= sizeof stops; at += sizeof stops, left -= sizeof stops) {
    stops |= json_string_stops(word_at(at));
  }
  if (left > 0) {
    std::uint64_t word = ' ' * kEachByte;
    std::memcpy(&word, at, left);
    stops |= json_string_stops(word);
  }
  return stops == 0;
}

void append_escaped(std::string& out, std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  const bool is_utf8 = simdjson::validate_utf8(text.data(), text.size());
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
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  if (is_plain_text(text)) {
    out += text;
  } else {
    append_escaped(out, text);
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
