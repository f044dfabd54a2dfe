#pragma once
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "derive/derived_fields.h"
#include "model/alert.h"
#include "model/schema.h"
#include "model/tags.h"

namespace slipstream {

/// A table [[alert]] of the configuration: when something about a machine is to be told.
struct AlertRule {
  static constexpr std::size_t kMost = 200;  ///< of a configuration

  std::string name = {};
  std::string when = {};   ///< an expression, perhaps with "for 5s" behind it
  std::string clear = {};  ///< likewise; empty: not `when`, for as long
  AlertSeverity severity = AlertSeverity::kWarning;
  std::vector<std::string> tracks = {};   ///< empty: all
  std::vector<std::string> chassis = {};  ///< likewise
  TagFilter tags = {};

  /// Another text wherever it means another thing. How grave it is and its place in the list mean
  /// nothing.
  std::string id() const;
  bool is_about(std::string_view track, std::string_view machine, std::string_view its_tags) const;
};

/// What is wrong with their conditions; the text says which of them, "when" or "clear".
std::vector<ListedFault> check_rules(const std::vector<AlertRule>& rules, Schema& schema);

}  // namespace slipstream
