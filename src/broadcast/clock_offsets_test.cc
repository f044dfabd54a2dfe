#include "broadcast/clock_offsets.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <deque>

#include "broadcast/live_series.h"

namespace slipstream {
namespace {

using testing::HasSubstr;
using testing::SizeIs;

constexpr std::int64_t kLimitMs = 30'000;

/// A point whose stamp is so far behind its arrival.
void push_offset(LiveSeries& series, std::string_view chassis, std::int64_t now_ms,
                 std::int64_t offset_ms) {
  PointBatch batch;
  batch.text = "cota" + std::string(chassis);
  Point point{};
  point.track = {0, 4};
  point.chassis = {4, static_cast<std::uint32_t>(chassis.size())};
  point.series_hash = series_hash("cota", chassis);
  point.arrival_time = {now_ms * kNsPerMs};
  point.event_time = {(now_ms - offset_ms) * kNsPerMs};
  batch.points.push_back(point);
  series.push(batch, batch.points.back(), {now_ms * kNsPerMs});
}

SteadyTime moment_ms(std::int64_t ms) {
  return {ms * kNsPerMs};
}

RC_GTEST_PROP(ClockOffsets, AreTheMedianOfTheLastHundred, ()) {
  ClockOffsets offsets;
  std::deque<std::int64_t> last;
  for (int left = *rc::gen::inRange(1, 300); left > 0; --left) {
    last.push_back(*rc::gen::inRange<std::int64_t>(-10'000'000, 10'000'000));
    offsets.add({1'000'000'000 * kNsPerMs - last.back() * kNsPerMs}, {1'000'000'000 * kNsPerMs});
    if (last.size() > ClockOffsets::kPoints) last.pop_front();
    std::vector<std::int64_t> sorted(last.begin(), last.end());
    std::ranges::sort(sorted);
    const std::size_t half = sorted.size() / 2;
    const double median = sorted.size() % 2 == 1
                              ? static_cast<double>(sorted[half])
                              : static_cast<double>(sorted[half - 1] + sorted[half]) / 2;
    RC_ASSERT(offsets.median_ms() == std::llround(median));
  }
}

TEST(ClockOffsets, OfNoneIsNothing) {
  EXPECT_EQ(ClockOffsets().median_ms(), 0);
}

TEST(ClockOffsets, TimesAtTheEndsOfTheirTypeAreFarOff) {
  ClockOffsets offsets;
  offsets.add({std::numeric_limits<std::int64_t>::min()}, {1'757'000'000 * kNsPerSecond});
  EXPECT_GT(offsets.median_ms(), std::int64_t{300} * 365 * 86'400'000);
  ClockOffsets ahead;
  ahead.add({std::numeric_limits<std::int64_t>::max()}, {1'757'000'000 * kNsPerSecond});
  EXPECT_LT(ahead.median_ms(), std::int64_t{-200} * 365 * 86'400'000);
}

TEST(LiveSeriesClocks, OneWrongStampIsNoWrongClock) {
  LiveSeries series(10, kLimitMs);
  push_offset(series, "car", 100'000, -280'000);
  for (int i = 1; i <= 600; ++i) push_offset(series, "car", 100'000 + i * 100, 7);
  EXPECT_THAT(series.encode(moment_ms(160'000)),
              HasSubstr(R"("points":601,"clock_offset_ms":7,"series":1})"));
  EXPECT_EQ(series.clocks_off(moment_ms(160'000)).machines, 0u);
}

TEST(LiveSeriesClocks, AClockThatIsOffIsToldUntilItIsRightOrSilent) {
  LiveSeries series(10, kLimitMs);
  std::int64_t now_ms = 100'000;
  const auto send = [&](std::int64_t offset_ms, int points) {
    for (; points > 0; --points) push_offset(series, "car", now_ms += 200, offset_ms);
  };
  send(-280'000, 4);
  EXPECT_EQ(series.clocks_off(moment_ms(now_ms)).machines, 0u) << "four points say little";
  send(-280'000, 1);
  const ClocksOff off = series.clocks_off(moment_ms(now_ms));
  EXPECT_EQ(off.machines, 1u);
  ASSERT_THAT(off.furthest, SizeIs(1));
  EXPECT_EQ(off.furthest[0].offset_ms, -280'000);
  EXPECT_EQ(off.to_sentence(kLimitMs),
            "1 clock is off by more than 30.0 s: car on cota is 280.0 s ahead");
  send(0, 200);
  EXPECT_EQ(series.clocks_off(moment_ms(now_ms)).machines, 0u) << "somebody has set it";
  send(kLimitMs + 1, 200);
  EXPECT_EQ(series.clocks_off(moment_ms(now_ms)).machines, 1u);
  EXPECT_EQ(series.clocks_off(moment_ms(now_ms + 71'000)).machines, 0u) << "it was switched off";
  send(kLimitMs, 200);
  EXPECT_EQ(series.clocks_off(moment_ms(now_ms)).machines, 0u) << "as far as it may be";
}

TEST(LiveSeriesClocks, TheFiveFurthestOfManyAreNamedAndTheForgottenAreNot) {
  LiveSeries series(32, kLimitMs);
  for (int machine = 0; machine < 20; ++machine) {
    for (int i = 0; i < 5; ++i) {
      push_offset(series, fmt::format("car {}", machine), 100'000 + machine,
                  (machine % 2 == 0 ? 1 : -1) * (40'000 + machine * 1'000));
    }
  }
  ClocksOff off = series.clocks_off(moment_ms(101'000));
  EXPECT_EQ(off.machines, 20u);
  ASSERT_THAT(off.furthest, SizeIs(ClocksOff::kNamed));
  EXPECT_EQ(off.furthest[0].offset_ms, -59'000);
  EXPECT_EQ(off.furthest[4].offset_ms, -55'000);
  EXPECT_THAT(off.to_sentence(kLimitMs), HasSubstr("58.0 s behind"));
  EXPECT_THAT(off.to_sentence(kLimitMs), HasSubstr("and 15 more"));
  for (int machine = 0; machine < 100; ++machine) {
    push_offset(series, fmt::format("right {}", machine), 102'000, 0);
  }
  EXPECT_EQ(series.clocks_off(moment_ms(103'000)).machines, 0u);
}

TEST(LiveSeriesClocks, OffsetsAreSaidInUnitsForPeople) {
  const auto said = [](std::int64_t offset_ms) {
    return ClocksOff{.machines = 1, .furthest = {{"cota", "car", offset_ms}}}.to_sentence(kLimitMs);
  };
  EXPECT_THAT(said(3'600'007), HasSubstr("is 60.0 min behind"));
  EXPECT_THAT(said(-7'200'000), HasSubstr("is 120.0 min ahead"));
  EXPECT_THAT(said(86'400'000), HasSubstr("is 24.0 h behind"));
  EXPECT_THAT(said(86'400'000ll * 450), HasSubstr("is 450 days behind"));
}

TEST(LiveSeriesClocks, WithoutALimitNothingIsTold) {
  LiveSeries series(10, 0);
  for (int i = 0; i < 100; ++i) push_offset(series, "car", 100'000 + i, 9'000'000);
  EXPECT_EQ(series.clocks_off(moment_ms(101'000)).machines, 0u);
}

}  // namespace
}  // namespace slipstream
