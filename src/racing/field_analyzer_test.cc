#include "racing/field_analyzer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <simdjson.h>

#include <algorithm>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "racing/insight_joiner.h"

namespace slipstream {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;
using ::testing::SizeIs;

constexpr SteadyTime at_ms(std::int64_t ms) {
  return {ms * kNsPerMs};
}
constexpr Moment moment(std::int64_t ms) {
  return {.wall = {at_ms(ms).ns}, .steady = at_ms(ms)};
}

struct Reports final : InsightSink {
  void accept(PartitionId partition, std::vector<VehicleInsight> insights) override {
    partitions.push_back(partition);
    list.push_back(std::move(insights));
  }
  std::vector<PartitionId> partitions;
  std::vector<std::vector<VehicleInsight>> list;
};

struct Reading {
  std::uint32_t series = 0;
  double speed_kmh = 100;
  std::int64_t event_ms = 0;
  std::int16_t lap = 1;
  std::int32_t sector = 0;
  std::string chassis = {};  // empty: named after the series
};

PointBatch batch_of(const std::vector<Reading>& readings) {
  PointBatch batch;
  const auto text = [&](std::string_view t) {
    const TextRef ref{static_cast<std::uint32_t>(batch.text.size()),
                      static_cast<std::uint32_t>(t.size())};
    batch.text += t;
    return ref;
  };
  for (const auto& r : readings) {
    const auto chassis = r.chassis.empty() ? "car-" + std::to_string(r.series) : r.chassis;
    Point point{};
    point.event_time = {r.event_ms * kNsPerMs};
    point.series_hash = series_hash("barber", chassis);
    point.track = text("barber");
    point.chassis = text(chassis);
    point.machine = r.series;
    point.sector = r.sector;
    point.lap = r.lap;
    point.first_value = static_cast<std::uint32_t>(batch.values.size());
    point.value_count = 2;
    batch.values.push_back({r.speed_kmh, field::kSpeedKmh});
    batch.values.push_back({6'500, field::kRpm});
    batch.points.push_back(point);
  }
  return batch;
}

/// What laps tell of every machine.
struct ToldTimes final : LapTimes {
  TimedLaps times_of(std::uint32_t, std::uint64_t, std::size_t most) const override {
    EXPECT_EQ(most, kLapsOfNewestTimes);
    return {.activity = {}, .laps = laps};
  }
  std::vector<TimedLap> laps = {};
};

class FieldAnalyzerTest : public ::testing::Test {
 protected:
  void SetUp() override { analyzer.tick(at_ms(0)); }

  Reports reports;
  ToldTimes laps;
  FieldAnalyzer analyzer{stream_partition(3), reports, laps};
};

TEST_F(FieldAnalyzerTest, ReportsTheCarsThatSentPointsOncePerInterval) {
  analyzer.observe(batch_of({{.series = 0}, {.series = 2}, {.series = 0, .speed_kmh = 120}}));
  for (std::int64_t ms = 100; ms < 600; ms += 100) analyzer.tick(at_ms(ms));
  EXPECT_THAT(reports.list, SizeIs(0));
  analyzer.tick(at_ms(600));
  ASSERT_THAT(reports.list, SizeIs(1));
  ASSERT_THAT(reports.list[0], SizeIs(2));
  EXPECT_EQ(reports.partitions[0], stream_partition(3));
  EXPECT_EQ(reports.list[0][0].chassis, "car-0");
  EXPECT_EQ(reports.list[0][0].track, "barber");
  EXPECT_EQ(reports.list[0][0].avg_speed, 110);
  EXPECT_EQ(reports.list[0][1].chassis, "car-2");
}

TEST_F(FieldAnalyzerTest, SaysNothingWhileNothingArrives) {
  analyzer.observe(batch_of({{}}));
  for (std::int64_t ms = 0; ms < 6'000; ms += 100) analyzer.tick(at_ms(ms));
  EXPECT_THAT(reports.list, SizeIs(1));
}

TEST_F(FieldAnalyzerTest, ACarKeepsItsPointsOverIntervals) {
  analyzer.observe(batch_of({{.speed_kmh = 100}}));
  analyzer.tick(at_ms(600));
  analyzer.observe(batch_of({{.speed_kmh = 110}}));
  analyzer.tick(at_ms(1'200));
  ASSERT_THAT(reports.list, SizeIs(2));
  EXPECT_EQ(reports.list[1][0].point_count, 2u);
  EXPECT_EQ(reports.list[1][0].avg_speed, 105);
}

TEST_F(FieldAnalyzerTest, OnlyTheNewestFiveHundredPointsCount) {
  std::vector<Reading> readings(300, Reading{.speed_kmh = 10, .lap = 1});
  readings.insert(readings.end(), 250, Reading{.speed_kmh = 100, .lap = 2});
  readings.insert(readings.end(), 250, Reading{.speed_kmh = 110, .lap = 3});
  analyzer.observe(batch_of(readings));
  analyzer.tick(at_ms(600));
  const auto& car = reports.list.at(0).at(0);
  EXPECT_EQ(car.point_count, 500u);
  EXPECT_EQ(car.avg_speed, 105);
  EXPECT_EQ(car.trend, Trend::kImproving) << "the ring is read from old to new";
  EXPECT_EQ(car.lap, 3);
}

TEST_F(FieldAnalyzerTest, TimesOfSectorsAreThoseOfTheLaps) {
  laps.laps = {{.lap = 1, .sector_times_s = {5.0, std::nullopt, 6.12345}},
               {.lap = 2, .is_running = true, .sector_times_s = {4.25, std::nullopt}}};
  analyzer.observe(batch_of({{.event_ms = 5'000, .lap = 2, .sector = 2}}));
  analyzer.tick(at_ms(600));
  EXPECT_THAT(reports.list.at(0).at(0).sector_times_s, ElementsAre(Pair(0, 4.25), Pair(2, 6.123)));
}

TEST_F(FieldAnalyzerTest, ASeriesNumberGivenToAnotherCarStartsAfresh) {
  analyzer.observe(batch_of({{.speed_kmh = 10, .chassis = "old"}}));
  analyzer.observe(batch_of({{.speed_kmh = 90, .chassis = "new"}}));
  analyzer.tick(at_ms(600));
  ASSERT_THAT(reports.list.at(0), SizeIs(1));
  EXPECT_EQ(reports.list[0][0].chassis, "new");
  EXPECT_EQ(reports.list[0][0].avg_speed, 90);
}

TEST_F(FieldAnalyzerTest, SeriesBeyondTheBoundAreCounted) {
  FieldAnalyzer small({}, reports, laps, {.max_cars = 2});
  small.tick(at_ms(0));
  small.observe(batch_of({{.series = 1}, {.series = 2}, {.series = Point::kNoSeries}}));
  small.tick(at_ms(600));
  EXPECT_EQ(small.not_analysed(), 1u);
  EXPECT_THAT(reports.list.at(0), SizeIs(2));
}

TEST_F(FieldAnalyzerTest, ASilentCarIsForgotten) {
  FieldAnalyzer forgetful({}, reports, laps, {.forget_ms = 10'000});
  forgetful.tick(at_ms(0));
  forgetful.observe(batch_of({{.series = 0}, {.series = 1}}));
  for (std::int64_t ms = 100; ms <= 20'000; ms += 100) {
    if (ms % 6'000 == 0) forgetful.observe(batch_of({{.series = 1}}));
    forgetful.tick(at_ms(ms));
  }
  forgetful.observe(batch_of({{.series = 0}, {.series = 1}}));
  forgetful.tick(at_ms(21'000));
  const auto& last = reports.list.back();
  EXPECT_EQ(last.at(0).point_count, 1u);
  EXPECT_EQ(last.at(1).point_count, 5u);
}

TEST_F(FieldAnalyzerTest, PointsInAnyOrderLeaveTheFiguresSound) {
  std::vector<Reading> readings;
  for (std::int64_t i = 0; i < 3'000; ++i) {
    readings.push_back({.speed_kmh = 100,
                        .event_ms = i * 40,
                        .lap = static_cast<std::int16_t>(i / 1'000),
                        .sector = static_cast<std::int32_t>(i / 250 % 4)});
  }
  std::mt19937 random(7);
  for (auto burst = readings.begin(); burst != readings.end(); burst += 5) {
    std::shuffle(burst, burst + 5, random);
  }
  analyzer.observe(batch_of(readings));
  analyzer.tick(at_ms(600));
  const auto& car = reports.list.at(0).at(0);
  EXPECT_EQ(car.point_count, 500u);
  EXPECT_EQ(car.avg_speed, 100);
}

std::vector<VehicleInsight> insight_of(std::string chassis, double speed,
                                       std::string track = "barber") {
  const std::vector<Sample> samples(2, Sample{.speed_kmh = speed});
  return {analyse(track, chassis, samples, {}, {})};
}

std::vector<std::string> chassis_in(const std::string& message, std::string_view list) {
  simdjson::dom::parser parser;
  std::vector<std::string> names;
  for (auto car : parser.parse(message)[list].get_array()) {
    names.emplace_back(std::string_view(car["chassis"]));
  }
  return names;
}

class InsightJoinerTest : public ::testing::Test {
 protected:
  void SetUp() override { EXPECT_FALSE(joiner.poll(moment(0))); }

  InsightJoiner joiner;
};

TEST_F(InsightJoinerTest, MakesOneMessageOfAllPartitions) {
  joiner.accept(embedded_partition(0), insight_of("slow", 100));
  joiner.accept(embedded_partition(1), insight_of("fast", 110));
  EXPECT_FALSE(joiner.poll(moment(100)));
  EXPECT_FALSE(joiner.poll(moment(600))) << "others may be about to report";
  const auto message = joiner.poll(moment(750));
  ASSERT_TRUE(message);
  EXPECT_THAT(chassis_in(message->json, "data"), ElementsAre("fast", "slow"));
  EXPECT_THAT(chassis_in(message->json, "gaps"), ElementsAre("fast", "slow"));
}

TEST_F(InsightJoinerTest, RepeatsNothingWhileIdle) {
  joiner.accept(embedded_partition(0), insight_of("a", 100));
  int messages = 0;
  for (std::int64_t ms = 0; ms < 6'000; ms += 50) messages += joiner.poll(moment(ms)) ? 1 : 0;
  EXPECT_EQ(messages, 1);
}

TEST_F(InsightJoinerTest, ALatePartitionIsInTheNextMessage) {
  joiner.accept(embedded_partition(0), insight_of("a", 100));
  EXPECT_TRUE(joiner.poll(moment(750)));
  joiner.accept(embedded_partition(1), insight_of("b", 100));
  EXPECT_FALSE(joiner.poll(moment(800)));
  const auto message = joiner.poll(moment(1'350));
  ASSERT_TRUE(message);
  EXPECT_THAT(chassis_in(message->json, "data"), ElementsAre("b"));
}

TEST_F(InsightJoinerTest, TheNewestReportOfACarStands) {
  joiner.accept(embedded_partition(0), insight_of("a", 100));
  joiner.accept(embedded_partition(0), insight_of("a", 120));
  joiner.accept(embedded_partition(0), insight_of("a", 140, "sebring"));
  const auto message = joiner.poll(moment(750));
  ASSERT_TRUE(message);
  EXPECT_THAT(chassis_in(message->json, "data"), ElementsAre("a", "a"));
  EXPECT_THAT(message->json, testing::HasSubstr("\"avgSpeed\":120"));
  EXPECT_THAT(message->json, testing::Not(testing::HasSubstr("\"avgSpeed\":100")));
}

TEST_F(InsightJoinerTest, HoldsNoMoreThanItsBound) {
  InsightJoiner small(600, 2);
  for (const auto* name : {"a", "b", "c", "a"})
    small.accept(embedded_partition(0), insight_of(name, 100));
  EXPECT_EQ(small.dropped(), 1u);
}

TEST_F(InsightJoinerTest, TakesReportsFromManyThreads) {
  {
    std::vector<std::jthread> workers;
    for (std::uint32_t w = 0; w < 4; ++w) {
      workers.emplace_back([this, w] {
        for (int i = 0; i < 50; ++i) {
          joiner.accept(embedded_partition(w),
                        insight_of(std::to_string(w) + "-" + std::to_string(i), 100));
        }
      });
    }
  }
  const auto message = joiner.poll(moment(750));
  ASSERT_TRUE(message);
  EXPECT_THAT(chassis_in(message->json, "data"), SizeIs(200));
}

TEST(FieldAnalyzerWithJoiner, OneMessageAnIntervalFromPointsToText) {
  InsightJoiner joiner;
  const ToldTimes laps;
  FieldAnalyzer first(embedded_partition(0), joiner, laps);
  FieldAnalyzer second(embedded_partition(1), joiner, laps);
  std::vector<std::size_t> sizes;
  for (std::int64_t ms = 0; ms <= 3'000; ms += 50) {
    first.tick(at_ms(ms));
    second.tick(at_ms(ms + 40));
    if (const auto message = joiner.poll(moment(ms))) {
      sizes.push_back(chassis_in(message->json, "data").size());
    }
    if (ms < 1'800) first.observe(batch_of({{.series = 0, .event_ms = ms}}));
    if (ms < 1'200) second.observe(batch_of({{.series = 5, .event_ms = ms}}));
  }
  EXPECT_THAT(sizes, ElementsAre(2, 2, 1));
}

}  // namespace
}  // namespace slipstream
