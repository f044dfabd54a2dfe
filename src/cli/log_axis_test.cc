#include "cli/log_axis.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <memory>

namespace slipstream {
namespace {

using testing::DoubleNear;
using testing::ElementsAre;
using testing::Pointwise;

constexpr std::int64_t kBegin = 1'757'000'000;

EventTime at_s(double seconds) {
  return {kBegin * kNsPerSecond + std::llround(seconds * 1e9)};
}

StoredLap lap_from(std::int32_t number, double began_s, double ended_s) {
  StoredLap stored;
  Lap lap{.activity = {.track = "spa", .chassis = "A"},
          .lap = number,
          .revision = 1,
          .began = at_s(began_s),
          .ended = at_s(ended_s),
          .begun_here = true,
          .is_complete = true,
          .lap_time_s = ended_s - began_s};
  stored.lap = std::make_shared<const Lap>(std::move(lap));
  return stored;
}
template <typename Change>
StoredLap changed(const StoredLap& stored, Change change) {
  StoredLap other = stored;
  Lap lap = *stored.lap;
  change(lap);
  other.lap = std::make_shared<const Lap>(std::move(lap));
  return other;
}

MachinePoints points_at(const std::vector<double>& times, const std::vector<double>& session = {}) {
  MachinePoints points;
  for (const double time : times) points.times.push_back(at_s(time));
  if (!session.empty()) points.columns.push_back({.name = "session_time_s", .values = session});
  return points;
}

LogAxis axis_of(const MachinePoints& points, const std::vector<StoredLap>& laps) {
  return make_log_axis(points, laps, "session_time_s");
}

TEST(LogAxis, WithoutLapsItIsTheTimeSinceTheFirstPoint) {
  const auto axis = axis_of(points_at({5, 6, 8}), {});
  EXPECT_EQ(axis.began, at_s(5));
  EXPECT_THAT(axis.seconds, ElementsAre(0, 1, 3));
  EXPECT_EQ(axis.duration_s, 3);
}

TEST(LogAxis, LapsAreWhereTheyWereDriven) {
  const auto axis =
      axis_of(points_at({1, 11, 15, 21, 29, 32}), {lap_from(1, 10, 20), lap_from(2, 20, 30)});
  EXPECT_THAT(axis.seconds, ElementsAre(0, 10, 14, 20, 28, 31));
  ASSERT_EQ(axis.laps.size(), 2u);
  EXPECT_EQ(axis.laps[0].from_s, 9);
  EXPECT_EQ(axis.laps[0].to_s, 19);
  EXPECT_EQ(axis.laps[1].from_s, 19);
  EXPECT_EQ(axis.laps[1].to_s, 29);
  EXPECT_EQ(axis.duration_s, 31);
}

TEST(LogAxis, WhatWasTakenBackTakesNone) {
  // 12 to 15 did not happen: at 15 the session's time is 112 once more.
  const auto rewound = changed(lap_from(1, 10, 23), [](Lap& lap) {
    lap.is_rewound = true;
    lap.lap_time_s = 10;
  });
  const auto axis = axis_of(points_at({10, 11, 15, 16, 23, 24}, {110, 111, 112, 113, 120, 121}),
                            {rewound, lap_from(2, 23, 33)});
  EXPECT_THAT(axis.seconds, Pointwise(DoubleNear(1e-9), {0.0, 1.0, 2.0, 3.0, 10.0, 11.0}));
  EXPECT_NEAR(axis.laps[0].to_s, 10, 1e-9);
  EXPECT_NEAR(axis.laps[1].from_s, 10, 1e-9);
  EXPECT_NEAR(axis.duration_s, 20, 1e-9);
}

TEST(LogAxis, ALapLastsWhatTheSourceSaysUnlessItsPointsSayOtherwise) {
  const auto official = changed(lap_from(1, 0, 10), [](Lap& lap) { lap.lap_time_s = 9.98; });
  const auto axis = axis_of(points_at({0, 5, 9.99, 11}), {official, lap_from(2, 10, 20)});
  EXPECT_EQ(axis.laps[0].to_s, 9.98);
  EXPECT_THAT(axis.seconds, Pointwise(DoubleNear(1e-9), {0.0, 5.0, 9.98, 10.98}));
  const auto paused = changed(lap_from(2, 10, 20), [](Lap& lap) { lap.lap_time_s = 4; });
  const auto other = axis_of(points_at({0, 5, 19}), {lap_from(1, 0, 10), paused});
  EXPECT_EQ(other.laps[1].from_s, 10);
  EXPECT_EQ(other.laps[1].to_s, 20);
}

TEST(LogAxis, TheFirstLapBeginsBehindTheWaitOnTheGrid) {
  const auto from_grid = changed(lap_from(1, 0, 10), [](Lap& lap) { lap.lap_time_s = 7.5; });
  const auto axis = axis_of(points_at({0, 5, 9, 11}), {from_grid, lap_from(2, 10, 20)});
  EXPECT_EQ(axis.laps[0].from_s, 2.5);
  EXPECT_EQ(axis.laps[0].to_s, 10);
  EXPECT_THAT(axis.seconds, ElementsAre(0, 5, 9, 11));
}

TEST(LogAxis, OfOneThatIsNotCompleteNeitherEndNorTimeIsTold) {
  const auto driven = changed(lap_from(2, 10, 15), [](Lap& lap) {
    lap.revision = 0;
    lap.is_complete = false;
    lap.lap_time_s.reset();
  });
  const auto cut = changed(lap_from(1, 0, 10), [](Lap& lap) { lap.is_valid = false; });
  const auto axis = axis_of(points_at({0, 10.5, 15, 17}), {cut, driven});
  EXPECT_TRUE(axis.laps[0].ends_at_line);
  EXPECT_EQ(axis.laps[0].lap_time_s, std::nullopt) << "it does not count";
  EXPECT_TRUE(axis.laps[1].begins_at_line);
  EXPECT_FALSE(axis.laps[1].ends_at_line);
  EXPECT_EQ(axis.laps[1].lap_time_s, std::nullopt);
  EXPECT_THAT(axis.seconds, ElementsAre(0, 10.5, 15, 17));
}

}  // namespace
}  // namespace slipstream
