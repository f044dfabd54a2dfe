#include "codec/rollup_json.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <optional>
#include <string>
#include <vector>

#include "codec/rollup_decoder.h"

namespace slipstream {
namespace {

using testing::HasSubstr;
using testing::Not;

/// Each figure another one, so that no two can be mistaken for each other.
Rollup rollup_with(StatisticGroups groups) {
  Rollup rollup;
  rollup.track = "cota";
  rollup.chassis = "GR86-01";
  rollup.window = "bucket";
  rollup.count = 3;
  rollup.statistics = groups;
  FieldFigures figures{.field = field::kRpm, .count = 3};
  double figure = 100;
  for (const auto& statistic : kStatistics) figures.*statistic.member = figure += 0.5;
  rollup.fields.push_back(figures);
  return rollup;
}

StatisticGroups all_groups() {
  StatisticGroups groups;
  for (const auto& row : kStatisticGroups) groups.set(row.group);
  return groups;
}

TEST(RollupJson, TheWireIsWhatItWas) {
  const FieldTable fields(SchemaOptions{}.well_known);
  StatisticGroups groups;
  groups.set(StatisticGroup::kFirst);
  groups.set(StatisticGroup::kQuantiles);
  std::string json;
  append_rollup_stats(json, rollup_with(groups), fields);
  EXPECT_EQ(json,
            R"({"avg_rpm":100.5,"min_rpm":101,"max_rpm":101.5,"std_rpm":102,"last_rpm":102.5,)"
            R"("first_rpm":103,"p50_rpm":103.5,"p95_rpm":104,"p99_rpm":104.5})");
}

TEST(RollupJson, EveryStatisticOfTheTableIsReadBack) {
  const FieldTable fields(SchemaOptions{}.well_known);
  const Rollup rollup = rollup_with(all_groups());
  std::string json;
  append_rollup_json(json, rollup, fields);
  FieldTable others(SchemaOptions{}.well_known);
  const auto read = RollupDecoder(others).decode(json);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->statistics, rollup.statistics);
  for (const auto& statistic : kStatistics) {
    EXPECT_EQ(read->fields[0].*statistic.member, rollup.fields[0].*statistic.member)
        << statistic.prefix;
  }
}

TEST(RollupJson, ASelectionLeavesTheRestOutAndIsReadBackAsSuch) {
  const FieldTable fields(SchemaOptions{}.well_known);
  Rollup rollup = rollup_with(all_groups());
  rollup.fields.push_back({.field = field::kSpeedKmh, .count = 3, .avg = 200, .p95 = 240});
  const std::vector<std::string> names = {"avg", "p95"};
  const RollupSelection selection{.fields = {"speed_kmh", "brake"},
                                  .left_out = statistics_beside(names).value()};
  std::string json;
  append_rollup_json(json, rollup, fields, selection);
  EXPECT_THAT(json, HasSubstr(R"(,"avg_speed_kmh":200,"p95_speed_kmh":240,"window":)"));
  EXPECT_THAT(json, Not(HasSubstr("rpm")));
  EXPECT_THAT(json, HasSubstr(R"("count":3,)"));

  FieldTable others(SchemaOptions{}.well_known);
  const auto read = RollupDecoder(others).decode(json);
  ASSERT_TRUE(read);
  std::string again;
  append_rollup_json(again, *read, others);
  EXPECT_EQ(again, json) << "what nobody told of does not become 0";
}

TEST(RollupJson, ASelectionIsMadeOfKnownStatistics) {
  EXPECT_EQ(statistics_beside({}), StatisticSet{0});
  const std::vector<std::string> unknown = {"avg", "mean"};
  EXPECT_EQ(statistics_beside(unknown), std::nullopt);
  for (const auto& statistic : kStatistics) {
    const std::vector<std::string> one = {std::string(statistic.name())};
    EXPECT_EQ(std::popcount(statistics_beside(one).value()), int{kStatistics.size()} - 1);
  }
}

TEST(RollupJson, OnlyWhatTheWindowAsksForIsThere) {
  const FieldTable fields(SchemaOptions{}.well_known);
  for (const auto& row : kStatisticGroups) {
    StatisticGroups groups;
    groups.set(row.group);
    std::string json;
    append_rollup_stats(json, rollup_with(groups), fields);
    for (const auto& statistic : kStatistics) {
      const auto name = fmt::format("\"{}rpm\":", statistic.prefix);
      if (groups.has(statistic.group)) {
        EXPECT_THAT(json, HasSubstr(name));
      } else {
        EXPECT_THAT(json, Not(HasSubstr(name)));
      }
    }
  }
}

TEST(RollupDecoder, NothingIsNoRollup) {
  Schema schema;
  EXPECT_FALSE(RollupDecoder(schema.fields()).decode({}));
}

}  // namespace
}  // namespace slipstream
