#include "net/http_syntax.h"

#include <algorithm>

#include "net/http.h"

namespace slipstream {
namespace {

bool is_token_byte(char c) {
  constexpr std::string_view kSigns = "!#$%&'*+-.^_`|~";
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         kSigns.contains(c);
}

}  // namespace

HttpFault malformed(std::string_view what) {
  return {.status = 400, .message = "malformed HTTP: " + std::string(what)};
}

bool is_token(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, is_token_byte);
}

std::string_view trim_ows(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

bool is_field_byte(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte == '\t' || (byte >= 0x20 && byte != 0x7f);
}

std::expected<HttpField, HttpFault> parse_field_line(std::string_view line) {
  if (line.starts_with(' ') || line.starts_with('\t')) {
    return std::unexpected(malformed("a header field is folded over two lines"));
  }
  const auto colon = line.find(':');
  if (colon == std::string_view::npos) {
    return std::unexpected(malformed("a header field has no colon"));
  }
  const auto name = line.substr(0, colon);
  if (!is_token(name)) return std::unexpected(malformed("a header field's name is none"));
  return HttpField{name, trim_ows(line.substr(colon + 1))};
}

std::vector<std::string_view> list_members(
    const std::vector<std::pair<std::string, std::string>>& fields, std::string_view name) {
  std::vector<std::string_view> members;
  for (const auto& [key, value] : fields) {
    if (!equal_ignoring_case(key, name)) continue;
    std::string_view rest = value;
    while (true) {
      const auto comma = rest.find(',');
      const auto member = trim_ows(rest.substr(0, comma));
      if (!member.empty()) members.push_back(member);
      if (comma == std::string_view::npos) break;
      rest.remove_prefix(comma + 1);
    }
  }
  return members;
}

}  // namespace slipstream
