#include "base/json_text.h"

#include <gtest/gtest.h>

#include "base/iso_time.h"

namespace slipstream {
namespace {

/// As RFC 8259 has it, a byte at a time.
std::string escaped(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += std::string{'\\', c};
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '\t') {
      out += "\\t";
    } else if (byte < 0x20) {
      constexpr char kDigits[] = "0123456789abcdef";
      out += std::string("\\u00") + kDigits[byte / 16] + kDigits[byte % 16];
    } else if (byte >= 0x80) {
      out += "\\ufffd";
    } else {
      out += c;
    }
  }
  return out + '"';
}

TEST(JsonText, EveryByteInEveryPlaceIsEscapedWhereItMustBe) {
  for (std::size_t length = 1; length <= 19; ++length) {
    for (std::size_t at = 0; at < length; ++at) {
      for (int byte = 0; byte < 256; ++byte) {
        std::string text(length, at % 2 == 0 ? ' ' : '~');
        text[at] = static_cast<char>(byte);
        std::string out;
        append_json_string(out, text);
        ASSERT_EQ(out, escaped(text)) << length << " bytes, " << byte << " at " << at;
      }
    }
  }
}

TEST(JsonText, Utf8GoesOnAsItIs) {
  std::string out;
  append_json_string(out, "Nürburgring \"Nord\"\x7f 日");
  EXPECT_EQ(out, "\"Nürburgring \\\"Nord\\\"\x7f 日\"");
}

TEST(JsonText, ATimeIsWrittenSoThatItReadsBack) {
  std::int64_t ns = -9'214'560'000'000'000'000;  // 1678-01-01
  constexpr std::int64_t kStep = 12'345'678'901'234'567;
  for (; ns < 9'214'646'399'000'000'000; ns += kStep) {
    for (const std::int64_t unit : {1, 1'000, 1'000'000, 1'000'000'000}) {
      const std::int64_t time = ns / unit * unit;
      const auto text = iso_time(time);
      ASSERT_EQ(parse_iso_time(text), time) << text;
      ASSERT_TRUE(is_normal_iso_time(text)) << text;
      ASSERT_EQ(text.size(), time % 1'000'000'000 == 0 ? 20u
                             : time % 1'000'000 == 0   ? 24u
                             : time % 1'000 == 0       ? 27u
                                                       : 30u);
    }
    if (ns > 9'214'646'399'000'000'000 - kStep) break;
  }
}

}  // namespace
}  // namespace slipstream
