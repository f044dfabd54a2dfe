#pragma once
#include <fmt/format.h>

#include <concepts>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>

#include "base/json_text.h"

namespace slipstream {

/// Writes one JSON object, member by member. Numbers that are not finite are written as `null`.
class ObjectWriter {
 public:
  explicit ObjectWriter(std::string& out) : out_(out) { out_ += '{'; }
  ~ObjectWriter() { out_ += '}'; }
  ObjectWriter(const ObjectWriter&) = delete;
  ObjectWriter& operator=(const ObjectWriter&) = delete;

  std::string& key(std::string_view name) {
    if (!first_) out_ += ',';
    first_ = false;
    append_json_string(out_, name);
    out_ += ':';
    return out_;
  }
  void text(std::string_view name, std::string_view value) { append_json_string(key(name), value); }
  void flag(std::string_view name, bool value) { key(name) += value ? "true" : "false"; }
  void number(std::string_view name, std::integral auto value) {
    fmt::format_to(std::back_inserter(key(name)), "{}", value);
  }
  void number(std::string_view name, std::floating_point auto value) {
    append_json_number(key(name), value);
  }
  template <typename Number>
  void number_or_null(std::string_view name, const std::optional<Number>& value) {
    if (value) {
      number(name, *value);
    } else {
      key(name) += "null";
    }
  }

 private:
  std::string& out_;
  bool first_ = true;
};

}  // namespace slipstream
