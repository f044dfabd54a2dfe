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

char guessed_delimiter(std::string_view row) {
  if (row.find_first_of(";\t") == std::string_view::npos) return ',';
  std::array<std::size_t, kGuessed.size()> counts{};
  bool is_quoted = false;
  for (const char c : row) {
    if (c == '"') is_quoted = !is_quoted;
    const auto which = is_quoted ? std::string_view::npos : kGuessed.find(c);
    if (which != std::string_view::npos) ++counts[which];
  }
  return kGuessed[static_cast<std::size_t>(std::ranges::max_element(counts) - counts.begin())];
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
  while (!text.empty()) {
    const auto line = text.substr(0, text.find('\n'));
    if (const auto words = trim_blanks(line); words.starts_with('#')) {
      preamble.comment = trim_blanks(words.substr(1));
    } else if (const auto delimiter = declared_delimiter(line)) {
      declared = delimiter;
    } else if (!words.empty()) {
      preamble.dialect.delimiter = declared ? *declared : guessed_delimiter(line);
      break;
    }
    text.remove_prefix(std::min(line.size() + 1, text.size()));
  }
  return preamble;
}

}  // namespace slipstream
