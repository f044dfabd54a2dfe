#include "racing/lap_observer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "racing/even_laps.h"

namespace slipstream::lap_testing {
namespace {

class LapObserverTest : public EvenLapsTest {};

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
  give({late, late});
  checkpoint();
  EXPECT_EQ(kept.activities.size(), 2U) << "what comes late of the one that was left is none";
  EXPECT_EQ(counts.late.value(), 2U);
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
