#pragma once
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace slipstream {

/// A member of a point's JSON that is a text, or a number, which is taken as its text. Points have
/// their texts in their JSON alone (Point::has_texts), also those that come out of the log.
struct MemberText {
  std::string text;          ///< without escapes
  std::size_t at = 0;        ///< where the member's name begins
  std::string_view spelled;  ///< its name and its value, as they stand there
};

/// `name` is plain. Of a member of an object within, or that is neither: nothing. The JSON was
/// checked before; what is none gives some text of it, or nothing.
std::optional<MemberText> member_text(std::string_view json, std::string_view name);

/// Whether the member stands there as it did in a point before, of the same source.
inline bool stands_at(std::string_view json, std::size_t at, std::string_view spelled) {
  if (spelled.empty() || at >= json.size() || json.size() - at <= spelled.size()) return false;
  if (json.compare(at, spelled.size(), spelled) != 0) return false;
  const char next = json[at + spelled.size()];
  return spelled.back() == '"' || next == ',' || next == '}' || next == ' ';
}

}  // namespace slipstream
