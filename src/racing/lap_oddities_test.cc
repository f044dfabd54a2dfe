#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "racing/even_laps.h"

// What sources send that is not in order: numbers, clocks, sessions, silences and noise.
namespace slipstream::lap_testing {
namespace {

class LapOdditiesTest : public EvenLapsTest {};

TEST_F(LapOdditiesTest, OnePointOfAnotherNumberIsOfTheLapThatIsDriven) {
  for (const int glitch : {0, 1, 3, 32'767}) {
    SCOPED_TRACE(glitch);
    LapObserver one(schema.fields(), nullptr, counts);
    auto points = even_points(0, 75);
    for (const std::size_t at : {500U, 700U, 900U, 901U}) {
      points[at].lap = static_cast<std::int16_t>(glitch);
    }
    Kept told;
    one.observe(told_batch(schema.fields(), points));
    told.take(one, true);
    EXPECT_EQ(told.activities.size(), 1U);
    EXPECT_EQ(told.activities.begin()->second.points, points.size());
    EXPECT_EQ(told.laps.size(), 5U);
    for (const int number : {2, 3}) {
      EXPECT_NEAR(told.lap(number)->lap_time_s.value_or(0), 20, 1e-6) << number;
      EXPECT_EQ(told.lap(number)->points, 500U) << number;
    }
  }
}

TEST_F(LapOdditiesTest, PointsThatTellNoLapAreOfTheLapThatIsDriven) {
  for (const std::size_t phase : {0U, 10U}) {
    SCOPED_TRACE(phase);
    LapObserver one(schema.fields(), nullptr, counts);
    auto points = even_points(0, 75);
    for (std::size_t i = phase; i < points.size(); i += 50) points[i].lap = 0;
    for (std::size_t i = 300; i < 400; ++i) points[i].lap = 0;
    Kept told;
    one.observe(told_batch(schema.fields(), points));
    told.take(one, true);
    EXPECT_EQ(told.activities.size(), 1U);
    EXPECT_EQ(told.laps.size(), 5U);
    EXPECT_NEAR(told.lap(2)->lap_time_s.value_or(0), 20, 1e-6);
    EXPECT_NEAR(told.lap(3)->lap_time_s.value_or(0), 20, 1e-6);
  }
}

TEST_F(LapOdditiesTest, ASourceThatCountsFromZeroBeginsAnewWithZero) {
  auto points = even_points(0, 31);
  for (Told& point : points) --point.lap;
  auto again = points;
  for (Told& point : again) {
    point.ns += 40 * kNsPerSecond;
    *point.sequence += 2'000;
  }
  give(points);
  give(again);
  checkpoint();
  ASSERT_EQ(kept.activities.size(), 2U);
  EXPECT_EQ(kept.activities.rbegin()->second.points, 775U);
}

TEST_F(LapOdditiesTest, RecordingsOfTwoDaysMayComeInterleavedInAnyOrder) {
  std::mt19937 random(8);
  for (int run = 0; run < 20; ++run) {
    SCOPED_TRACE(run);
    const auto today = even_points(0, 75);
    auto yesterday = today;
    for (Told& point : yesterday) {
      point.arrival_ns = point.ns;
      point.ns -= 86'400 * kNsPerSecond;
    }
    LapObserver one(schema.fields(), nullptr, counts);
    Kept told;
    std::size_t at[] = {0, 0};
    while (at[0] < today.size() || at[1] < today.size()) {
      const std::size_t which = random() % 2;
      const auto& from = which == 0 ? today : yesterday;
      const std::size_t end = std::min(from.size(), at[which] + 1 + random() % 100);
      one.observe(
          told_batch(schema.fields(), {from.begin() + static_cast<std::ptrdiff_t>(at[which]),
                                       from.begin() + static_cast<std::ptrdiff_t>(end)}));
      at[which] = end;
    }
    told.take(one, true);
    ASSERT_EQ(told.activities.size(), 2U);
    for (const auto& [key, activity] : told.activities) EXPECT_EQ(activity.points, today.size());
    int timed = 0;
    for (const auto& [name, lap] : told.laps) timed += lap.lap_time_s ? 1 : 0;
    EXPECT_EQ(timed, 6);
  }
  EXPECT_EQ(counts.late.value(), 0U);
}

TEST_F(LapOdditiesTest, ItDoesNotMatterForAnActivityInWhichOrderItsPointsCome) {
  const auto all = even_points(0, 40);
  std::mt19937 random(2);
  std::vector<std::size_t> bodies(20);
  for (std::size_t i = 0; i < bodies.size(); ++i) bodies[i] = i;
  std::ranges::shuffle(bodies, random);
  for (const std::size_t body : bodies) {
    const auto begin = all.begin() + static_cast<std::ptrdiff_t>(body * 50);
    give({begin, begin + 50});
  }
  checkpoint();
  ASSERT_EQ(kept.activities.size(), 1U);
  const Activity& activity = kept.activities.begin()->second;
  EXPECT_EQ(activity.began.ns, all.front().ns);
  EXPECT_EQ(activity.ended.ns, all.back().ns);
  EXPECT_EQ(activity.points, all.size());
}

TEST_F(LapOdditiesTest, TwoSourcesOfOneNameMakeNoActivityOfEachPoint) {
  auto points = even_points(0, 60);
  for (std::size_t i = 0; i < points.size(); ++i) {
    points[i].sequence.reset();
    if (i % 2 == 0) continue;
    points[i].lap = static_cast<std::int16_t>(points[i].lap + 40);
    points[i].lapdist_m = std::fmod(points[i].lapdist_m + 400, kLengthM);
  }
  give(points);
  checkpoint();
  EXPECT_LE(kept.activities.size(), 2U);
  EXPECT_LE(kept.laps.size(), 8U);
  for (const auto& [name, lap] : kept.laps) EXPECT_FALSE(lap.is_complete) << lap.lap;
}

TEST_F(LapOdditiesTest, ASourceThatNamesEachPointsSessionAnewIsBounded) {
  auto points = even_points(0, 80);
  for (std::size_t i = 0; i < points.size(); ++i) points[i].session = "s" + std::to_string(i);
  give(points);
  checkpoint();
  EXPECT_LE(kept.activities.size(), 40U);
  EXPECT_GT(counts.ambiguous.value(), 1'900U);
}

TEST_F(LapOdditiesTest, ANumberNamesASessionAsWell) {
  PointBatch batch = told_batch(schema.fields(), even_points(0, 5));
  const FieldId session = *schema.fields().intern("session");
  const std::string_view spelled = R"({"session": 12})";
  for (Point& point : batch.points) {
    point.json = {static_cast<std::uint32_t>(batch.text.size()),
                  static_cast<std::uint32_t>(spelled.size())};
    batch.text += spelled;
    const std::vector<Value> values(batch.values_begin(point), batch.values_end(point));
    batch.values.insert(batch.values.end(), values.begin(), values.end());
    point.first_value = static_cast<std::uint32_t>(batch.values.size()) - point.value_count++;
    batch.values.push_back({12, session});
  }
  observer.observe(batch);
  checkpoint();
  ASSERT_EQ(kept.activities.size(), 1U);
  EXPECT_EQ(kept.activities.begin()->first.source_session, "12");
}

TEST_F(LapOdditiesTest, SourcesThatTakeTurnsAreEachInTheirOwnSession) {
  auto points = even_points(0, 75);
  for (std::size_t i = 0; i < points.size(); ++i) {
    points[i].session = i % 2 == 0 ? "even" : "odd";
    points[i].sequence.reset();
  }
  give(points);
  checkpoint();
  ASSERT_EQ(kept.activities.size(), 2U);
  EXPECT_EQ(kept.laps.size(), 10U);
  for (const auto& [name, lap] : kept.laps) {
    if (lap.lap == 2 || lap.lap == 3) {
      EXPECT_NEAR(lap.lap_time_s.value_or(0), 20, 1e-6);
    }
  }
}

TEST_F(LapOdditiesTest, PointsThatAreSwappedAtTheLineMakeNoLapAndNoTimeThatIsWrong) {
  for (const bool has_number : {true, false}) {
    SCOPED_TRACE(has_number);
    LapObserver one(schema.fields(), nullptr, counts);
    auto points = even_points(0, 95);
    for (Told& point : points) {
      if (!has_number) point.lap = 0;
      point.lapdist_m += 0.4;
    }
    std::swap(points[1'249].lapdist_m, points[1'250].lapdist_m);
    Kept told;
    one.observe(told_batch(schema.fields(), points));
    told.take(one, true);
    const int first = has_number ? 1 : 0;
    EXPECT_EQ(told.laps.size(), 6U);
    for (int number = first; number < first + 6; ++number) {
      ASSERT_NE(told.lap(number), nullptr) << number;
      if (told.lap(number)->lap_time_s) {
        EXPECT_NEAR(*told.lap(number)->lap_time_s, 20, 0.001) << number;
      }
    }
    EXPECT_TRUE(told.lap(first + 1)->is_complete);
    EXPECT_FALSE(told.lap(first + 2)->is_complete);
    EXPECT_FALSE(told.lap(first + 3)->is_complete);
    EXPECT_TRUE(told.lap(first + 4)->is_complete);
  }
}

TEST_F(LapOdditiesTest, NoiseOfMetresMakesNoLapAndNoTimeThatIsWrong) {
  std::mt19937 random(4);
  for (int run = 0; run < 100; ++run) {
    SCOPED_TRACE(run);
    LapObserver one(schema.fields(), nullptr, counts);
    auto points = even_points(0, 95);
    for (Told& point : points) {
      if (run % 2 == 0) point.lap = 0;
      point.lapdist_m += std::uniform_real_distribution(-3.0, 3.0)(random) + kLengthM;
      point.lapdist_m = std::fmod(point.lapdist_m, kLengthM);
    }
    Kept told;
    one.observe(told_batch(schema.fields(), points));
    told.take(one, true);
    EXPECT_EQ(told.laps.size(), 6U);
    for (const auto& [name, lap] : told.laps) {
      if (lap.lap_time_s) {
        EXPECT_NEAR(*lap.lap_time_s, 20, 0.01) << lap.lap;
      }
    }
  }
}

TEST_F(LapOdditiesTest, ASilenceThatMayHideTheLineLeavesNoTime) {
  auto points = even_points(0, 115);
  for (Told& point : points) {
    point.lap = 0;
    point.sequence.reset();
  }
  // From the middle of a lap to behind that of the next one.
  points.erase(points.begin() + 1'000, points.begin() + 1'510);
  give(points);
  checkpoint();
  int timed = 0;
  for (const auto& [name, lap] : kept.laps) {
    if (!lap.lap_time_s) continue;
    EXPECT_NEAR(*lap.lap_time_s, 20, 1e-3) << lap.lap;
    ++timed;
  }
  EXPECT_EQ(timed, 3);
}

TEST_F(LapOdditiesTest, AClockThatIsSetWithinALapLeavesNoTime) {
  for (const double seconds : {-2.0, 2.0}) {
    SCOPED_TRACE(seconds);
    LapObserver one(schema.fields(), nullptr, counts);
    auto points = even_points(0, 95);
    for (std::size_t i = 1'000; i < points.size(); ++i) {
      points[i].ns += std::llround(seconds * 1e9);
    }
    Kept told;
    one.observe(told_batch(schema.fields(), points));
    told.take(one, true);
    EXPECT_EQ(told.laps.size(), 6U);
    EXPECT_FALSE(told.lap(3)->is_complete);
    for (const int number : {2, 4, 5}) {
      EXPECT_NEAR(told.lap(number)->lap_time_s.value_or(0), 20, 1e-6) << number;
    }
  }
}

TEST_F(LapOdditiesTest, WhatIsMissingAcrossTheLineIsSharedByTheWay) {
  for (const bool has_ids : {true, false}) {
    SCOPED_TRACE(has_ids);
    LapObserver one(schema.fields(), nullptr, counts);
    auto points = even_points(0, 75);
    if (!has_ids) {
      for (Told& point : points) point.sequence.reset();
    }
    // The line is at 1'250: a hundred before it are missing, and three hundred behind it.
    points.erase(points.begin() + 1'150, points.begin() + 1'550);
    Kept told;
    one.observe(told_batch(schema.fields(), points));
    told.take(one, true);
    EXPECT_NEAR(static_cast<double>(told.lap(3)->missing), 100, 1);
    EXPECT_NEAR(static_cast<double>(told.lap(4)->missing), 300, 1);
  }
}

TEST_F(LapOdditiesTest, AGamesPauseIsNoLossOfPoints) {
  for (const bool has_ids : {true, false}) {
    for (const bool is_pause : {true, false}) {
      SCOPED_TRACE(testing::Message() << has_ids << is_pause);
      LapObserver one(schema.fields(), nullptr, counts);
      auto points = even_points(0, 35);
      for (std::size_t i = 0; i < points.size(); ++i) {
        const double silent_s = i < 500 ? 0 : 20;
        points[i].more = {{"lap_time_s", points[i].lapdist_m / kMps + (is_pause ? 0 : silent_s)}};
        points[i].ns += std::llround(silent_s * 1e9);
        if (has_ids) {
          *points[i].sequence += i < 500 ? 0 : 500;
        } else {
          points[i].sequence.reset();
        }
      }
      Kept told;
      one.observe(told_batch(schema.fields(), points));
      told.take(one, true);
      EXPECT_NEAR(static_cast<double>(told.lap(2)->missing), is_pause ? 0 : 500, 1);
      EXPECT_EQ(told.lap(2)->points, 500U);
      EXPECT_EQ(told.lap(2)->is_complete, !is_pause) << "the points' clock went on";
    }
  }
}

TEST_F(LapOdditiesTest, BehindTheLastLapOfARaceNoneIsBegun) {
  auto points = even_points(0, 75);
  for (Told& point : points) point.more = {{"total_laps", 3}};
  give(points);
  checkpoint();
  EXPECT_EQ(kept.laps.size(), 3U);
  EXPECT_TRUE(kept.lap(3)->is_complete);
  EXPECT_NEAR(*kept.lap(3)->lap_time_s, 20, 1e-6);
}

}  // namespace
}  // namespace slipstream::lap_testing
