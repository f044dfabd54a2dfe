#include "racing/lap_observer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "racing/lap_testing.h"

namespace slipstream::lap_testing {
namespace {

constexpr std::int64_t kStartNs = 1'760'000'000 * kNsPerSecond;
constexpr double kLengthM = 1'000;
constexpr double kMps = 50;  // twenty seconds a lap

std::int64_t at_s(double seconds) {
  return kStartNs + std::llround(seconds * 1e9);
}

/// A car that drives evenly; lap 1 is joined in its middle.
Told even_point(double seconds, const std::string& chassis = "car") {
  const double metres = kLengthM / 2 + kMps * seconds;
  const double laps = std::floor(metres / kLengthM);
  return {.ns = at_s(seconds),
          .lap = static_cast<std::int16_t>(1 + laps),
          .lapdist_m = metres - laps * kLengthM,
          .speed_kmh = kMps * 3.6,
          .sector = 0,
          .sequence = static_cast<std::uint64_t>(std::llround(seconds * 25)) + 1,
          .chassis = chassis};
}

std::vector<Told> even_points(double from_s, double to_s, const std::string& chassis = "car") {
  std::vector<Told> points;
  for (int i = static_cast<int>(std::lround(from_s * 25)); i < std::lround(to_s * 25); ++i) {
    points.push_back(even_point(i / 25.0, chassis));
  }
  return points;
}

class LapObserverTest : public testing::Test {
 protected:
  void give(const std::vector<Told>& points) {
    observer.observe(told_batch(schema.fields(), points));
    kept.take(observer, false);
  }
  void checkpoint() { kept.take(observer, true); }

