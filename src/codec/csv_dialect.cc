#include "codec/csv_dialect.h"

#include <algorithm>
#include <array>
#include <optional>

#include "base/letter_case.h"
#include "codec/csv_text.h"
#include "codec/decoder.h"

namespace slipstream {
namespace {

/// Of as many the first: commas stand in numbers, too.
constexpr std::string_view kGuessed = ";\t,";
constexpr std::string_view kDeclared = ",;\t|";

/// The delimiter that a line `sep=X` names.
std::optional<char> declared_delimiter(std::string_view line) {
  constexpr std::string_view kKey = "sep=";
  if (line.ends_with('\r')) line.remove_suffix(1);
  if (line.size() >= 2 && line.starts_with('"') && line.ends_with('"')) {
    line = line.substr(1, line.size() - 2);
  }
  if (line.size() != kKey.size() + 1 || kDeclared.find(line.back()) == std::string_view::npos ||
      !std::ranges::equal(line.substr(0, kKey.size()), kKey, {}, small_letter)) {
    return std::nullopt;
  }
  return line.back();
}

/// By the text's first row, of which quotes may make several lines.
char guessed_delimiter(std::string_view text, char line_end) {
  std::array<std::size_t, kGuessed.size()> counts{};
  bool is_quoted = false;
  for (const char c : text) {
    if (c == '"') is_quoted = !is_quoted;
    if (is_quoted) continue;
    if (c == line_end) break;
    if (const auto which = kGuessed.find(c); which != std::string_view::npos) ++counts[which];
  }
  const auto most = std::ranges::max_element(counts);
  return *most == 0 ? ',' : kGuessed[static_cast<std::size_t>(most - counts.begin())];
}

}  // namespace

std::string_view CsvDialect::delimiter_name() const {
  return delimiter == ','    ? "commas"
         : delimiter == ';'  ? "semicolons"
         : delimiter == '\t' ? "tabs"
                             : "bars";
}

std::string_view CsvDialect::number_text(std::string_view cell, std::string& scratch) const {
  const auto comma = has_decimal_comma() ? cell.find(',') : std::string_view::npos;
  if (comma == std::string_view::npos) return cell;
  // With a point, or a second comma, it would be a thousands separator, of which nobody knows.
  if (cell.find_first_of(",.", comma + 1) != std::string_view::npos || cell.find('.') < comma) {
    return cell;
  }
  scratch = cell;
  scratch[comma] = '.';
  return scratch;
}

CsvPreamble take_csv_preamble(std::string_view& text) {
  CsvPreamble preamble;
  std::optional<char> declared;
  text = bare_text(text);
  const bool has_line_feed = text.find('\n') != std::string_view::npos;
  if (!has_line_feed) preamble.dialect.line_end = '\r';
  const char line_end = preamble.dialect.line_end;
  while (!text.empty()) {
    const auto line = text.substr(0, text.find(line_end));
    if (const auto words = trim_blanks(line); words.starts_with('#')) {
      preamble.comment = trim_blanks(words.substr(1));
    } else if (const auto delimiter = declared_delimiter(line)) {
      declared = delimiter;
    } else if (!words.empty()) {
      preamble.dialect.delimiter = declared ? *declared : guessed_delimiter(text, line_end);
      break;
    }
    text.remove_prefix(std::min(line.size() + 1, text.size()));
  }
  return preamble;
}

}  // namespace slipstream
