#include "racing/member_text.h"

#include <charconv>
#include <cstdint>
#include <utility>

namespace slipstream {
namespace {

/// Walks JSON that was checked before, within its bounds.
class JsonWalk {
 public:
  explicit JsonWalk(std::string_view json) : json_(json) {}

  std::size_t at() const { return at_; }
  bool is_at_end() const { return at_ >= json_.size(); }
  char here() const { return is_at_end() ? '\0' : json_[at_]; }
  void step() { ++at_; }
  void skip_blanks() {
    while (!is_at_end() && std::string_view(" \t\r\n").contains(json_[at_])) ++at_;
  }
  /// Over a string, with its quotes, of which it stands on the first.
  std::string_view string() {
    const std::size_t begin = at_++;
    while (!is_at_end() && json_[at_] != '"') at_ += json_[at_] == '\\' ? 2 : 1;
    if (!is_at_end()) ++at_;
    return json_.substr(begin, at_ - begin);
  }
  std::string_view value() {
    if (here() == '"') return string();
    const std::size_t begin = at_;
    for (int depth = 0; !is_at_end();) {
      const char c = json_[at_];
      if (c == '"') {
        string();
        continue;
      }
      if (c == '{' || c == '[') ++depth;
      if (depth == 0 && std::string_view(",} \t\r\n").contains(c)) break;
      if (c == '}' || c == ']') --depth;
      ++at_;
    }
    at_ = at_ > json_.size() ? json_.size() : at_;
    return json_.substr(begin, at_ - begin);
  }

 private:
  std::string_view json_;
  std::size_t at_ = 0;
};

void append_utf8(std::string& text, std::uint32_t code) {
  const auto tail = [](std::uint32_t bits) { return static_cast<char>(0x80 | (bits & 0x3F)); };
  if (code < 0x80) {
    text += static_cast<char>(code);
  } else if (code < 0x800) {
    text += static_cast<char>(0xC0 | code >> 6);
    text += tail(code);
  } else if (code < 0x10000) {
    text += static_cast<char>(0xE0 | code >> 12);
    text += tail(code >> 6);
    text += tail(code);
  } else {
    text += static_cast<char>(0xF0 | code >> 18);
    text += tail(code >> 12);
    text += tail(code >> 6);
    text += tail(code);
  }
}

std::optional<std::uint32_t> hex_at(std::string_view text, std::size_t at) {
  std::uint32_t code = 0;
  if (at + 4 > text.size()) return std::nullopt;
  const char* const end = text.data() + at + 4;
  if (std::from_chars(text.data() + at, end, code, 16).ptr != end) return std::nullopt;
  return code;
}

/// `text`: what stands between the quotes.
std::string without_escapes(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      out += text[i];
      continue;
    }
    constexpr std::string_view kLetters = "bfnrt";
    const char letter = text[++i];
    const auto known = kLetters.find(letter);
    if (known != std::string_view::npos) {
      out += "\b\f\n\r\t"[known];
    } else if (letter == 'u') {
      auto code = hex_at(text, i + 1).value_or(0xFFFD);
      i += 4;
      const bool is_high = code >= 0xD800 && code < 0xDC00;
      if (is_high && text.substr(i + 1 < text.size() ? i + 1 : text.size()).starts_with("\\u")) {
        const auto low = hex_at(text, i + 3).value_or(0);
        if (low >= 0xDC00 && low < 0xE000) {
          code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
          i += 6;
        }
      }
      append_utf8(out, code >= 0xD800 && code < 0xE000 ? 0xFFFD : code);
    } else {
      out += letter;
    }
  }
  return out;
}

std::optional<std::string> text_of_value(std::string_view value) {
  if (value.empty()) return std::nullopt;
  if (value.front() == '"') {
    if (value.size() < 2) return std::nullopt;
    return without_escapes(value.substr(1, value.size() - 2));
  }
  const bool is_number = value.front() == '-' || (value.front() >= '0' && value.front() <= '9');
  return is_number ? std::optional(std::string(value)) : std::nullopt;
}

}  // namespace

std::optional<MemberText> member_text(std::string_view json, std::string_view name) {
  // Mostly there is none, which is said soonest by the name alone.
  if (!json.contains(name)) return std::nullopt;
  JsonWalk walk(json);
  walk.skip_blanks();
  if (walk.here() != '{') return std::nullopt;
  walk.step();
  while (!walk.is_at_end()) {
    walk.skip_blanks();
    if (walk.here() != '"') return std::nullopt;
    const std::size_t at = walk.at();
    const std::string_view key = walk.string();
    walk.skip_blanks();
    if (walk.here() != ':') return std::nullopt;
    walk.step();
    walk.skip_blanks();
    const std::string_view value = walk.value();
    if (key.size() == name.size() + 2 && key.substr(1, name.size()) == name) {
      auto text = text_of_value(value);
      if (!text) return std::nullopt;
      return MemberText{std::move(*text), at, json.substr(at, walk.at() - at)};
    }
    walk.skip_blanks();
    if (walk.here() != ',') return std::nullopt;
    walk.step();
  }
  return std::nullopt;
}

}  // namespace slipstream
