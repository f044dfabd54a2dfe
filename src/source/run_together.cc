#include "source/run_together.h"

#include <algorithm>
#include <cstddef>

namespace slipstream {
namespace {

constexpr std::size_t kColumnsByPosition = 11;

bool is_delimiter(char c) {
  return c == ',' || c == ';' || c == '\t';
}

/// Whether the text begins with digits and signs like these: 9 is any digit.
bool is_spelled(std::string_view text, std::string_view shape) {
  return text.size() >= shape.size() &&
         std::ranges::equal(text.substr(0, shape.size()), shape, [](char c, char s) {
           return s == '9' ? c >= '0' && c <= '9' : c == s;
         });
}

/// A date that does not stand at its cell's beginning.
bool has_date_within_cell(std::string_view body) {
  for (std::size_t i = 1; i < body.size(); ++i) {
    const char before = body[i - 1];
    if (is_delimiter(before) || before == '"' || before == ' ') continue;
    // Behind digits the year begins at the last four of them.
    if (is_spelled(body.substr(i), "9999-99-99")) return true;
  }
  return false;
}

bool is_table_run_together(std::string_view body) {
  const auto delimiters = static_cast<std::size_t>(std::ranges::count_if(body, is_delimiter));
  return delimiters >= kColumnsByPosition || has_date_within_cell(body);
}

/// More parts than measurement, fields and timestamp, or a name where the timestamp stands.
bool are_lines_run_together(std::string_view body) {
  std::size_t part = 0;
  bool is_quoted = false;
  for (std::size_t i = 0; i < body.size(); ++i) {
    const char c = body[i];
    if (c == '\\') {
      ++i;
    } else if (c == '"' && part > 0) {
      is_quoted = !is_quoted;
    } else if (is_quoted) {
      continue;
    } else if (c == ' ') {
      const bool ends_part = i + 1 < body.size() && body[i + 1] != ' ';
      part += ends_part ? 1 : 0;
    } else if (part > 2 || (part == 2 && (c == '=' || c == ','))) {
      return true;
    }
  }
  return false;
}

}  // namespace

bool looks_run_together(std::string_view body, std::string_view decoder) {
  if (body.find_first_of("\r\n") != std::string_view::npos) return false;
  if (decoder == "line") return are_lines_run_together(body);
  if (decoder == "table") return is_table_run_together(body);
  return body.find("}{") != std::string_view::npos;
}

}  // namespace slipstream
