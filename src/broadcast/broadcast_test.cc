#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broadcast/live_series.h"
#include "broadcast/newest_points.h"
#include "broadcast/recent_ring.h"
#include "broadcast/rollup_memory.h"
#include "broadcast/telemetry_batcher.h"
#include "broadcast/testing.h"

namespace slipstream {
namespace {

using testing::HasSubstr;
using testing::SizeIs;

PointBatch one_point(const std::string& chassis, int number, std::int64_t arrival_ms = 0) {
  PointBatch batch;
  const std::string json = fmt::format(R"({{"n":{}}})", number);
  batch.text = json + "cota" + chassis;
  Point point{};
  const auto length = static_cast<std::uint32_t>(json.size());
  point.json = {0, length};
  point.track = {length, 4};
  point.chassis = {length + 4, static_cast<std::uint32_t>(chassis.size())};
  point.series_hash = series_hash("cota", chassis);
  point.arrival_time = {arrival_ms * kNsPerMs};
  point.event_time = {arrival_ms * kNsPerMs};
  batch.points.push_back(point);
  return batch;
}

void push(RecentRing& ring, const std::string& chassis, int number) {
  const auto batch = one_point(chassis, number);
  ring.push(batch, batch.points[0]);
}

TEST(RecentRing, KeepsTheNewestOldestFirst) {
  RecentRing ring(3);
  EXPECT_EQ(ring.encode({}), R"({"recent":[]})");
  for (int i = 1; i <= 5; ++i) push(ring, i % 2 == 0 ? "even" : "odd", i);
  EXPECT_EQ(ring.size(), 3u);
  EXPECT_EQ(ring.encode({}), R"({"recent":[{"n":3},{"n":4},{"n":5}]})");
  EXPECT_EQ(ring.encode({.limit = 1}), R"({"recent":[{"n":5}]})");
  EXPECT_EQ(ring.encode({.chassis = "odd"}), R"({"recent":[{"n":3},{"n":5}]})");
  EXPECT_EQ(ring.encode({.track = "barber"}), R"({"recent":[]})");
}

TEST(RecentRing, StaysWithinItsBoundsOverManyChunks) {
  RecentRing ring(20'000);
  for (int i = 0; i < 100'000; ++i) push(ring, "a chassis with a name of some length", i);
  EXPECT_EQ(ring.size(), 20'000u);
  EXPECT_THAT(ring.encode({.limit = 1}), HasSubstr("99999"));
  RecentRing small(1'000'000, 1 << 20);
  for (int i = 0; i < 100'000; ++i) push(small, "a chassis with a name of some length", i);
  EXPECT_LT(small.size(), 40'000u);
  EXPECT_GT(small.size(), 10'000u);
}

TEST(LiveSeries, ShowsTheNewestOfEachAndForgetsTheOldest) {
  LiveSeries series(4);
  for (int i = 0; i < 100; ++i) {
    const auto batch = one_point(fmt::format("car {:02}", i), i, i);
    series.push(batch, batch.points[0], {i * kNsPerMs});
  }
  EXPECT_LE(series.size(), 4u);
  EXPECT_THAT(series.encode({200 * kNsPerMs}), HasSubstr("car 99"));
  EXPECT_THAT(series.encode({200 * kNsPerMs}, {}, 1),
              HasSubstr(fmt::format(R"("count":1,"total":{}}})", series.size())));
}

TEST(LiveSeries, AMachineIsOneRowAndTellsHowManySeriesItHas) {
  LiveSeries series;
  for (const auto* const tags : {R"("wheel":"fl")", R"("wheel":"fr")", R"("wheel":"fl")", ""}) {
    PointBatch batch;
    broadcast_testing::add_point(batch, "cota", "a", "{}", 0, tags);
    series.push(batch, batch.points[0], {});
  }
  const auto other = one_point("b", 1, 0);
  series.push(other, other.points[0], {});
  TagFilter left;
  left.add("wheel", "fl");
  const auto found = series.encode({}, left);
  EXPECT_THAT(found, HasSubstr(R"("chassis":"a")"));
  EXPECT_THAT(found, HasSubstr(R"("points":4,"clock_offset_ms":0,"series":3})"));
  EXPECT_THAT(found, HasSubstr(R"("count":1,"total":1})"));
  TagFilter none;
  none.add("wheel", "rl");
  EXPECT_EQ(series.encode({}, none), R"({"series":[],"count":0,"total":0})");
  EXPECT_THAT(series.encode({}), HasSubstr(R"("count":2,"total":2})"));
}

TEST(LiveSeries, RateIsOfTheLastSecond) {
  LiveSeries series;
  for (int i = 0; i <= 100; ++i) {
    const auto batch = one_point("car", i, i * 40);
    series.push(batch, batch.points[0], {i * 40 * kNsPerMs});
  }
  EXPECT_THAT(series.encode({4'000 * kNsPerMs}), HasSubstr(R"("rate_hz":25.0,"points":101)"));
  EXPECT_THAT(series.encode({60'000 * kNsPerMs}), HasSubstr(R"("rate_hz":0.0)"));
}

class BatcherTest : public testing::Test {
 protected:
  void add(int points, std::int64_t at_ms) {
    for (int i = 0; i < points; ++i) {
      const auto batch = one_point("car", i, at_ms);
      batcher_.add(batch.json(batch.points[0]), batch.points[0].arrival_time, {at_ms * kNsPerMs});
    }
  }
  static Moment moment(std::int64_t ms) {
    return {.wall = {ms * kNsPerMs}, .steady = {ms * kNsPerMs}};
  }
  TelemetryBatcher batcher_{{}};
  std::int64_t now_ms_ = 1'000;
  LatencyHistogram latency_;
};

TEST_F(BatcherTest, LonePointAfterSilenceIsDueAtOnce) {
  add(1, 1'000);
  EXPECT_LE(batcher_.due(1), moment(1'000).steady);
  EXPECT_EQ(batcher_.take(moment(1'000), latency_),
            R"({"type":"telemetry_update","data":[{"n":0}]})");
  add(1, 1'001);
  EXPECT_EQ(batcher_.due(33), moment(1'005).steady) << "the next waits for its distance";
  EXPECT_EQ(batcher_.due(32).ns, 1'000'500'000) << "a tenth of it for few readers";
}

TEST_F(BatcherTest, FiftyWaitingPointsAreABatchAtLightLoad) {
  add(49, 1'000);
  EXPECT_FALSE(batcher_.is_full());
  add(1, 1'000);
  EXPECT_TRUE(batcher_.is_full());
}

TEST_F(BatcherTest, BatchGrowsUnderHeavyLoadAndShrinksAgain) {
  for (int ms = 0; ms < 200; ++ms) {
    add(400, ms);
    batcher_.take(moment(ms), latency_);
  }
  add(500, 201);
  EXPECT_FALSE(batcher_.is_full());
  add(1'500, 201);
  EXPECT_TRUE(batcher_.is_full());
  for (int ms = 300; ms < 10'000; ms += 40) {
    batcher_.take(moment(ms), latency_);
    add(1, ms);
  }
  add(50, 10'000);
  EXPECT_TRUE(batcher_.is_full());
}

TEST_F(BatcherTest, ReadersFarBehindGetFewerAndLargerBatches) {
  const auto batches = [&](double backlog, int ms) {
    for (int i = 0; i < ms; i += 5) {
      add(1, now_ms_ += 5);
      if (batcher_.due(100) > moment(now_ms_).steady) continue;
      batcher_.take(moment(now_ms_), latency_);
      batcher_.observe_backlog(backlog);
    }
    return batcher_.spacing_ns() / kNsPerMs;
  };
  EXPECT_EQ(batches(0, 1'000), 5);
  EXPECT_EQ(batches(0.2, 1'000), 5) << "a little is no reason";
  EXPECT_EQ(batches(1, 5'000), 200) << "and no more than that";
  EXPECT_EQ(batches(0.2, 1'000), 200);
  EXPECT_EQ(batches(0, 10'000), 5);
}

TEST(NewestPoints, GivesEachMachineOnceFromAVersionOn) {
  NewestPoints points(3);
  points.put(1, "a1");
  points.put(2, "b1");
  const auto version = points.version();
  points.put(1, "a2");
  points.put(1, "a3");
  EXPECT_THAT(points.since(0, 99).message, HasSubstr("[b1,a3]"));
  EXPECT_THAT(points.since(version, 99).message, HasSubstr("[a3]"));
  EXPECT_EQ(points.since(version, version + 1).points, 0u) << "that one is newer";
  EXPECT_EQ(points.since(points.version(), 99).points, 0u);
  points.put(3, "c");
  EXPECT_TRUE(points.since(0, 99).is_complete);
  points.put(4, "d");
  const auto all = points.since(0, 99);
  EXPECT_THAT(all.message, HasSubstr("[a3,c,d]"));
  EXPECT_FALSE(all.is_complete);
  EXPECT_TRUE(points.since(version, 99).is_complete);
}

TEST(RollupMemory, AnswersTheNewestPageByPage) {
  Schema schema;
  RollupMemory memory(schema.fields(), 10);
  for (int i = 0; i < 25; ++i) {
    auto rollup = std::make_shared<Rollup>();
    rollup->window = "bucket";
    rollup->chassis = i % 2 == 0 ? "even" : "odd";
    rollup->lap = i;
    memory.accept({rollup}, {});
  }
  const auto first = memory.query({.window = "bucket", .limit = 6});
  ASSERT_THAT(first->rollups, SizeIs(6));
  EXPECT_THAT(first->rollups[0], HasSubstr(R"("lap":24)"));
  const auto second = memory.query({.window = "bucket", .limit = 6, .cursor = *first->next});
  ASSERT_THAT(second->rollups, SizeIs(4)) << "ten are kept";
  EXPECT_THAT(second->rollups[0], HasSubstr(R"("lap":18)"));
  EXPECT_FALSE(second->next);
  EXPECT_THAT(memory.query({.window = "bucket", .chassis = "odd"})->rollups, SizeIs(5));
  EXPECT_FALSE(memory.query({.window = "bucket", .cursor = "9"}));
  EXPECT_THAT(memory.query({.window = "none"})->rollups, SizeIs(0));
}

TEST(RollupMemory, LeavesStoredOnesToTheStore) {
  Schema schema;
  RollupMemory memory(schema.fields());
  auto rollup = std::make_shared<Rollup>();
  rollup->window = "second";
  rollup->stored = true;
  memory.accept({rollup}, {});
  EXPECT_THAT(memory.query({.window = "second"})->rollups, SizeIs(0));
}

}  // namespace
}  // namespace slipstream
