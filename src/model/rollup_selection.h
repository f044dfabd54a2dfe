#pragma once
#include <algorithm>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/statistic.h"

namespace slipstream {

/// Which figures of its rollups somebody wants; what says something of the whole is always there.
struct RollupSelection {
  std::vector<std::string> fields = {};  ///< by name; empty: every field
  StatisticSet left_out = 0;

  bool takes_all() const { return fields.empty() && left_out == 0; }
  bool has_field(std::string_view name) const {
    return fields.empty() || std::ranges::find(fields, name) != fields.end();
  }

  friend bool operator==(const RollupSelection&, const RollupSelection&) = default;
};

/// All statistics but those of these names ("avg", "p95"); of no names, none. Nothing: a name is no
/// statistic's.
constexpr std::optional<StatisticSet> statistics_beside(std::span<const std::string> names) {
  if (names.empty()) return StatisticSet{0};
  StatisticSet beside = 0;
  for (std::size_t row = 0; row < kStatistics.size(); ++row) beside |= statistic_bit(row);
  for (const std::string& name : names) {
    const auto found = std::ranges::find(kStatistics, std::string_view(name), &Statistic::name);
    if (found == kStatistics.end()) return std::nullopt;
    beside &= static_cast<StatisticSet>(
        ~statistic_bit(static_cast<std::size_t>(found - kStatistics.begin())));
  }
  return beside;
}

}  // namespace slipstream
