#include "codec/csv_text.h"

#include <fast_float/fast_float.h>

#include <algorithm>
#include <charconv>
#include <cmath>

namespace slipstream {

namespace {

constexpr char kGuard = '\'';

/// Whether a spreadsheet takes the text for a formula, once any guards before it are gone.
bool is_formula(std::string_view text) {
  const auto sign = text.find_first_not_of(kGuard);
  return sign != std::string_view::npos &&
         std::string_view("=+-@\t\r").find(text[sign]) != std::string_view::npos;
}

void append_quoted(std::string& out, std::string_view text) {
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
}

}  // namespace

void append_csv_cell(std::string& out, std::string_view text) {
  if (text.find_first_of("\",\r\n") == std::string_view::npos &&
      trim_blanks(text).size() == text.size()) {
    out += text;
    return;
  }
  out += '"';
  append_quoted(out, text);
  out += '"';
}

void append_csv_text(std::string& out, std::string_view text, CsvTexts texts) {
  if (texts == CsvTexts::kRaw || !is_formula(text)) {
    append_csv_cell(out, text);
    return;
  }
  out += '"';
  out += kGuard;
  append_quoted(out, text);
  out += '"';
}

std::string_view without_csv_guard(std::string_view cell) {
  if (cell.starts_with(kGuard) && is_formula(cell)) cell.remove_prefix(1);
  return cell;
}

std::string_view trim_blanks(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\r')) {
    text.remove_suffix(1);
  }
  return text;
}

std::optional<double> parse_number(std::string_view text) {
  text = trim_blanks(text);
  if (!text.empty() && text.front() == '+') {
    text.remove_prefix(1);
    if (!text.empty() && text.front() == '-') return std::nullopt;
  }
  double value;
  const auto [end, error] = fast_float::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) {
    return std::nullopt;
  }
  return value;
}

void append_json_number(std::string& out, std::string_view text, double value) {
  text = trim_blanks(text);
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  std::size_t i = 0;
  if (i < text.size() && text[i] == '-') ++i;
  // JSON wants a digit first, none before it that is 0, and a digit behind a point.
  bool plain = i < text.size() && is_digit(text[i]) &&
               !(text[i] == '0' && i + 1 < text.size() && is_digit(text[i + 1]));
  if (const auto point = text.find('.'); plain && point != std::string_view::npos) {
    plain = point + 1 < text.size() && is_digit(text[point + 1]);
  }
  if (plain) {
    out += text;
    return;
  }
  char buffer[32];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value).ptr;
  out.append(buffer, end);
}

bool CsvReader::next() {
  while (read_record()) {
    if (cells_.size() > 1 || !trim_blanks(cells_[0]).empty()) return true;
  }
  return false;
}

bool CsvReader::read_record() {
  cells_.clear();
  unquoted_used_ = 0;
  well_formed_ = true;
  while (!rest_.empty() && (rest_.front() == '\n' || rest_.front() == '\r')) rest_.remove_prefix(1);
  if (rest_.empty()) return false;
  const char* const begin = rest_.data();
  while (true) {
    if (begins_quoted()) {
      read_quoted();
    } else {
      const auto cell = rest_.substr(0, cell_end());
      rest_.remove_prefix(cell.size());
      add(trim_blanks(cell));
    }
    if (rest_.empty() || rest_.front() != stops_[0]) break;
    rest_.remove_prefix(1);
  }
  record_ = {begin, static_cast<std::size_t>(rest_.data() - begin)};
  return true;
}

bool CsvReader::begins_quoted() {
  const auto first = rest_.find_first_not_of(stops_[0] == '\t' ? " " : " \t");
  if (first == std::string_view::npos || rest_[first] != '"') return false;
  rest_.remove_prefix(first);
  return true;
}

void CsvReader::read_quoted() {
  rest_.remove_prefix(1);
  const auto opened = rest_;
  const char* const begin = rest_.data();
  std::size_t i = 0;
  bool doubled = false;
  while (i < rest_.size()) {
    if (rest_[i] != '"') {
      ++i;
    } else if (i + 1 < rest_.size() && rest_[i + 1] == '"') {
      doubled = true;
      i += 2;
    } else {
      break;
    }
  }
  std::string_view cell(begin, i);
  if (doubled) {
    if (unquoted_used_ == unquoted_.size()) unquoted_.emplace_back();
    std::string& copy = unquoted_[unquoted_used_++];
    copy.clear();
    for (std::size_t k = 0; k < cell.size(); ++k) {
      copy += cell[k];
      if (cell[k] == '"') ++k;
    }
    cell = copy;
  }
  add(cell);
  rest_.remove_prefix(std::min(i + 1, rest_.size()));
  const auto tail = rest_.substr(0, cell_end());
  well_formed_ = i < opened.size() && trim_blanks(tail).empty();
  if (well_formed_) {
    rest_.remove_prefix(tail.size());
  } else {
    // Never closed, or by a quote that opens a cell further down: only this line is spoilt.
    rest_ = opened.substr(std::min(opened.find(stops_[1]), opened.size()));
  }
}

}  // namespace slipstream
