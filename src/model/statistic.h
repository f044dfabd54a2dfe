#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "model/schema.h"

namespace slipstream {

/// One field's figures over the points of a window that carry it.
struct FieldFigures {
  FieldId field = 0;
  std::uint64_t count = 0;
  double avg = 0, min = 0, max = 0, std = 0, first = 0, last = 0;
  double p50 = 0, p95 = 0, p99 = 0;  ///< meaningful only with StatisticGroup::kQuantiles
};

/// Statistics that a window's definition asks for together; the first are always there.
enum class StatisticGroup : std::uint8_t { kAlways, kFirst, kQuantiles };

struct StatisticGroupRow {
  StatisticGroup group;
  std::string_view setting;  ///< in a [[window]] table: `first = true`
  /// Whether the text of a definition, which the store keeps, says it where it is off, too. Only
  /// of the groups that the texts of 0.1 named; another would make every old text a changed one.
  bool always_written;
};
inline constexpr std::array kStatisticGroups = {
    StatisticGroupRow{StatisticGroup::kFirst, "first", true},
    StatisticGroupRow{StatisticGroup::kQuantiles, "quantiles", true}};

/// Which groups of statistics somebody wants, beside those that are always there.
class StatisticGroups {
 public:
  constexpr bool has(StatisticGroup group) const {
    return group == StatisticGroup::kAlways || (bits_ & bit(group)) != 0;
  }
  constexpr void set(StatisticGroup group, bool on = true) {
    bits_ = static_cast<std::uint8_t>(on ? bits_ | bit(group) : bits_ & ~bit(group));
  }

  friend bool operator==(const StatisticGroups&, const StatisticGroups&) = default;

 private:
  static constexpr unsigned bit(StatisticGroup group) {
    return group == StatisticGroup::kAlways ? 0 : 1u << static_cast<unsigned>(group);
  }
  std::uint8_t bits_ = 0;
};

/// One statistic of a field: a member `<prefix><field>` of every rollup that has its group. JSON,
/// CSV, filters, the decoder, the configuration and the store's view `rollup_fields` go by the
/// table below; what a statistic is computed from stands in window/statistics.cc.
struct Statistic {
  std::string_view prefix;  ///< with the `_`; none begins with another
  double FieldFigures::* member;
  StatisticGroup group;
  bool is_computed;          ///< no reading as it came: rounded to the digits that mean something
  std::string_view meaning;  ///< for docs/configuration.md

  constexpr std::string_view name() const { return prefix.substr(0, prefix.size() - 1); }
};

/// In the order in which they stand in a rollup. Every rollup has the first.
inline constexpr std::array kStatistics = {
    Statistic{"avg_", &FieldFigures::avg, StatisticGroup::kAlways, true, "mean"},
    Statistic{"min_", &FieldFigures::min, StatisticGroup::kAlways, false, "least value"},
    Statistic{"max_", &FieldFigures::max, StatisticGroup::kAlways, false, "greatest value"},
    Statistic{"std_", &FieldFigures::std, StatisticGroup::kAlways, true,
              "standard deviation, the population's"},
    Statistic{"last_", &FieldFigures::last, StatisticGroup::kAlways, false,
              "last value by event time"},
    Statistic{"first_", &FieldFigures::first, StatisticGroup::kFirst, false,
              "first value by event time"},
    Statistic{"p50_", &FieldFigures::p50, StatisticGroup::kQuantiles, true,
              "median, with a relative error of 1 %"},
    Statistic{"p95_", &FieldFigures::p95, StatisticGroup::kQuantiles, true,
              "95th percentile, likewise"},
    Statistic{"p99_", &FieldFigures::p99, StatisticGroup::kQuantiles, true,
              "99th percentile, likewise"}};

/// Some of kStatistics: a bit a row.
using StatisticSet = std::uint16_t;
static_assert(kStatistics.size() <= 16);
constexpr StatisticSet statistic_bit(std::size_t row) {
  return static_cast<StatisticSet>(1u << row);
}

/// The statistic whose prefix `member` begins with; nullptr: it is none.
constexpr const Statistic* statistic_of(std::string_view member) {
  for (const auto& statistic : kStatistics) {
    if (member.starts_with(statistic.prefix)) return &statistic;
  }
  return nullptr;
}

static_assert(
    [] {
      for (const auto& a : kStatistics) {
        for (const auto& b : kStatistics) {
          if (&a != &b && a.prefix.starts_with(b.prefix)) return false;
        }
      }
      return kStatistics.front().group == StatisticGroup::kAlways;
    }(),
    "a member's prefix must tell which statistic it is, and the first is in every rollup");

}  // namespace slipstream
