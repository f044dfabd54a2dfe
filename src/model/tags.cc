#include "model/tags.h"

#include <algorithm>

#include "base/json_text.h"

namespace slipstream {
namespace {

/// Takes a string of JSON off the text's begin; nothing where none stands there.
std::optional<std::string_view> take_string(std::string_view& text) {
  if (!text.starts_with('"')) return std::nullopt;
  std::size_t end = 1;
  while (end < text.size() && text[end] != '"') end += text[end] == '\\' ? 2 : 1;
  if (end >= text.size()) return std::nullopt;
  const auto body = text.substr(1, end - 1);
  text.remove_prefix(end + 1);
  return body;
}

}  // namespace

void append_tag(std::string& text, const Tag& tag) {
  if (!text.empty()) text += ',';
  append_json_string(text, tag.name);
  text += ':';
  append_json_string(text, tag.value);
}

std::optional<Tag> TagsReader::next() {
  std::string_view text = rest_;
  const auto name = take_string(text);
  if (!name || !text.starts_with(':')) return std::nullopt;
  text.remove_prefix(1);
  const auto value = take_string(text);
  if (!value) return std::nullopt;
  if (!text.empty()) {
    if (!text.starts_with(",\"")) return std::nullopt;
    text.remove_prefix(1);
  }
  rest_ = text;
  return Tag{*name, *value};
}

void TagFilter::add(std::string_view name, std::string_view value) {
  auto at = std::ranges::lower_bound(wanted_, name, {}, &Wanted::name);
  if (at == wanted_.end() || at->name != name) {
    at = wanted_.insert(at, {std::string(name), {}, json_spelled(name), {}});
  }
  const auto place = std::ranges::lower_bound(at->values, value);
  if (place != at->values.end() && *place == value) return;
  at->spelled_values.insert(at->spelled_values.begin() + (place - at->values.begin()),
                            json_spelled(value));
  at->values.insert(place, std::string(value));
  at->spelled.clear();
  if (at->values.size() == 1) append_tag(at->spelled, {name, value});
}

std::size_t TagFilter::values() const {
  std::size_t sum = 0;
  for (const Wanted& wanted : wanted_) sum += wanted.values.size();
  return sum;
}

bool TagFilter::matches(std::string_view tags) const {
  std::size_t matched = 0;
  TagsReader reader(tags);
  while (matched < wanted_.size()) {
    const auto tag = reader.next();
    if (!tag) return false;
    const auto wanted = std::ranges::find(wanted_, tag->name, &Wanted::spelled_name);
    if (wanted == wanted_.end()) continue;
    const auto& values = wanted->spelled_values;
    if (std::ranges::find(values, tag->value) == values.end()) return false;
    ++matched;
  }
  return true;
}

}  // namespace slipstream
