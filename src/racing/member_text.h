#pragma once
#include <string_view>

namespace slipstream {

/// The text of a member of a point's JSON, which is given as `"NAME":"`; empty: there is none. Its
/// quotes are no others', since those in texts are escaped. Points have their texts in their JSON
/// alone (Point::has_texts), also those that come out of the log.
inline std::string_view member_text(std::string_view json, std::string_view member) {
  const auto at = json.find(member);
  if (at == std::string_view::npos || at == 0) return {};
  if (json[at - 1] != ',' && json[at - 1] != '{' && json[at - 1] != ' ') return {};
  const auto begin = at + member.size();
  const auto end = json.find('"', begin);
  if (end == std::string_view::npos) return {};
  const auto text = json.substr(begin, end - begin);
  return text.contains('\\') ? std::string_view{} : text;
}

}  // namespace slipstream