  Schema schema;
  LapCounts counts;
  LapObserver observer{schema.fields(), nullptr, counts};
  Kept kept;
};

TEST_F(LapObserverTest, ALapIsToldWhenTheNextBegins) {
  give(even_points(0, 29));
  ASSERT_NE(kept.lap(1), nullptr);
  EXPECT_FALSE(kept.lap(1)->is_complete) << "nobody saw it begin";
  EXPECT_EQ(kept.lap(2), nullptr);
  checkpoint();
  ASSERT_NE(kept.lap(2), nullptr);
  EXPECT_EQ(kept.lap(2)->revision, 0U);
  give(even_points(29, 31));
  const Lap& lap = *kept.lap(2);
  EXPECT_EQ(lap.revision, 1U);
  EXPECT_TRUE(lap.is_complete);
  EXPECT_NEAR(*lap.lap_time_s, 20, 1e-6);
  EXPECT_EQ(lap.points, 500U);
  EXPECT_EQ(lap.missing, 0U);
  EXPECT_NEAR(lap.longest_gap_s, 0.04, 1e-9);
  EXPECT_NEAR(*lap.max_speed_kmh, 180, 1e-9);
  EXPECT_EQ(lap.channels, (std::vector<std::string>{"lapdist_m", "speed_kmh"}));
}

TEST_F(LapObserverTest, APointThatComesLateChangesItsLapAndFillsItsHole) {
  auto points = even_points(0, 31);
  const Told late = points[300];
  points.erase(points.begin() + 300);
  give(points);
  EXPECT_EQ(kept.lap(2)->missing, 1U);
  EXPECT_NEAR(kept.lap(2)->longest_gap_s, 0.08, 1e-9);
  give({late});
  EXPECT_EQ(kept.lap(2)->missing, 0U);
  EXPECT_EQ(kept.lap(2)->points, 500U);
  EXPECT_NEAR(kept.lap(2)->longest_gap_s, 0.04, 1e-9);
  EXPECT_EQ(kept.lap(2)->revision, 2U);
  give({late});
  EXPECT_EQ(kept.lap(2)->duplicates, 1U);
  EXPECT_EQ(kept.lap(2)->revision, 3U);
}

TEST_F(LapObserverTest, APointThatComesAMinuteBehindTheEndOfItsLapIsCountedAndTheLapStays) {
  auto points = even_points(0, 91);
  const Told late = points[300];
  points.erase(points.begin() + 300);
  give(points);
  give({late});
  EXPECT_EQ(kept.lap(2)->missing, 1U);
  EXPECT_EQ(kept.lap(2)->revision, 1U);
  EXPECT_EQ(counts.late.value(), 1U);
}

TEST_F(LapObserverTest, WhatWasHeldUpForMinutesIsCountedAndTheLapsStay) {
  const auto all = even_points(0, 200);
  give({all.begin(), all.begin() + 500});
  give({all.begin() + 2'000, all.begin() + 4'000});
  checkpoint();
  const std::string before = text_of(*kept.lap(9));
  std::vector<Told> held_up(all.begin() + 500, all.begin() + 1'500);
  for (std::size_t i = 0; i < held_up.size(); ++i) {
    held_up[i].arrival_ns = at_s(160) + static_cast<std::int64_t>(i) * kNsPerMs;
  }
  give(held_up);
  checkpoint();
  EXPECT_EQ(kept.activities.size(), 1U);
  EXPECT_EQ(text_of(*kept.lap(9)), before);
  EXPECT_EQ(counts.late.value(), 1'000U);
}

TEST_F(LapObserverTest, AClockThatWasSetBackBeginsAnotherActivity) {
  give(even_points(0, 60));
  auto set_back = even_points(0, 60);
  for (Told& point : set_back) {
    point.arrival_ns = point.ns + 60 * kNsPerSecond;
    point.ns -= 3'600 * kNsPerSecond;
    *point.sequence += 1;
  }
  give(set_back);
  checkpoint();
  ASSERT_EQ(kept.activities.size(), 2U);
  EXPECT_GT(kept.activities.begin()->second.points, 1'000U);
}

TEST_F(LapObserverTest, APointThatCameLateAtTheLineMovesTheCrossingToWhereItIs) {
  auto points = even_points(0, 31);
  // A second and more before the line of lap 3: it is not timed until one of them comes.
  const std::vector<Told> lost(points.begin() + 728, points.begin() + 756);
  points.erase(points.begin() + 728, points.begin() + 756);
  give(points);
  EXPECT_FALSE(kept.lap(2)->is_complete);
  give({lost[20], lost[23]});
  EXPECT_TRUE(kept.lap(2)->is_complete);
  EXPECT_NEAR(*kept.lap(2)->lap_time_s, 20, 1e-6);
}

TEST_F(LapObserverTest, ASilenceOfTheGapEndsAnActivity) {
  give(even_points(0, 15));
  auto later = even_points(15, 20);
  for (Told& point : later) point.ns += 601 * kNsPerSecond;
  give(later);
  checkpoint();
  ASSERT_EQ(kept.activities.size(), 2U);
  const auto& [key, first] = *kept.activities.begin();
  EXPECT_EQ(first.points, 375U);
  EXPECT_EQ(first.ended.ns, at_s(14.96));
  EXPECT_FALSE(kept.activities.rbegin()->second.begins_anew);
}

TEST_F(LapObserverTest, TheLogsClockEndsTheActivityOfAMachineThatSendsNothingMore) {
  give(even_points(0, 15));
  observer.observe_time({at_s(15 + 590)});
  kept.take(observer, false);
  EXPECT_EQ(kept.lap(2), nullptr);
  observer.observe_time({at_s(15 + 601)});
  kept.take(observer, false);
  ASSERT_NE(kept.lap(2), nullptr);
  EXPECT_EQ(kept.lap(2)->revision, 1U);
  EXPECT_FALSE(kept.lap(2)->is_complete);
}

TEST_F(LapObserverTest, AGamesPauseIsNoEndOfItsSession) {
  auto points = even_points(0, 15);
  auto later = even_points(15, 31);
  for (Told& point : later) point.ns += 700 * kNsPerSecond;
  for (auto* const some : {&points, &later}) {
    for (Told& point : *some) point.session = "4711";
  }
  give(points);
  observer.observe_time({at_s(800)});
  give(later);
  checkpoint();
  EXPECT_EQ(kept.activities.size(), 1U);
}

TEST_F(LapObserverTest, AnotherSessionOfTheSourceIsAnotherActivity) {
  auto points = even_points(0, 15);
  for (Told& point : points) point.session = "a";
  auto later = even_points(15, 20);
  for (Told& point : later) point.session = "b";
  const Told late = points[100];
  points.erase(points.begin() + 100);
  give(points);
  give(later);
  give({late});
  checkpoint();
  EXPECT_EQ(kept.activities.size(), 2U) << "what comes late of the one that was left is none";
  EXPECT_EQ(counts.late.value(), 1U);
}

TEST_F(LapObserverTest, LapsThatBeginAnewAreAnotherActivity) {
  give(even_points(0, 31));
  auto again = even_points(0, 31);
  for (Told& point : again) {
    point.ns += 40 * kNsPerSecond;
    *point.sequence += 2'000;
  }
  give(again);
  checkpoint();
  ASSERT_EQ(kept.activities.size(), 2U);
  EXPECT_FALSE(kept.activities.begin()->second.begins_anew);
  EXPECT_TRUE(kept.activities.rbegin()->second.begins_anew);
  EXPECT_EQ(kept.activities.rbegin()->second.points, 775U);
}

TEST_F(LapObserverTest, ACounterOfPointsThatBeginsAnewIsNoLossAndNoDuplicates) {
  auto points = even_points(0, 31);
  for (std::size_t i = 400; i < points.size(); ++i) {
    points[i].sequence = i - 399;
    points[i].ns += 2 * kNsPerSecond;
  }
  give(points);
  EXPECT_EQ(kept.lap(2)->points, 500U);
  EXPECT_EQ(kept.lap(2)->missing, 0U);
  EXPECT_EQ(kept.lap(2)->duplicates, 0U);
  EXPECT_NEAR(kept.lap(2)->longest_gap_s, 2.04, 1e-9);
}

TEST_F(LapObserverTest, ACarThatIsPutBackToTheStartHasNoTimeOfThatLap) {
  auto points = even_points(0, 40);
  for (std::size_t i = 450; i < points.size(); ++i) {
    // It stands at the line, and then goes on, and its lap is the same.
    points[i].lapdist_m = i < 475 ? 1 : points[i].lapdist_m - points[475].lapdist_m + 1;
    points[i].speed_kmh = i < 475 ? 0 : kMps * 3.6;
    points[i].lap = i < 925 ? std::int16_t{2} : std::int16_t{3};
    if (points[i].lapdist_m < 0) points[i].lapdist_m += kLengthM;
  }
  give(points);
  checkpoint();
  ASSERT_NE(kept.lap(2), nullptr);
  EXPECT_FALSE(kept.lap(2)->is_complete);
}

TEST_F(LapObserverTest, AMachineWithoutLapAndDistanceHasAnActivityAlone) {
  std::vector<Told> points;
  for (int i = 0; i < 100; ++i) {
    points.push_back({.ns = at_s(i * 0.1), .lap = 0, .more = {{"cpu", 0.5}}});
  }
  give(points);
  checkpoint();
  EXPECT_TRUE(kept.laps.empty());
  ASSERT_EQ(kept.activities.size(), 1U);
  EXPECT_EQ(kept.activities.begin()->second.points, 100U);
}

TEST_F(LapObserverTest, TimesThatTheSourceTellsAreTakenAlsoWhenTheyComeBehindTheLine) {
  auto points = even_points(0, 60);
  for (std::size_t i = 0; i < points.size(); ++i) {
    // Two points behind the line.
    const double last = i < 2 ? 0 : points[i - 2].lap > 2 ? 20.125 : 18;
    points[i].more = {{"last_lap_s", last}, {"lap_invalid", points[i].lap == 3 ? 1.0 : 0.0}};
  }
  give(points);
  EXPECT_TRUE(kept.lap(2)->is_official);
  EXPECT_EQ(*kept.lap(2)->lap_time_s, 20.125);
  EXPECT_EQ(kept.lap(2)->is_valid, true);
  // It is the same again: known by nothing, as there is no clock of the lap.
  EXPECT_FALSE(kept.lap(3)->is_official);
  EXPECT_NEAR(*kept.lap(3)->lap_time_s, 20, 1e-6);
  EXPECT_EQ(kept.lap(3)->is_valid, false);
}

TEST_F(LapObserverTest, AFlashbackOverTheLineOpensALapAgain) {
  const auto framed = [](double from_s, double to_s, int frame_shift, double time_shift_s) {
    auto points = even_points(from_s, to_s);
    for (Told& point : points) {
      const double frame = static_cast<double>(*point.sequence) + frame_shift;
      point.more = {{"frame", frame}, {"session_time_s", (frame - frame_shift) / 25}};
      point.ns += std::llround(time_shift_s * 1e9);
      point.session = "s";
    }
    return points;
  };
  give(framed(0, 33, 0, 0));
  checkpoint();
  EXPECT_TRUE(kept.lap(2)->is_complete);
  Mark mark;
  mark.kind = "flashback";
  mark.session = "s";
  mark.to_session_time_s = 28 + 0.04;
  mark.frame = 826;
  observer.observe_mark(mark);
  kept.take(observer, false);
  EXPECT_FALSE(kept.lap(2)->is_complete);
  EXPECT_EQ(kept.lap(2)->revision, 2U);
  EXPECT_EQ(kept.lap(2)->discarded, 50U);
  checkpoint();
  EXPECT_FALSE(kept.lap(3)->is_complete);
  EXPECT_EQ(kept.lap(3)->points, 0U);
  EXPECT_EQ(kept.lap(3)->discarded, 75U);
  give(framed(28, 51, 125, 5));
  EXPECT_EQ(kept.lap(2)->points, 500U);
  EXPECT_EQ(kept.lap(2)->missing, 0U);
  EXPECT_TRUE(kept.lap(2)->is_rewound);
  EXPECT_FALSE(kept.lap(2)->lap_time_s) << "by the clock of the points it took five seconds more";
  EXPECT_TRUE(kept.lap(3)->is_rewound);
  EXPECT_EQ(kept.lap(3)->points, 500U);
  EXPECT_EQ(kept.lap(3)->discarded, 75U);
}

TEST_F(LapObserverTest, AMachineThatIsForgottenTellsItsLastLap) {
  give(even_points(0, 25));
  observer.forget(static_cast<std::uint32_t>(std::hash<std::string>()("car") % 1'000));
  kept.take(observer, false);
  EXPECT_EQ(kept.lap(2)->revision, 1U);
  EXPECT_FALSE(kept.lap(2)->is_complete);
}

TEST_F(LapObserverTest, MachinesBeyondTheBoundAreCountedAlone) {
  LapObserver small(schema.fields(), nullptr, counts, {.max_cars = 1});
  small.observe(told_batch(schema.fields(), even_points(0, 1, "a")));
  small.observe(told_batch(schema.fields(), even_points(0, 1, "b")));
  EXPECT_EQ(counts.not_followed.value(), 25U);
}

TEST_F(LapObserverTest, OnePointOfAnotherNumberIsOfTheLapThatIsDriven) {
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

TEST_F(LapObserverTest, PointsThatTellNoLapAreOfTheLapThatIsDriven) {
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

TEST_F(LapObserverTest, ASourceThatCountsFromZeroBeginsAnewWithZero) {
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

TEST_F(LapObserverTest, RecordingsOfTwoDaysMayComeInterleavedInAnyOrder) {
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

TEST_F(LapObserverTest, ItDoesNotMatterForAnActivityInWhichOrderItsPointsCome) {
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

TEST_F(LapObserverTest, TwoSourcesOfOneNameMakeNoActivityOfEachPoint) {
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

TEST_F(LapObserverTest, ASourceThatNamesEachPointsSessionAnewIsBounded) {
  auto points = even_points(0, 80);
  for (std::size_t i = 0; i < points.size(); ++i) points[i].session = "s" + std::to_string(i);
  give(points);
  checkpoint();
  EXPECT_LE(kept.activities.size(), 40U);
  EXPECT_GT(counts.ambiguous.value(), 1'900U);
}

TEST_F(LapObserverTest, ANumberNamesASessionAsWell) {
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

TEST_F(LapObserverTest, SourcesThatTakeTurnsAreEachInTheirOwnSession) {
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

TEST_F(LapObserverTest, PointsThatAreSwappedAtTheLineMakeNoLapAndNoTimeThatIsWrong) {
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

TEST_F(LapObserverTest, NoiseOfMetresMakesNoLapAndNoTimeThatIsWrong) {
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

TEST_F(LapObserverTest, ASilenceThatMayHideTheLineLeavesNoTime) {
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

TEST_F(LapObserverTest, AClockThatIsSetWithinALapLeavesNoTime) {
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

TEST_F(LapObserverTest, WhatIsMissingAcrossTheLineIsSharedByTheWay) {
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

TEST_F(LapObserverTest, AGamesPauseIsNoLossOfPoints) {
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

TEST_F(LapObserverTest, BehindTheLastLapOfARaceNoneIsBegun) {
  auto points = even_points(0, 75);
  for (Told& point : points) point.more = {{"total_laps", 3}};
  give(points);
  checkpoint();
  EXPECT_EQ(kept.laps.size(), 3U);
  EXPECT_TRUE(kept.lap(3)->is_complete);
  EXPECT_NEAR(*kept.lap(3)->lap_time_s, 20, 1e-6);
}

/// Of each lap, what of it came.
struct Came {
  std::uint64_t points = 0;
  std::uint64_t missing = 0;
  std::uint64_t duplicates = 0;
  friend bool operator==(const Came&, const Came&) = default;
};
std::ostream& operator<<(std::ostream& out, const Came& came) {
  return out << came.points << " came, " << came.missing << " missing, " << came.duplicates
             << " twice";
}

TEST_F(LapObserverTest, LapsTellExactlyWhatWasInjectedAlsoAtTheLine) {
  std::mt19937 random(21);
  const auto all = even_points(0, 75);
  for (int run = 0; run < 1'000; ++run) {
    SCOPED_TRACE(run);
    const bool has_ids = run % 2 == 0;
    std::map<std::int32_t, Came> injected;
    std::vector<Told> sent;
    const auto loss = random() % 10;
    for (std::size_t i = 0; i < all.size(); ++i) {
      Came& came = injected[all[i].lap];
      const bool is_end = i < 30 || i + 30 > all.size();
      if (!is_end && random() % 100 < loss) {
        ++came.missing;
        continue;
      }
      ++came.points;
      sent.push_back(all[i]);
      if (!has_ids) sent.back().sequence.reset();
      if (random() % 30 == 0) {
        sent.push_back(sent.back());
        ++came.duplicates;
      }
    }
    for (std::size_t i = 0; i + 1 < sent.size(); ++i) {
      if (random() % 20 != 0) continue;
      std::swap(sent[i], sent[std::min(i + random() % 40, sent.size() - 1)]);
    }
    LapObserver one(schema.fields(), nullptr, counts);
    Kept told;
    one.observe(told_batch(schema.fields(), sent));
    told.take(one, true);
    std::map<std::int32_t, Came> found;
    for (const auto& [name, lap] : told.laps) {
      found[lap.lap] = {lap.points, lap.missing, lap.duplicates};
    }
    ASSERT_EQ(found, injected);
    for (const int number : {2, 3}) {
      EXPECT_NEAR(told.lap(number)->lap_time_s.value_or(0), 20, 1e-6) << number;
    }
  }
}

TEST_F(LapObserverTest, HowPointsAreCutIntoCallsAndWhereItIsRestoredMeansNothing) {
  std::mt19937 random(5);
  std::vector<Told> points;
  for (const std::string chassis : {"a", "b", "c"}) {
    const auto all = even_points(0, 100, chassis);
    points.insert(points.end(), all.begin(), all.end());
  }
  std::ranges::stable_sort(points, {}, &Told::ns);
  for (std::size_t i = 0; i + 1 < points.size(); ++i) {
    if (random() % 10 == 0)
      std::swap(points[i], points[std::min(i + random() % 200, points.size() - 1)]);
    if (random() % 50 == 0) points[i] = points[random() % (i + 1)];
    if (points[i].chassis == "c") points[i].sequence.reset();
    if (points[i].chassis == "b" && i % 5 != 0)
      points[i].lapdist_m = points[i].speed_kmh = std::nan("");
  }
  const auto told = [&](auto cut, auto restores) {
    Kept all;
    auto one = std::make_unique<LapObserver>(schema.fields(), nullptr, counts);
    for (std::size_t i = 0; i < points.size();) {
      const std::size_t end = std::min(points.size(), i + cut());
      one->observe(
          told_batch(schema.fields(), {points.begin() + static_cast<std::ptrdiff_t>(i),
                                       points.begin() + static_cast<std::ptrdiff_t>(end)}));
      i = end;
      const bool is_restored = restores();
      all.take(*one, is_restored);
      if (!is_restored) continue;
      std::string bytes;
      one->state()->save(bytes);
      one = std::make_unique<LapObserver>(schema.fields(), nullptr, counts);
      EXPECT_TRUE(one->state()->restore(bytes));
    }
    all.take(*one, true);
    std::string text;
    for (const auto& [name, lap] : all.laps) text += std::get<0>(name) + ' ' + text_of(lap) + '\n';
    for (const auto& [key, activity] : all.activities) {
      text += key.chassis + ' ' + std::to_string(activity.points) + '\n';
    }
    return text;
  };
  const std::string whole = told([] { return std::size_t{1}; }, [] { return false; });
  for (int run = 0; run < 10; ++run) {
    EXPECT_EQ(
        told([&] { return std::size_t{1} + random() % 300; }, [&] { return random() % 4 == 0; }),
        whole);
  }
}

TEST_F(LapObserverTest, AStateOfAnotherVersionOrADamagedOneIsRefused) {
  give(even_points(0, 31));
  std::string bytes;
  observer.state()->save(bytes);
  ASSERT_TRUE(observer.state()->restore(bytes));
  std::string other = bytes;
  other[0] = 9;
  EXPECT_EQ(observer.state()->restore(other).error().code, ErrorCode::kVersion);
  EXPECT_FALSE(observer.state()->restore(""));
  for (std::size_t size = 1; size < bytes.size(); size += 7) {
    EXPECT_EQ(observer.state()->restore(bytes.substr(0, size)).error().code, ErrorCode::kCorrupt);
  }
  std::mt19937 random(3);
  for (int i = 0; i < 2'000; ++i) {
    std::string damaged = bytes;
    damaged[1 + random() % (damaged.size() - 1)] = static_cast<char>(random());
    // Whatever it reads, it goes on without harm.
    if (observer.state()->restore(damaged)) {
      observer.observe(told_batch(schema.fields(), even_points(31, 32)));
      ToldLaps told;
      observer.take_told(told, true);
    }
  }
}

}  // namespace
}  // namespace slipstream::lap_testing
