// What is decided by a comparison of two times that are equal: whether a window is closed that the
// watermark has just reached, and which of two points of one event time is the first or the last.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "window/state_testing.h"

namespace slipstream {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using window_testing::NamedReading;
using window_testing::Process;

constexpr std::int64_t kMs = kNsPerMs;
constexpr std::int64_t kEnd = 1'000 * kMs;  ///< of the first window

std::vector<std::uint64_t> closed_counts(const Process& process) {
  std::vector<std::uint64_t> out;
  for (const auto& r : process.closed()) out.push_back(r->count);
  return out;
}

/// By the lateness of windows of a second.
class Watermark : public testing::TestWithParam<std::int64_t> {
 protected:
  static std::vector<WindowDefinition> seconds() {
    return {{.name = "second", .every_ms = 1'000, .lateness_ms = GetParam(), .idle_ms = 0}};
  }
  void point_at(std::int64_t event_ns) {
    process.add(NamedReading{.event_ns = event_ns, .arrival_ns = event_ns, .values = {{"f0", 1}}});
  }
  std::uint64_t late() { return process.windows().counts(0).late_points; }

  Process process{seconds(), 0};
  /// An event time at which the watermark is the first window's end.
  const std::int64_t reached = kEnd + GetParam() * kMs;
};
INSTANTIATE_TEST_SUITE_P(Lateness, Watermark, testing::Values(0, 1, 500, 2'500));

TEST_P(Watermark, OneNanosecondBeforeTheEndKeepsTheWindowOpen) {
  point_at(0);
  point_at(reached - 1);
  EXPECT_THAT(process.closed(), IsEmpty());
  point_at(kEnd - 1);
  EXPECT_EQ(late(), 0u);
  process.close_all();
  // Without lateness the second point, too, is in the window.
  const std::uint64_t in_window = GetParam() == 0 ? 3 : 2;
  ASSERT_FALSE(process.closed().empty());
  EXPECT_EQ(process.closed().front()->count, in_window);
}

TEST_P(Watermark, AtTheEndClosesTheWindow) {
  point_at(0);
  point_at(reached);
  EXPECT_THAT(closed_counts(process), ElementsAre(1));
}

TEST_P(Watermark, AtTheEndMakesLateWhatIsBeforeItAndNothingElse) {
  point_at(0);
  point_at(reached);
  point_at(kEnd - 1);
  EXPECT_EQ(late(), 1u) << "of the window that is closed";
  point_at(kEnd);
  EXPECT_EQ(late(), 1u) << "of the one behind it";
  process.close_all();
  std::uint64_t in_next = 0;
  for (const auto& r : process.closed()) {
    if (r->first_time.ns == kEnd) in_next = r->count;
  }
  EXPECT_EQ(in_next, GetParam() < 1'000 ? 2u : 1u);
}

TEST_P(Watermark, StandsWhereItStoodAfterARestart) {
  point_at(0);
  point_at(reached);
  Process again(seconds(), 1);
  ASSERT_TRUE(again.restore(0, process.saved(0)));
  again.add(NamedReading{.event_ns = kEnd - 1});
  EXPECT_EQ(again.windows().counts(0).late_points, 1u);
  again.add(NamedReading{.event_ns = kEnd});
  EXPECT_EQ(again.windows().counts(0).late_points, 1u);
}

TEST(StampAhead, MovesTheWatermarkUpToTheLimitByTheWholeMillisecondOfItsArrival) {
  const auto closes = [](std::int64_t ahead_ns, std::int64_t arrival_ns) {
    Process process({{.name = "second", .every_ms = 1'000, .lateness_ms = 0}}, 0);
    process.add(NamedReading{.event_ns = 0});
    process.add(
        NamedReading{.event_ns = arrival_ns / kMs * kMs + ahead_ns, .arrival_ns = arrival_ns});
    return !process.closed().empty();
  };
  constexpr std::int64_t kLimit = WindowDefinition::kAheadMs * kMs;
  for (const std::int64_t arrival_ns : {kEnd, kEnd + 1, kEnd + kMs - 1}) {
    EXPECT_TRUE(closes(kLimit, arrival_ns));
    EXPECT_FALSE(closes(kLimit + 1, arrival_ns));
  }
}

TEST(LeftPlace, APointAsOldAsTheOneThatLeftIsNotLate) {
  const auto late_at = [](std::int64_t event_ns) {
    Process process({{.name = "lap", .key_lap = true, .close_on_change = true}}, 0);
    process.add(NamedReading{.event_ns = 0, .lap = 1});
    process.add(NamedReading{.event_ns = 40 * kMs, .lap = 2});
    process.add(NamedReading{.event_ns = event_ns, .lap = 1});
    return process.windows().counts(0).late_points;
  };
  EXPECT_EQ(late_at(40 * kMs - 1), 1u);
  EXPECT_EQ(late_at(40 * kMs), 0u);
}

TEST(LeftPlace, OfAClockThatIsAheadAStragglerIsLateToo) {
  const auto late_of = [](std::int64_t ahead_ms) {
    Process process({{.name = "lap", .key_lap = true, .close_on_change = true}}, 0);
    const auto add = [&](std::int64_t at_ms, std::int16_t lap) {
      process.add(NamedReading{
          .event_ns = (at_ms + ahead_ms) * kMs, .arrival_ns = at_ms * kMs, .lap = lap});
    };
    add(0, 1);
    add(40, 2);
    add(20, 1);
    add(60, 2);
    return process.windows().counts(0).late_points;
  };
  EXPECT_EQ(late_of(0), 1u);
  EXPECT_EQ(late_of(5'000), 1u);
}

TEST(LeftPlace, ARightStampIsNotLateByOneThatIsAhead) {
  Process process({{.name = "lap", .key_lap = true, .close_on_change = true}}, 0);
  process.add(NamedReading{.event_ns = 0, .arrival_ns = 0, .lap = 1});
  process.add(NamedReading{.event_ns = 280'000 * kMs, .arrival_ns = 10 * kMs, .lap = 2});
  for (std::int64_t at_ms = 20; at_ms < 100; at_ms += 10) {
    process.add(NamedReading{.event_ns = at_ms * kMs, .arrival_ns = at_ms * kMs, .lap = 1});
  }
  EXPECT_EQ(process.windows().counts(0).late_points, 0u);
}

/// Of points with one event time the first that came is `first`, and the last that came is `last`.
/// By the fields of the points between: the figures of points that carry the same fields are kept
/// otherwise than of points that differ.
class OneEventTime : public testing::TestWithParam<bool> {
 protected:
  static std::vector<WindowDefinition> laps() {
    WindowDefinition lap{.name = "lap", .key_lap = true, .close_on_change = true};
    lap.statistics.set(StatisticGroup::kFirst);
    return {lap};
  }
  /// A point of `value`, on a sector of that number.
  static NamedReading of(double value, std::int64_t event_ns = 7 * kMs) {
    return {.event_ns = event_ns,
            .sector = static_cast<std::int32_t>(value),
            .values = {{"f0", value}}};
  }
  /// What begins the window; later points differ from it in their fields, where they shall.
  static NamedReading opening(double value) {
    NamedReading reading = of(value);
    if (GetParam()) reading.values.emplace_back("f1", 0);
    return reading;
  }
  static void expect_first_and_last(Process& process, double first, double last) {
    process.close_all();
    ASSERT_THAT(process.closed(), SizeIs(1));
    const Rollup& rollup = *process.closed()[0];
    const FieldId f0 = process.fields().intern("f0").value();
    const auto figures = std::ranges::find(rollup.fields, f0, &FieldFigures::field);
    ASSERT_NE(figures, rollup.fields.end());
    EXPECT_EQ(figures->first, first);
    EXPECT_EQ(figures->last, last);
    EXPECT_EQ(rollup.sector, static_cast<std::int32_t>(last)) << "the latest point's place";
  }
};
INSTANTIATE_TEST_SUITE_P(FieldsDiffer, OneEventTime, testing::Bool());

TEST_P(OneEventTime, WithinABatchItGoesByItsOrder) {
  Process process(laps(), 0);
  process.add(std::array{opening(1), of(2), of(3)});
  expect_first_and_last(process, 1, 3);
}

TEST_P(OneEventTime, AcrossBatchesItGoesByTheirOrder) {
  Process process(laps(), 0);
  process.add(opening(1));
  process.add(of(2));
  process.add(of(3));
  expect_first_and_last(process, 1, 3);
}

TEST_P(OneEventTime, AcrossARestartItGoesOn) {
  Process before(laps(), 0);
  before.add(std::array{opening(1), of(2)});
  Process process(laps(), 2);
  ASSERT_TRUE(process.restore(0, before.saved(0)));
  process.add(of(3));
  expect_first_and_last(process, 1, 3);
}

TEST_P(OneEventTime, ANanosecondDecidesBeforeTheOrderDoes) {
  Process process(laps(), 0);
  process.add(std::array{opening(1), of(2, 7 * kMs - 1), of(3, 7 * kMs + 1), of(4)});
  expect_first_and_last(process, 2, 3);
}

}  // namespace
}  // namespace slipstream
