#pragma once
#include <fmt/format.h>

#include <iterator>
#include <string>
#include <string_view>

#include "base/json_text.h"

namespace slipstream {

/// Writes one JSON object, member by member.
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
  template <typename Integer>
  void number(std::string_view name, Integer value) {
    fmt::format_to(std::back_inserter(key(name)), "{}", value);
  }

 private:
  std::string& out_;
  bool first_ = true;
};

}  // namespace slipstream
