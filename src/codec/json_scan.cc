#include "codec/json_scan.h"

namespace slipstream {
namespace {

/// Whether the last bracket of `line`, which begins with one, closes the first.
bool is_closed_at_its_end(std::string_view line) {
  std::size_t at = 0;
  do {
    ++at;
    at += json_element_length(line.substr(at));
  } while (at < line.size() && line[at] == ',');
  return at + 1 == line.size();
}

}  // namespace

JsonScan::JsonScan(std::string_view text) : rest_(text) {
  skip_blanks();
  if (rest_.empty() || (rest_.front() != '{' && rest_.front() != '[')) {
    rest_ = {};
    return;
  }
  is_object_ = rest_.front() == '{';
  rest_.remove_prefix(1);
}

std::optional<JsonScan::Item> JsonScan::next() {
  skip_blanks();
  while (!rest_.empty() && rest_.front() == ',') {
    rest_.remove_prefix(1);
    skip_blanks();
  }
  if (rest_.empty() || rest_.front() == '}' || rest_.front() == ']') {
    rest_ = {};
    return std::nullopt;
  }
  const char* const begin = rest_.data();
  Item item;
  if (is_object_) {
    if (rest_.front() != '"') {
      rest_ = {};
      return std::nullopt;
    }
    item.name = string();
    skip_blanks();
    if (rest_.empty() || rest_.front() != ':') {
      rest_ = {};
      return std::nullopt;
    }
    rest_.remove_prefix(1);
    skip_blanks();
  }
  item.value = value();
  item.whole = {begin, static_cast<std::size_t>(item.value.data() + item.value.size() - begin)};
  return item;
}

void JsonScan::skip_blanks() {
  while (!rest_.empty() && is_json_space(rest_.front())) rest_.remove_prefix(1);
}

/// Between the quotes; both are consumed.
std::string_view JsonScan::string() {
  rest_.remove_prefix(1);
  std::size_t end = 0;
  while (end < rest_.size() && rest_[end] != '"') end += rest_[end] == '\\' ? 2 : 1;
  end = end < rest_.size() ? end : rest_.size();
  const auto body = rest_.substr(0, end);
  rest_.remove_prefix(end < rest_.size() ? end + 1 : end);
  return body;
}

std::string_view JsonScan::value() {
  const std::string_view begin = rest_;
  const auto taken = [&] { return begin.substr(0, begin.size() - rest_.size()); };
  std::size_t depth = 0;
  while (!rest_.empty()) {
    const char c = rest_.front();
    if (c == '"') {
      string();
      if (depth == 0) return taken();
      continue;
    }
    if (c == '{' || c == '[') {
      ++depth;
    } else if (c == '}' || c == ']') {
      if (depth == 0) return taken();
      rest_.remove_prefix(1);
      if (--depth == 0) return taken();
      continue;
    } else if (depth == 0 && (c == ',' || is_json_space(c))) {
      return taken();
    }
    rest_.remove_prefix(1);
  }
  return taken();
}

std::string_view json_member(std::string_view object, std::string_view name) {
  JsonScan scan(object);
  while (const auto item = scan.next()) {
    if (item->name == name) return item->value;
  }
  return {};
}

std::string_view json_string_body(std::string_view value) {
  if (value.size() < 2 || value.front() != '"') return value;
  return value.substr(1, value.size() - 2);
}

std::size_t json_element_length(std::string_view text) {
  int depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\')
        ++i;
      else if (c == '"')
        in_string = false;
      continue;
    }
    if (c == '"')
      in_string = true;
    else if (c == '{' || c == '[')
      ++depth;
    else if (c == '}' || c == ']') {
      if (depth == 0) return i;
      --depth;
    } else if (c == ',' && depth == 0)
      return i;
  }
  return text.size();
}

bool is_json_lines(std::string_view text) {
  const auto first = json_trimmed(text.substr(0, text.find('\n')));
  if (first.size() < text.size() && text.front() == '{' && is_closed_at_its_end(first)) return true;
  std::string_view after = text;
  for (std::size_t newline = text.find('\n'); newline != std::string_view::npos;
       newline = text.find('\n', static_cast<std::size_t>(after.data() - text.data()))) {
    if (text.front() != '{') return true;
    const char last = json_trimmed(text.substr(0, newline)).back();
    after = json_trimmed(text.substr(newline));
    const char next = after.front();
    if (next == '{' && last != ',' && last != ':' && last != '[') return true;
    if (last == '}' && next != ',' && next != '}' && next != ']') return true;
  }
  return false;
}

}  // namespace slipstream
