#include "racing/insights.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

namespace slipstream {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

VehicleInsight figures(const std::vector<Sample>& samples) {
  return analyse("barber", "GR86-01", samples, {}, {});
}

std::vector<Sample> with_speeds(const std::vector<double>& speeds) {
  std::vector<Sample> samples;
  for (const double speed : speeds) samples.push_back({.speed_kmh = speed});
  return samples;
}

VehicleInsight car(std::string chassis, double avg_speed, std::string track = "barber") {
  VehicleInsight insight;
  insight.track = std::move(track);
  insight.chassis = std::move(chassis);
  insight.avg_speed = avg_speed;
  insight.laps_until_half_second_loss = 50;
  insight.consistency = 95;
  return insight;
}

TEST(Insights, TireStressIsTheSumOfSquaresPerSectorAndInAll) {
  const auto f = figures({
      {.lap = 1, .sector = 1, .accx_can = 0.5, .accy_can = 1, .steering = -180},  // .25+1+.25
      {.lap = 2, .sector = 0, .accx_can = -1, .accy_can = 0, .steering = 360},    // 1+0+1
      {.lap = 2, .sector = 1, .accx_can = 0, .accy_can = -2, .steering = 0},      // 4
  });
  EXPECT_DOUBLE_EQ(f.lap_tire_stress, 7.5);
  EXPECT_THAT(f.sector_stress, ElementsAre(Pair(0, 2.0), Pair(1, 5.5)));
  EXPECT_EQ(f.lap, 2);
  EXPECT_EQ(f.point_count, 3u);
  EXPECT_EQ(f.track, "barber");
  EXPECT_EQ(f.chassis, "GR86-01");
}

TEST(Insights, AnAbsentFieldIsZeroInTireStressAndInNoAverage) {
  const auto f = figures({
      {.speed_kmh = 100, .accx_can = 1},
      {.accy_can = 2, .steering = -90, .pbrake_f = 10},
      {},
  });
  EXPECT_DOUBLE_EQ(f.lap_tire_stress, 1 + 4 + 0.0625);
  EXPECT_EQ(f.avg_speed, 100);
  EXPECT_EQ(f.avg_acceleration, 1);
  EXPECT_EQ(f.avg_braking, 10);
  EXPECT_EQ(f.avg_cornering, 90);
  EXPECT_EQ(f.point_count, 3u);
}

TEST(Insights, PredictedLossAndLapsFollowFromTheStress) {
  struct Case {
    double accx, loss, laps;
  };
  for (const auto& [accx, loss, laps] : std::vector<Case>{
           {0, 0, 50},               // no loss counts as 0.01
           {std::sqrt(5.0), 0, 50},  // 0.00025 rounds to 0
           {10, 0.005, 100},         // 100 x 0.00005
           {std::sqrt(2468.0), 0.123, 4.07},
           {100, 0.5, 1},  // 0.5 / 0.5
           {1000, 50, 1},  // never below one lap
       }) {
    const auto f = figures({{.accx_can = accx}});
    EXPECT_EQ(f.predicted_loss_per_lap_s, loss) << accx;
    EXPECT_EQ(f.laps_until_half_second_loss, laps) << accx;
  }
}

TEST(Insights, AveragesAndMaximaAreRoundedAsPromised) {
  const auto f = figures({
      {.speed_kmh = 100.111, .accx_can = 0.1234, .steering = -10.111, .pbrake_f = 1.111},
      {.speed_kmh = 200.222, .accx_can = -0.5678, .steering = 5.555, .pbrake_f = 2.226},
  });
  EXPECT_EQ(f.avg_speed, 150.17);  // 150.1665
  EXPECT_EQ(f.max_speed, 200.22);
  EXPECT_EQ(f.avg_acceleration, -0.222);  // -0.2222
  EXPECT_EQ(f.max_acceleration, 0.123);
  EXPECT_EQ(f.avg_braking, 1.67);  // 1.6685
  EXPECT_EQ(f.max_braking, 2.23);
  EXPECT_EQ(f.avg_cornering, 7.83);  // 7.833
  EXPECT_EQ(f.max_cornering, 10.11);
}

TEST(Insights, MaximaStartAtZero) {
  const auto f = figures({{.speed_kmh = -5, .accx_can = -0.5, .pbrake_f = -1}});
  EXPECT_EQ(f.max_speed, 0);
  EXPECT_EQ(f.max_acceleration, 0);
  EXPECT_EQ(f.max_braking, 0);
  EXPECT_EQ(f.avg_speed, -5);
}

TEST(Insights, NothingAtAllIsAllZero) {
  const auto f = figures({});
  EXPECT_EQ(f.point_count, 0u);
  EXPECT_EQ(f.avg_speed, 0);
  EXPECT_EQ(f.consistency, 0);
  EXPECT_EQ(f.trend, Trend::kStable);
  EXPECT_EQ(f.laps_until_half_second_loss, 50);
}

TEST(Insights, ConsistencyIsOneMinusDeviationOverMeanOfMovingSpeeds) {
  struct Case {
    std::vector<double> speeds;
    double percent;
  };
  for (const auto& [speeds, percent] : std::vector<Case>{
           {{}, 0},
           {{120}, 0},      // needs two points
           {{120, 0}, 0},   // standing does not count
           {{0, 0, 0}, 0},  // zero mean
           {{120, 120}, 100},
           {{90, 110}, 90},  // deviation 10 of 100
           {{90, 0, 110, -3}, 90},
           {{1, 1, 1, 97}, -66.28},   // deviation 41.569 of 25
           {{100, 101, 102}, 99.19},  // 0.816497 of 101
           {{90, Sample::kAbsent, 110}, 90},
       }) {
    EXPECT_EQ(figures(with_speeds(speeds)).consistency, percent) << testing::PrintToString(speeds);
  }
}

TEST(Insights, TrendComparesTheHalvesOfMoreThanTenPoints) {
  const auto halves = [](std::size_t first, double a, std::size_t second, double b) {
    std::vector<double> speeds(first, a);
    speeds.insert(speeds.end(), second, b);
    return figures(with_speeds(speeds)).trend;
  };
  EXPECT_EQ(halves(5, 100, 5, 150), Trend::kStable) << "ten points are too few";
  EXPECT_EQ(halves(5, 100, 6, 102.5), Trend::kImproving);
  EXPECT_EQ(halves(5, 100, 6, 97.5), Trend::kDegrading);
  EXPECT_EQ(halves(5, 100, 6, 102), Trend::kStable) << "a difference of 2 is not more than 2";
  EXPECT_EQ(halves(5, 100, 6, 98), Trend::kStable);
  EXPECT_EQ(halves(6, 100, 6, 103), Trend::kImproving);
  EXPECT_EQ(halves(6, Sample::kAbsent, 6, 103), Trend::kStable) << "half without speed";
}

TEST(Insights, TheTwoPartsOfARingAreOneSequence) {
  const std::vector<Sample> older = with_speeds({100, 100, 100, 100, 100, 100, 100});
  std::vector<Sample> newer = with_speeds({110, 110, 110, 110});
  newer.back().lap = 9;
  std::vector<Sample> all = older;
  all.insert(all.end(), newer.begin(), newer.end());
  const auto parts = analyse("t", "c", older, newer, {});
  const auto whole = analyse("t", "c", all, {}, {});
  EXPECT_EQ(parts.avg_speed, whole.avg_speed);
  EXPECT_EQ(parts.consistency, whole.consistency);
  EXPECT_EQ(parts.trend, Trend::kImproving);
  EXPECT_EQ(whole.trend, Trend::kImproving);
  EXPECT_EQ(parts.lap, 9);
  EXPECT_EQ(parts.point_count, 11u);
}

TEST(Insights, SectorTimesHaveThreeDecimals) {
  const auto f = analyse("t", "c", {}, {}, {{0, 31.23456}, {2, 30.0004}});
  EXPECT_THAT(f.sector_times_s, ElementsAre(Pair(0, 31.235), Pair(2, 30.0)));
}

TEST(Gaps, AreSharesOfSpeedFastestFirst) {
  const std::vector cars = {car("slow", 98), car("fast", 100), car("middle", 99.5)};
  const auto order = gaps(cars);
  ASSERT_EQ(order.size(), 3u);

  EXPECT_EQ(order[0].chassis, "fast");
  EXPECT_EQ(order[0].position, 1u);
  EXPECT_EQ(order[0].to_leader, 0);
  EXPECT_EQ(order[0].to_ahead, std::nullopt);
  EXPECT_EQ(order[0].to_behind, 0.5);
  EXPECT_EQ(order[0].relative_speed, 0);
  EXPECT_FALSE(order[0].overtaking_opportunity);
  EXPECT_TRUE(order[0].under_pressure);

  EXPECT_EQ(order[1].chassis, "middle");
  EXPECT_EQ(order[1].to_leader, 0.5);
  EXPECT_EQ(order[1].to_ahead, 0.5);
  EXPECT_EQ(order[1].to_behind, 1.51);  // 1.5 / 99.5
  EXPECT_EQ(order[1].relative_speed, -0.5);
  EXPECT_TRUE(order[1].overtaking_opportunity);
  EXPECT_FALSE(order[1].under_pressure);

  EXPECT_EQ(order[2].position, 3u);
  EXPECT_EQ(order[2].to_leader, 2);
  EXPECT_EQ(order[2].to_ahead, 1.53);
  EXPECT_EQ(order[2].to_behind, std::nullopt);
  EXPECT_EQ(order[2].relative_speed, -2);
}

TEST(Gaps, AreSharesOfTheCarsOwnSpeed) {
  const std::vector cars = {car("a", 100), car("b", 80)};
  const auto order = gaps(cars);
  EXPECT_EQ(order[0].to_behind, 20);
  EXPECT_EQ(order[1].to_ahead, 25);
  // 0.995% of its own speed, over 1% of the other's.
  const std::vector close = {car("a", 100), car("b", 99.005)};
  EXPECT_TRUE(gaps(close)[0].under_pressure);
}

TEST(Gaps, EqualSpeedsAreOrderedByChassisAndThreatenNobody) {
  const std::vector cars = {car("b", 100), car("a", 100)};
  const auto order = gaps(cars);
  EXPECT_EQ(order[0].chassis, "a");
  EXPECT_EQ(order[1].to_ahead, 0);
  EXPECT_FALSE(order[1].overtaking_opportunity);
  EXPECT_FALSE(order[0].under_pressure);
}

TEST(Gaps, EachTrackHasItsOwnLeader) {
  const std::vector cars = {car("a", 100, "sebring"), car("b", 150, "barber"),
                            car("c", 90, "sebring")};
  const auto order = gaps(cars);
  ASSERT_EQ(order.size(), 3u);
  EXPECT_EQ(order[0].chassis, "b");
  EXPECT_EQ(order[0].to_behind, std::nullopt);
  EXPECT_EQ(order[1].chassis, "a");
  EXPECT_EQ(order[1].position, 1u);
  EXPECT_EQ(order[1].to_ahead, std::nullopt);
  EXPECT_EQ(order[2].position, 2u);
  EXPECT_EQ(order[2].to_leader, 10);
}

TEST(Gaps, StandingCarsDivideNothingByZero) {
  const std::vector cars = {car("moving", 100), car("x", 0), car("y", 0)};
  const auto order = gaps(cars);
  EXPECT_EQ(order[0].to_behind, 100);
  EXPECT_EQ(order[1].to_behind, std::nullopt);
  EXPECT_EQ(order[1].to_leader, 100);
  EXPECT_EQ(order[1].to_ahead, std::nullopt);
  EXPECT_FALSE(order[1].overtaking_opportunity);
  const std::vector parked = {car("x", 0)};
  EXPECT_EQ(gaps(parked)[0].to_leader, 0);
}

TEST(Notices, TireWearGrowsUrgentWithFewerLaps) {
  struct Case {
    double laps;
    std::optional<Severity> severity;
  };
  for (const auto& [laps, severity] : std::vector<Case>{{1, Severity::kCritical},
                                                        {1.99, Severity::kCritical},
                                                        {2, Severity::kHigh},
                                                        {4.99, Severity::kHigh},
                                                        {5, Severity::kMedium},
                                                        {9.99, Severity::kMedium},
                                                        {10, std::nullopt}}) {
    auto one = car("c", 100);
    one.laps_until_half_second_loss = laps;
    const auto list = notices(std::vector{one}, {}, {5'000'000'000});
    ASSERT_EQ(list.size(), severity ? 1u : 0u) << laps;
    if (!severity) continue;
    EXPECT_EQ(list[0].type, "tire_wear");
    EXPECT_EQ(list[0].severity, *severity) << laps;
    EXPECT_EQ(list[0].chassis, "c");
    EXPECT_EQ(list[0].timestamp_ms, 5'000);
    EXPECT_EQ(std::get<double>(list[0].data.second), laps);
  }
}

TEST(Notices, PerformanceIsTrendAndConsistency) {
  auto one = car("c", 100);
  one.trend = Trend::kDegrading;
  one.consistency = 79.99;
  const auto list = notices(std::vector{one}, {}, {});
  ASSERT_EQ(list.size(), 2u);
  EXPECT_EQ(list[0].type, "performance");
  EXPECT_EQ(list[0].severity, Severity::kMedium);
  EXPECT_EQ(list[1].type, "performance");
  EXPECT_EQ(list[1].severity, Severity::kLow);

  one.trend = Trend::kImproving;
  one.consistency = 80;
  EXPECT_TRUE(notices(std::vector{one}, {}, {}).empty());
}

TEST(Notices, IntervalsTellOpportunityAndPressure) {
  const std::vector<Interval> intervals = {
      {.track = "t", .chassis = "a", .ahead_s = {}, .behind_s = 0.8},
      {.track = "t", .chassis = "b", .ahead_s = 0.8, .behind_s = 1.0},
      {.track = "t", .chassis = "c", .ahead_s = 1.0, .behind_s = {}}};
  const auto list = notices({}, intervals, {});
  ASSERT_EQ(list.size(), 2u);
  EXPECT_EQ(list[0].type, "gap_analysis");
  EXPECT_EQ(list[0].chassis, "a");
  EXPECT_EQ(list[0].severity, Severity::kMedium);
  EXPECT_EQ(list[0].data.first, "gap_behind_s");
  EXPECT_EQ(list[1].chassis, "b");
  EXPECT_EQ(list[1].severity, Severity::kLow);
  EXPECT_EQ(std::get<double>(list[1].data.second), 0.8);
}

}  // namespace
}  // namespace slipstream
