#include "racing/car_times.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace slipstream {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Optional;
using ::testing::Pair;

using Sectors = std::vector<std::optional<double>>;

TimedLap driven(std::int32_t lap, double seconds, Sectors sectors = {}) {
  return {.lap = lap, .lap_time_s = seconds, .sector_times_s = std::move(sectors)};
}
TimedLap untimed(std::int32_t lap) {
  return {.lap = lap, .sector_times_s = Sectors(3)};
}
TimedLap running(std::int32_t lap, Sectors sectors = {}) {
  return {.lap = lap, .is_running = true, .sector_times_s = std::move(sectors)};
}

TEST(NewestSectorTimes, AreOfTheRunningLapAndOfTheOneBefore) {
  EXPECT_THAT(newest_sector_times({driven(1, 90, {30, 31, 29}), running(2, {28.5, std::nullopt})}),
              ElementsAre(Pair(0, 28.5), Pair(1, 31), Pair(2, 29)));
  EXPECT_THAT(newest_sector_times({driven(1, 90, {30, 31, 29}), running(2)}),
              ElementsAre(Pair(0, 30), Pair(1, 31), Pair(2, 29)));
  EXPECT_THAT(newest_sector_times({driven(1, 90, {30, 31, 29}), driven(2, 80, {25, 26, 27})}),
              ElementsAre(Pair(0, 25), Pair(1, 26), Pair(2, 27)))
      << "it has seen the flag";
}

TEST(NewestSectorTimes, AreNoneWhereTheNewestIsNotKnown) {
  EXPECT_THAT(newest_sector_times({}), IsEmpty());
  EXPECT_THAT(newest_sector_times(
                  {driven(1, 90, {30, 31, 29}), running(2, {std::nullopt, 25.5, std::nullopt})}),
              ElementsAre(Pair(1, 25.5), Pair(2, 29)))
      << "this lap is beyond sector 0: the older time is no news";
  EXPECT_THAT(newest_sector_times({untimed(2), running(3)}), IsEmpty());
  EXPECT_THAT(newest_sector_times({driven(1, 90, {30, 31, 29}), running(3)}), IsEmpty())
      << "nobody saw lap 2";
}

class CarTimesTest : public ::testing::Test {
 protected:
  void tell(std::vector<TimedLap> laps, std::int64_t activity = 1) {
    times_.take({.activity = {activity}, .laps = std::move(laps)});
  }
  CarTimes times_;
};

TEST_F(CarTimesTest, BestsAreOfAllLapsThatCount) {
  tell({driven(1, 95, {30, 35, 30}), driven(2, 90, {31, 29, 30})});
  TimedLap cut = driven(3, 60, {20, 20, 20});
  cut.is_valid = false;
  tell({driven(2, 90, {31, 29, 30}), cut, untimed(4), running(5, {29.5, std::nullopt})});
  EXPECT_THAT(times_.best_lap_s(), Optional(90.0));
  EXPECT_THAT(times_.best_sectors_s(), ElementsAre(Pair(0, 29.5), Pair(1, 29), Pair(2, 30)));
  EXPECT_EQ(times_.last_lap_s(), std::nullopt) << "lap 4 has no time, and lap 3 is not the last";
}

TEST_F(CarTimesTest, WhatIsToldLastOfALapHolds) {
  tell({driven(1, 90, {30, 30, 30}), running(2, {28, std::nullopt})});
  EXPECT_THAT(times_.last_lap_s(), Optional(90.0));
  EXPECT_THAT(times_.sector_times_s(), ElementsAre(Pair(0, 28), Pair(1, 30), Pair(2, 30)));
  tell({driven(1, 89.5, {30, 30, 29.5}), untimed(2), running(3)});
  EXPECT_THAT(times_.best_lap_s(), Optional(89.5));
  EXPECT_THAT(times_.best_sectors_s(), ElementsAre(Pair(0, 30), Pair(1, 30), Pair(2, 29.5)));
  EXPECT_THAT(times_.sector_times_s(), IsEmpty());
}

TEST_F(CarTimesTest, ALapThatIsNotThereAnyMoreWasTakenBack) {
  tell({driven(1, 90), driven(2, 80), running(3)});
  tell({driven(1, 90), running(2)});
  EXPECT_THAT(times_.best_lap_s(), Optional(90.0));
  EXPECT_THAT(times_.last_lap_s(), Optional(90.0));
  tell({});
  EXPECT_EQ(times_.best_lap_s(), std::nullopt);
}

TEST_F(CarTimesTest, AnotherActivityBeginsAnew) {
  tell({driven(1, 90), running(2)});
  tell({running(2)}, 2);
  EXPECT_EQ(times_.best_lap_s(), std::nullopt);
  EXPECT_EQ(times_.last_lap_s(), std::nullopt);
}

TEST_F(CarTimesTest, OldLapsAreLetGo) {
  for (int lap = 1; lap <= static_cast<int>(CarTimes::kMostLaps) + 2; ++lap) {
    tell({driven(lap, lap), running(lap + 1)});
  }
  EXPECT_THAT(times_.best_lap_s(), Optional(4.0)) << "with the running one that many are kept";
}

}  // namespace
}  // namespace slipstream
