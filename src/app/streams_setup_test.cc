#include "app/streams_setup.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace slipstream {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

Config with_redis() {
  Config config;
  config.redis.url = "redis://127.0.0.1:1";
  config.windows = default_windows();
  return config;
}

TEST(StreamsSetup, WhatTheDefaultsSayIsNoFault) {
  EXPECT_THAT(check_streams(with_redis()), IsEmpty());
}

TEST(StreamsSetup, AStatisticThatIsNoneIsNamedWithThoseThereAre) {
  Config config = with_redis();
  config.redis.statistics = {"avg", "mean"};
  const auto faults = check_streams(config);
  ASSERT_THAT(faults, SizeIs(1));
  EXPECT_EQ(faults[0].where, "[redis] statistics");
  EXPECT_THAT(faults[0].message, HasSubstr(R"("mean" is none of avg, min, max, std, last)"));
}

TEST(StreamsSetup, AStatisticThatNoWindowMakesIsAFault) {
  Config config = with_redis();
  config.redis.statistics = {"avg", "p95"};
  const auto faults = check_streams(config);
  ASSERT_THAT(faults, SizeIs(1));
  EXPECT_THAT(faults[0].message,
              HasSubstr(R"(no window of [redis] windows has "p95": set quantiles = true)"));
  config.windows.front().statistics.set(StatisticGroup::kQuantiles);
  config.redis.windows = {config.windows.front().name};
  EXPECT_THAT(check_streams(config), IsEmpty());
}

TEST(StreamsSetup, AggregatesHaveTheFiguresAskedForOnBothWays) {
  Config config = with_redis();
  config.redis.fields = {"speed_kmh"};
  config.redis.statistics = {"avg"};
  const RollupSelection selection = stream_options(config).aggregate_selection;
  EXPECT_TRUE(selection.has_field("speed_kmh"));
  EXPECT_FALSE(selection.has_field("rpm"));
  EXPECT_EQ(selection.left_out & statistic_bit(0), 0) << "avg";
  EXPECT_NE(selection.left_out & statistic_bit(1), 0) << "min";
  EXPECT_EQ(aggregates_destination(config).selection, selection);
}

}  // namespace
}  // namespace slipstream
