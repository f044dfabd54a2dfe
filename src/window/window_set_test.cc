#include "window/window_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "window/testing.h"

namespace slipstream {
namespace {

using testing::DoubleNear;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using window_testing::Fold;

std::vector<std::uint64_t> counts(const RollupBatch& rollups) {
  std::vector<std::uint64_t> out;
  for (const auto& r : rollups) out.push_back(r->count);
  return out;
}

RollupBatch of(const RollupBatch& all, std::string_view window) {
  RollupBatch out;
  for (const auto& r : all) {
    if (r->window == window) out.push_back(r);
  }
  return out;
}

WindowDefinition seconds(std::int64_t lateness_ms, LatePolicy late = LatePolicy::kDrop) {
  WindowDefinition d;
  d.name = "second";
  d.every_ms = 1'000;
  d.lateness_ms = lateness_ms;
  d.late = late;
  return d;
}

TEST(WindowSet, BucketClosesAtItsThreshold) {
  Fold fold(default_windows(10));
  for (std::int64_t i = 0; i < 25; ++i) fold.add({.ms = i * 40, .value = double(i)});
  const auto buckets = of(fold.rollups(), "bucket");
  EXPECT_THAT(counts(buckets), ElementsAre(10, 10));
  ASSERT_THAT(buckets[0]->fields, SizeIs(1));
  EXPECT_THAT(buckets[0]->fields[0].avg, DoubleNear(4.5, 1e-12));
  EXPECT_THAT(buckets[1]->fields[0].avg, DoubleNear(14.5, 1e-12));
  EXPECT_EQ(buckets[0]->fields[0].min, 0);
  EXPECT_EQ(buckets[0]->fields[0].max, 9);
  EXPECT_EQ(buckets[0]->fields[0].last, 9);
  EXPECT_THAT(buckets[0]->fields[0].std, DoubleNear(std::sqrt(8.25), 1e-12));
}

TEST(WindowSet, SumBeyondADoubleDoesNotSpoilTheAverage) {
  Fold fold(default_windows(10));
  for (std::int64_t i = 0; i < 10; ++i) fold.add({.ms = i * 40, .value = 1e308});
  for (std::int64_t i = 10; i < 20; ++i)
    fold.add({.ms = i * 40, .value = i % 2 == 0 ? 1e308 : -1e308});
  const auto buckets = of(fold.rollups(), "bucket");
  ASSERT_THAT(buckets, SizeIs(2));
  EXPECT_DOUBLE_EQ(buckets[0]->fields[0].avg, 1e308);
  EXPECT_EQ(buckets[0]->fields[0].std, 0);
  EXPECT_FALSE(std::isfinite(buckets[1]->fields[0].std)) << "not known, rather than 0";
}

TEST(WindowSet, MovingOnClosesBucketAndSector) {
  Fold fold(default_windows(10));
  fold.add({.ms = 0, .lap = 1, .sector = 0});
  fold.add({.ms = 40, .lap = 1, .sector = 0});
  EXPECT_THAT(fold.rollups(), IsEmpty());
  fold.add({.ms = 80, .lap = 1, .sector = 1});
  EXPECT_THAT(counts(of(fold.rollups(), "bucket")), ElementsAre(2));
  EXPECT_THAT(counts(of(fold.rollups(), "sector")), ElementsAre(2));
  EXPECT_EQ(of(fold.rollups(), "sector")[0]->sector, 0);
}

TEST(WindowSet, IdleMachineLeavesNoPointWaiting) {
  Fold fold(default_windows(10, 2'000));
  fold.add({.ms = 0});
  fold.tick_ms(1'999);
  EXPECT_THAT(fold.rollups(), IsEmpty());
  fold.tick_ms(2'000);
  EXPECT_THAT(counts(of(fold.rollups(), "bucket")), ElementsAre(1));
}

TEST(WindowSet, IdlenessMakesNoPointLate) {
  Fold fold({seconds(500)});
  fold.add({.ms = 100});
  fold.tick_ms(60'000);
  EXPECT_THAT(counts(fold.rollups()), ElementsAre(1));
  fold.add({.ms = 200}, 60'000);
  fold.add({.ms = 1'600}, 60'000);
  EXPECT_THAT(counts(fold.rollups()), ElementsAre(1, 1));
  EXPECT_NE(fold.rollups()[0]->window_id, fold.rollups()[1]->window_id);
  EXPECT_EQ(fold.counts(0).late_points, 0u);
}

TEST(WindowSet, LatePointIsCountedNotFolded) {
  Fold fold({seconds(500)});
  fold.add({.ms = 100});
  fold.add({.ms = 1'600});  // the watermark passes 1,000
  EXPECT_THAT(counts(fold.rollups()), ElementsAre(1));
  fold.add({.ms = 900});
  EXPECT_EQ(fold.counts(0).late_points, 1u);
  fold.close_all();
  EXPECT_THAT(counts(fold.rollups()), ElementsAre(1, 1));
}

TEST(WindowSet, LatePointsGoToARollupOfTheirOwnWhereAsked) {
  Fold fold({seconds(500, LatePolicy::kRollup)});
  fold.add({.ms = 100});
  fold.add({.ms = 1'600});
  fold.add({.ms = 900, .value = 7});
  fold.add({.ms = 950, .value = 9});
  fold.close_all();
  RollupBatch late;
  for (const auto& r : fold.rollups()) {
    if (r->late) late.push_back(r);
  }
  ASSERT_THAT(counts(late), ElementsAre(2));
  EXPECT_EQ(late[0]->fields[0].avg, 8);
  EXPECT_EQ(fold.counts(0).closed_points, 2u);
  EXPECT_EQ(fold.counts(0).late_points, 2u);
}

TEST(WindowSet, PointsWithinTheLatenessAreInTheirWindow) {
  Fold fold({seconds(500)});
  fold.add({.ms = 100});
  fold.add({.ms = 1'400});  // the watermark stands at 900
  fold.add({.ms = 999});
  fold.close_all();
  EXPECT_THAT(counts(fold.rollups()), ElementsAre(2, 1));
  EXPECT_EQ(fold.counts(0).late_points, 0u);
}

TEST(WindowSet, ClosingAllMakesNoPointLate) {
  Fold fold({seconds(500)});
  fold.add({.ms = 100});
  fold.close_all();
  fold.add({.ms = 200});
  fold.add({.ms = 1'600});
  fold.add({.ms = 300});
  EXPECT_THAT(counts(fold.rollups()), ElementsAre(1, 1));
  EXPECT_NE(fold.rollups()[0]->window_id, fold.rollups()[1]->window_id);
  EXPECT_EQ(fold.counts(0).late_points, 1u) << "the watermark has passed its end";
}

TEST(WindowSet, OneMachinesWrongClockClosesNobodyElsesWindows) {
  Fold fold({seconds(500)});
  fold.add({.series = 0, .ms = 100});
  fold.add({.series = 1, .ms = 290'000});
  EXPECT_THAT(fold.rollups(), IsEmpty());
  fold.add({.series = 0, .ms = 200});
  fold.close_all();
  EXPECT_THAT(counts(fold.rollups()), ElementsAre(2, 1));
}

std::uint64_t points_of(const RollupBatch& rollups, bool late) {
  std::uint64_t points = 0;
  for (const auto& r : rollups) points += r->late == late ? r->count : 0;
  return points;
}

TEST(WindowSet, AStampAheadOfTheClockMakesNobodyElseLate) {
  Fold fold({seconds(1'000, LatePolicy::kRollup)});
  fold.add({.ms = 380'000}, 100'000);  // 280 s ahead
  for (int i = 0; i < 600; ++i) {
    const std::int64_t now_ms = 100'000 + i * 40;
    fold.add({.ms = now_ms}, now_ms);
    if (i % 5 == 0) fold.tick_ms(now_ms);
  }
  ASSERT_THAT(fold.rollups(), testing::Not(IsEmpty()));
  const auto lone = std::ranges::find(fold.rollups(), 380'000 * kNsPerMs,
                                      [](const RollupPtr& r) { return r->first_time.ns; });
  ASSERT_NE(lone, fold.rollups().end()) << "it does not wait for its machine to fall silent";
  EXPECT_EQ((*lone)->count, 1u);
  fold.close_all();
  EXPECT_EQ(points_of(fold.rollups(), false), 601u);
  EXPECT_EQ(fold.counts(0).late_points, 0u);
  EXPECT_THAT(fold.rollups(), SizeIs(25)) << "24 s, and the lone one";
}

TEST(WindowSet, TheWatermarkClosesWindowsAheadOnceItGetsThere) {
  WindowDefinition d = seconds(0);
  d.idle_ms = 60'000;
  Fold fold({d});
  fold.add({.ms = 105'000}, 100'000);
  fold.add({.ms = 104'900}, 104'000);
  EXPECT_THAT(fold.rollups(), IsEmpty());
  fold.add({.ms = 105'500}, 105'500);
  EXPECT_THAT(counts(fold.rollups()), ElementsAre(1)) << "the second before";
  fold.add({.ms = 106'000}, 106'000);
  EXPECT_THAT(counts(fold.rollups()), ElementsAre(1, 2)) << "the point ahead, and the one in time";
}

TEST(WindowSet, AClockThatIsAlwaysAheadKeepsNothingOpen) {
  for (const std::int64_t idle_ms : {2'000, 0}) {
    WindowDefinition d = seconds(1'000, LatePolicy::kRollup);
    d.idle_ms = idle_ms;
    Fold fold({d});
    for (std::int64_t now_ms = 100'000; now_ms < 160'000; now_ms += 50) {
      fold.add({.ms = now_ms + 60'000}, now_ms);
      fold.tick_ms(now_ms);
      ASSERT_LE(fold.counts(0).open_points, 61u) << "what came in 3 s";
    }
    EXPECT_THAT(fold.rollups(), SizeIs(58));
    EXPECT_THAT(counts(fold.rollups()), testing::Each(20u)) << "each second in one rollup";
    fold.close_all();
    EXPECT_EQ(points_of(fold.rollups(), false), 1'200u);
    EXPECT_EQ(fold.counts(0).late_points, 0u);
  }
}

TEST(WindowSet, WindowsAheadAreBounded) {
  Fold fold({seconds(1'000, LatePolicy::kRollup)});
  for (int i = 0; i < 1'000; ++i)
    fold.add({.ms = 100'000 + (i * 7'919) % 290'000 + 3'000}, 100'000);
  EXPECT_LE(fold.counts(0).open_points, 64u * 10u);
  EXPECT_GE(fold.rollups().size(), 1'000u / 10u);
  fold.close_all();
  EXPECT_EQ(points_of(fold.rollups(), false), 1'000u);
}

// A sender in local time, in the night in which the clock is set back.
TEST(WindowSet, AnHourThatRepeatsIsInLateRollups) {
  Fold fold(default_windows());
  constexpr std::int64_t kRepeatedMs = 3'600'000;
  for (std::int64_t i = 0; i < 480; ++i) {
    const std::int64_t now_ms = 10 * kRepeatedMs + i * 500;
    fold.add({.ms = now_ms - (i < 240 ? 0 : kRepeatedMs)}, now_ms);
    fold.tick_ms(now_ms);
  }
  fold.close_all();
  for (const auto* window : {"bucket", "sector", "second"}) {
    const auto rollups = of(fold.rollups(), window);
    EXPECT_EQ(points_of(rollups, false) + points_of(rollups, true), 480u) << window;
  }
  EXPECT_EQ(points_of(of(fold.rollups(), "second"), true), 240u);
  EXPECT_EQ(fold.counts(2).late_points, 240u);
}

TEST(WindowSet, AStampAheadOfTheClockMakesNoRightOneLate) {
  WindowDefinition d;
  d.name = "sector";
  d.key_sector = true;
  d.close_on_change = true;
  Fold fold({d});
  fold.add({.ms = 100'000, .sector = 0});
  fold.add({.ms = 380'000, .sector = 1}, 100'500);  // moves on, 280 s ahead
  fold.add({.ms = 100'200, .sector = 0}, 100'600);  // back in the place that was left
  EXPECT_EQ(fold.counts(0).late_points, 0u);
  fold.add({.ms = 101'000, .sector = 1});
  fold.add({.ms = 102'000, .sector = 0}, 102'000);
  EXPECT_EQ(fold.counts(0).late_points, 0u);
  fold.add({.ms = 101'500, .sector = 1}, 102'100);  // overtaken
  EXPECT_EQ(fold.counts(0).late_points, 1u);
  fold.close_all();
  EXPECT_EQ(points_of(fold.rollups(), false), 5u);
  EXPECT_EQ(points_of(fold.rollups(), true), 1u);
}

TEST(WindowSet, WithoutALimitAnyStampMovesTheWatermark) {
  WindowDefinition d = seconds(1'000, LatePolicy::kRollup);
  d.ahead_ms.reset();
  Fold fold({d});
  fold.add({.ms = 380'000}, 100'000);
  fold.add({.ms = 100'000}, 100'000);
  EXPECT_EQ(fold.counts(0).late_points, 1u);
}

TEST(WindowSet, AbsentFieldIsInNoFigure) {
  Fold fold(default_windows(2));
  fold.add({.ms = 0, .value = 10});
  fold.add({.ms = 40, .value = std::nan("")});  // the point lacks the field
  const auto buckets = of(fold.rollups(), "bucket");
  ASSERT_THAT(counts(buckets), ElementsAre(2));
  EXPECT_EQ(buckets[0]->fields[0].count, 1u);
  EXPECT_EQ(buckets[0]->fields[0].avg, 10);
}

TEST(WindowSet, FirstAndLastGoByEventTime) {
  auto definition = default_windows(3)[0];
  definition.statistics.set(StatisticGroup::kFirst);
  Fold fold({definition});
  fold.add({.ms = 80, .value = 3});
  fold.add({.ms = 0, .value = 1});
  fold.add({.ms = 40, .value = 2});
  ASSERT_THAT(fold.rollups(), SizeIs(1));
  EXPECT_EQ(fold.rollups()[0]->fields[0].first, 1);
  EXPECT_EQ(fold.rollups()[0]->fields[0].last, 3);
  EXPECT_EQ(fold.rollups()[0]->first_time.ns, 0);
  EXPECT_EQ(fold.rollups()[0]->last_time.ns, 80 * kNsPerMs);
}

TEST(WindowSet, IdsAreUniqueAndStayTheSameInAReplay) {
  const auto run = [] {
    Fold fold(default_windows(10));
    for (int i = 0; i < 400; ++i) {
      fold.add({.series = static_cast<std::uint32_t>(i % 3),
                .ms = std::int64_t{i} * 40,
                .lap = i / 200,
                .sector = i / 50 % 3});
    }
    fold.close_all();
    return fold.rollups();
  };
  const auto once = run();
  const auto again = run();
  std::set<std::array<std::uint8_t, 16>> ids;
  ASSERT_EQ(once.size(), again.size());
  for (std::size_t i = 0; i < once.size(); ++i) {
    EXPECT_EQ(once[i]->window_id, again[i]->window_id);
    EXPECT_TRUE(ids.insert(once[i]->window_id).second);
  }
}

TEST(WindowSet, QuantilesAreWithinOnePercent) {
  auto definition = default_windows(1'000)[0];
  definition.statistics.set(StatisticGroup::kQuantiles);
  Fold fold({definition});
  for (int i = 1; i <= 1'000; ++i) fold.add({.ms = i, .value = double(i)});
  ASSERT_THAT(fold.rollups(), SizeIs(1));
  const auto& figures = fold.rollups()[0]->fields[0];
  EXPECT_THAT(figures.p50, DoubleNear(500, 6));
  EXPECT_THAT(figures.p95, DoubleNear(950, 11));
  EXPECT_THAT(figures.p99, DoubleNear(990, 11));
}

TEST(WindowSet, QuantilesAreWithinWhatWasSeen) {
  auto definition = default_windows(10)[0];
  definition.statistics.set(StatisticGroup::kQuantiles);
  Fold fold({definition});
  for (int i = 0; i < 10; ++i) fold.add({.ms = i, .value = 100 + 0.01 * i});
  ASSERT_THAT(fold.rollups(), SizeIs(1));
  const auto& figures = fold.rollups()[0]->fields[0];
  for (const double quantile : {figures.p50, figures.p95, figures.p99}) {
    EXPECT_GE(quantile, figures.min);
    EXPECT_LE(quantile, figures.max);
  }
}

TEST(Validate, NamesWhatIsWrong) {
  WindowDefinition never;
  never.name = "never";
  never.idle_ms = 0;
  EXPECT_THAT(validate({never}).error().message, testing::HasSubstr("never closes"));
  EXPECT_THAT(validate({seconds(0), seconds(0)}).error().message, testing::HasSubstr("twice"));
  EXPECT_TRUE(validate(default_windows()));
}

// A clock that is set back for 15 s: what is idle closes as ever, and nothing else does.
TEST(WindowSet, TicksThatGoBackKeepNothingOpenAndCloseNothingEarly) {
  Fold fold({{.name = "idle", .key_lap = true, .idle_ms = 2'000}});
  fold.add({.ms = 100'000}, 100'000);
  fold.tick_ms(101'000);
  fold.tick_ms(86'100);  // another 0.1 s, and the step
  fold.add({.series = 1, .ms = 86'150}, 86'150);
  fold.tick_ms(87'000);
  EXPECT_THAT(fold.rollups(), IsEmpty()) << "1.9 and 0.85 s";
  fold.tick_ms(87'200);
  ASSERT_THAT(fold.rollups(), SizeIs(1));
  EXPECT_EQ(fold.rollups()[0]->chassis, "GR86-0");
  EXPECT_EQ(fold.rollups()[0]->last_arrival.ns, 85'100 * kNsPerMs) << "by the clock as it is now";
  fold.tick_ms(88'200);
  ASSERT_THAT(fold.rollups(), SizeIs(2));
  EXPECT_EQ(fold.rollups()[1]->chassis, "GR86-1");
}

TEST(WindowSet, SeriesOfOneMachineHaveWindowsOfTheirOwn) {
  Fold fold({seconds(0)});
  // As the partition numbers them; the names are in the points.
  fold.add({.series = 0, .ms = 100, .value = 100, .tags = R"("wheel":"fl")"});
  fold.add({.series = 1, .ms = 200, .value = 50, .tags = R"("wheel":"fr")"});
  fold.add({.series = 0, .ms = 300, .value = 110, .tags = R"("wheel":"fl")"});
  fold.close_all();
  ASSERT_THAT(fold.rollups(), SizeIs(2));
  EXPECT_EQ(fold.rollups()[0]->tags, R"("wheel":"fl")");
  EXPECT_EQ(fold.rollups()[0]->fields[0].avg, 105);
  EXPECT_EQ(fold.rollups()[1]->tags, R"("wheel":"fr")");
  EXPECT_EQ(fold.rollups()[1]->fields[0].avg, 50);
}

TEST(WindowSet, TagsArePartOfAWindowsId) {
  const auto id_of = [](const std::string& tags) {
    Fold fold({seconds(0)});
    fold.add({.ms = 100, .tags = tags});
    fold.close_all();
    return fold.rollups().at(0)->window_id;
  };
  EXPECT_NE(id_of(""), id_of(R"("wheel":"fl")"));
  EXPECT_NE(id_of(R"("wheel":"fr")"), id_of(R"("wheel":"fl")"));
  EXPECT_EQ(id_of(R"("wheel":"fl")"), id_of(R"("wheel":"fl")"));
}

}  // namespace
}  // namespace slipstream
