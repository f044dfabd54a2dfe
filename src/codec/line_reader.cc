#include "codec/line_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace slipstream {
namespace {

constexpr std::string_view kNameSpecials = ",= ";

bool is_flag(std::string_view text, bool& value) {
  static constexpr std::array<std::string_view, 5> kTrue = {"t", "T", "true", "True", "TRUE"};
  static constexpr std::array<std::string_view, 5> kFalse = {"f", "F", "false", "False", "FALSE"};
  value = std::ranges::find(kTrue, text) != kTrue.end();
  return value || std::ranges::find(kFalse, text) != kFalse.end();
}

template <typename Integer>
bool is_whole(std::string_view text) {
  Integer value;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  return error == std::errc{} && stop == end;
}

}  // namespace

bool LineReader::next() {
  while (true) {
    const auto begin = rest_.find_first_not_of(" \t\r\n");
    if (begin == std::string_view::npos) return false;
    rest_.remove_prefix(begin);
    if (rest_.front() != '#') break;
    rest_.remove_prefix(std::min(rest_.find('\n'), rest_.size()));
  }
  position_ = 0;
  members_.clear();
  copies_.clear();
  timestamp_.reset();
  fault_.clear();
  strings_end_ = 0;
  // What follows a line that is none begins behind its first line break that is in no string.
  if (!read_line()) position_ = std::min(rest_.find('\n', strings_end_), rest_.size());
  line_ = rest_.substr(0, position_);
  while (line_.ends_with('\r')) line_.remove_suffix(1);
  rest_.remove_prefix(position_);
  return true;
}

bool LineReader::read_line() {
  measurement_ = read_name(", ");
  if (measurement_.empty()) return fail("the measurement is missing");
  return read_tags() && read_fields() && read_timestamp();
}

bool LineReader::read_tags() {
  while (at(',')) {
    ++position_;
    const auto name = read_name(kNameSpecials);
    if (name.empty() || !at('=')) return fail("a tag is NAME=VALUE");
    ++position_;
    const auto value = read_name(", ");
    if (value.empty()) return fail(fmt::format("the tag '{}' is empty", name.substr(0, 40)));
    if (!add({name, LineMember::Kind::kTag, value})) return false;
  }
  if (at('\r') && !at_end()) return fail("a carriage return alone ends no line");
  if (!at(' ')) return fail("there is no field: MEASUREMENT,TAG=.. FIELD=..");
  skip_blanks();
  return true;
}

bool LineReader::read_fields() {
  while (true) {
    const auto name = read_name(kNameSpecials);
    if (name.empty() || !at('=')) return fail("a field is NAME=VALUE");
    ++position_;
    if (!read_field_value(name)) return false;
    if (!at(',')) break;
    ++position_;
  }
  if (!at_end() && !at(' ')) return fail("a field's value does not end where it should");
  return true;
}

bool LineReader::read_field_value(std::string_view name) {
  if (at('"')) {
    const std::size_t begin = ++position_;
    while (position_ < rest_.size() && rest_[position_] != '"') {
      position_ += rest_[position_] == '\\' ? 2 : 1;
    }
    if (position_ >= rest_.size()) return fail("a quote is not closed");
    const auto text = rest_.substr(begin, position_ - begin);
    ++position_;
    // Else its quote was not closed, but another line's opened.
    if (at(',') || at(' ') || at_end()) strings_end_ = position_;
    return add({name, LineMember::Kind::kText, unescaped(text, "\"\\")});
  }
  const std::size_t end = std::min(rest_.find_first_of(", \r\n", position_), rest_.size());
  auto text = rest_.substr(position_, end - position_);
  position_ = end;
  bool on = false;
  if (is_flag(text, on)) return add({name, LineMember::Kind::kFlag, on ? "true" : "false"});
  if (text.empty()) return fail(fmt::format("'{}' has no value", name.substr(0, 40)));
  if (text.ends_with('i') || text.ends_with('u')) {
    const auto digits = text.substr(0, text.size() - 1);
    const bool fits =
        text.ends_with('i') ? is_whole<std::int64_t>(digits) : is_whole<std::uint64_t>(digits);
    if (!fits) {
      return fail(fmt::format("'{}' must be a whole number of 64 bits, got '{}'",
                              name.substr(0, 40), text.substr(0, 40)));
    }
    text = digits;
  }
  return add({name, LineMember::Kind::kNumber, text});
}

bool LineReader::read_timestamp() {
  skip_blanks();
  if (at_end()) return true;
  const std::size_t end = std::min(rest_.find_first_of(" \r\n", position_), rest_.size());
  const auto text = rest_.substr(position_, end - position_);
  std::int64_t value = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || stop != text.data() + text.size()) {
    return fail(fmt::format("the timestamp must be a whole number, got '{}'", text.substr(0, 40)));
  }
  position_ = end;
  while (at(' ')) ++position_;
  if (!at_end()) return fail("something follows the timestamp");
  timestamp_ = value;
  return true;
}

bool LineReader::add(LineMember member) {
  if (members_.size() == kMaxMembers) return fail(fmt::format("more than {} members", kMaxMembers));
  members_.push_back(member);
  return true;
}

bool LineReader::fail(std::string message) {
  fault_ = std::move(message);
  return false;
}

bool LineReader::at_end() const {
  const auto end = rest_.find_first_not_of('\r', position_);
  return end == std::string_view::npos || rest_[end] == '\n';
}

std::string_view LineReader::read_name(std::string_view stops) {
  const std::size_t begin = position_;
  while (!at_break() && stops.find(rest_[position_]) == std::string_view::npos) {
    const bool is_escape = at('\\') && position_ + 1 < rest_.size() &&
                           kNameSpecials.find(rest_[position_ + 1]) != std::string_view::npos;
    position_ += is_escape ? 2 : 1;
  }
  return unescaped(rest_.substr(begin, position_ - begin), kNameSpecials);
}

std::string_view LineReader::unescaped(std::string_view text, std::string_view specials) {
  if (text.find('\\') == std::string_view::npos) return text;
  auto& copy = copies_.emplace_back();
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool is_escape = text[i] == '\\' && i + 1 < text.size() &&
                           specials.find(text[i + 1]) != std::string_view::npos;
    copy += text[is_escape ? ++i : i];
  }
  return copy;
}

bool LineReader::looks_like_lines(std::string_view text) {
  auto begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return false;
  while (text[begin] == '#') {
    text.remove_prefix(std::min(text.find_first_of("\r\n", begin), text.size()));
    begin = text.find_first_not_of(" \t\r\n");
    if (begin == std::string_view::npos) return true;
  }
  LineReader reader(text.substr(begin));
  reader.measurement_ = reader.read_name(", ");
  if (reader.measurement_.empty() || !reader.read_tags()) return false;
  return !reader.read_name(kNameSpecials).empty() && reader.at('=');
}

}  // namespace slipstream
