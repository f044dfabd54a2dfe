#pragma once
#include <cstddef>
#include <optional>
#include <string_view>

namespace slipstream {

inline bool is_json_space(char c) {
  return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}
/// Without the white space of JSON around it.
inline std::string_view json_trimmed(std::string_view text) {
  while (!text.empty() && is_json_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_json_space(text.back())) text.remove_suffix(1);
  return text;
}
/// The length of the element at the start of `text` (the inside of an array), up to the comma or
/// bracket that ends it, minding strings and nesting only.
std::size_t json_element_length(std::string_view text);
/// Whether some newline parts two points, or a point from what is none, rather than being white
/// space within a single one. A string has no newline in it. `text` is trimmed.
bool is_json_lines(std::string_view text);

/// Walks the members of a JSON object, or the elements of an array, as texts: to pass on a part of
/// what was checked before. What is no JSON is walked to some end, within its bounds.
class JsonScan {
 public:
  explicit JsonScan(std::string_view text);

  struct Item {
    std::string_view name;  ///< as it is spelled, without its quotes; empty in an array
    std::string_view value;
    std::string_view whole;  ///< name and value
  };
  std::optional<Item> next();

 private:
  void skip_blanks();
  std::string_view string();
  std::string_view value();

  std::string_view rest_;
  bool is_object_ = false;
};

/// The value of a member, as text; empty: there is none.
std::string_view json_member(std::string_view object, std::string_view name);
/// What stands between the quotes of a string without escapes; else as it is spelled.
std::string_view json_string_body(std::string_view value);

}  // namespace slipstream
