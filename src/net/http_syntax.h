#pragma once
#include <expected>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace slipstream {

/// Why a request cannot be taken. What follows on its connection cannot be told from it, so that
/// the connection is closed once this was said.
struct HttpFault {
  unsigned status = 400;
  std::string message;
};

/// 400, "malformed HTTP: <what>".
HttpFault malformed(std::string_view what);

/// What the head of a request may have, and once more what its trailers may.
inline constexpr std::size_t kMaxHeadBytes = 16'384;
inline constexpr std::size_t kMaxFields = 100;

/// RFC 9110 5.6.2: at least one character, none of which separates.
bool is_token(std::string_view text);
/// Without the blanks and tabs around it (OWS, RFC 9110 5.6.3).
std::string_view trim_ows(std::string_view text);
/// Whether a byte may stand in a field's value: no control character but the tab.
bool is_field_byte(char c);

using HttpField = std::pair<std::string_view, std::string_view>;
/// A field line, without its line end and made of field bytes, as name and value (RFC 9112 5). A
/// fault: no colon, a name
/// that is no token (a blank before the colon, say), or a line folded in the old way.
std::expected<HttpField, HttpFault> parse_field_line(std::string_view line);

/// The members of a list over all fields of that name, without blanks and without empty members
/// (RFC 9110 5.6.1). A comma within quotes is one all the same: no list that is read here has any.
std::vector<std::string_view> list_members(
    const std::vector<std::pair<std::string, std::string>>& fields, std::string_view name);

}  // namespace slipstream
