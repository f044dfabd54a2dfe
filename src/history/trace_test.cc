#include "history/trace.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace slipstream {
namespace {

using testing::ElementsAre;
using testing::IsNan;

struct Made {
  std::vector<double> time_s;
  MachinePoints::Column field{.name = "speed_kmh", .values = {}};

  Trace trace(std::size_t rows) const { return trace(rows, time_s); }
  Trace trace(std::size_t rows, const std::vector<double>& x) const {
    const std::vector<const MachinePoints::Column*> fields = {&field};
    return make_trace({.time_s = time_s, .x = x, .fields = fields}, rows);
  }
};

TEST(TraceRows, AreThePointsWhereTheyAreFewOrAllAreAskedFor) {
  const Made made{{0, 1, 2}, {.name = "speed_kmh", .values = {10, 11, NAN}}};
  for (const std::size_t rows : {0, 3, 100}) {
    const Trace trace = made.trace(rows);
    EXPECT_THAT(trace.x, ElementsAre(0, 1, 2));
    EXPECT_THAT(trace.fields[0].values, ElementsAre(10, 11, IsNan()));
    EXPECT_EQ(trace.of, 3u);
  }
}

TEST(TraceRows, OfAPartAreItsMinimumAndMaximumInTheOrderTheyCame) {
  const Made made{{0, 1, 2, 3, 4, 5, 6, 8},
                  {.name = "speed_kmh", .values = {5, 9, 1, 4, 2, 3, NAN, 7}}};
  const Trace trace = made.trace(4);
  EXPECT_THAT(trace.x, ElementsAre(1, 3, 5, 7));
  EXPECT_THAT(trace.fields[0].values, ElementsAre(9, 1, 2, 7));
  EXPECT_EQ(trace.of, 8u);
}

TEST(TraceRows, WhereAFieldIsNotInAPartAreNull) {
  const Made made{{0, 1, 2, 3, 4, 5, 6, 8},
                  {.name = "speed_kmh", .values = {5, 9, 1, 4, NAN, NAN, NAN, NAN}}};
  EXPECT_THAT(made.trace(4).fields[0].values, ElementsAre(9, 1, IsNan(), IsNan()));
}

TEST(TraceRows, AGapOfOverThreePeriodsIsARowOfNulls) {
  const Made made{{0, 1, 2, 5, 6, 10.5, 11},
                  {.name = "speed_kmh", .values = {1, 2, 3, 4, 5, 6, 7}}};
  const Trace raw = made.trace(0);
  EXPECT_THAT(raw.x, ElementsAre(0, 1, 2, 5, 6, 8.25, 10.5, 11));
  EXPECT_THAT(raw.fields[0].values, ElementsAre(1, 2, 3, 4, 5, IsNan(), 6, 7));
  const Trace trace = made.trace(4);
  EXPECT_THAT(trace.fields[0].values, ElementsAre(1, 4, 5, IsNan(), 7));
  EXPECT_TRUE(std::ranges::is_sorted(trace.x));
}

TEST(TraceRows, PointsWithoutAPlaceAreLeftOutAndCounted) {
  const Made made{{0, 1, 2}, {.name = "speed_kmh", .values = {1, 2, 3}}};
  const Trace trace = made.trace(0, {100, NAN, 120});
  EXPECT_THAT(trace.x, ElementsAre(100, 120));
  EXPECT_EQ(trace.of, 3u);
}

TEST(TraceRows, OfNothingAreNone) {
  EXPECT_TRUE(Made{}.trace(10).x.empty());
}

/// However few the rows: the least and the greatest of all are among them, the axis grows, and
/// nothing is there that was not.
RC_GTEST_PROP(TraceLaw, KeepsTheExtremes, ()) {
  Made made;
  double time = 0;
  const int count = *rc::gen::inRange(1, 400);
  for (int i = 0; i < count; ++i) {
    time += *rc::gen::inRange(1, 30) == 1 ? 5 : 0.1;
    made.time_s.push_back(time);
    made.field.values.push_back(*rc::gen::inRange(-1'000, 1'000));
  }
  const auto rows = *rc::gen::inRange<std::size_t>(2, 100);
  const Trace trace = made.trace(rows);
  std::vector<double> values = trace.fields[0].values;
  RC_ASSERT(values.size() == trace.x.size());
  RC_ASSERT(std::ranges::is_sorted(trace.x));
  std::erase_if(values, [](double v) { return std::isnan(v); });
  RC_ASSERT(values.size() <= std::max<std::size_t>(rows, 2));
  RC_ASSERT(std::ranges::max(values) == std::ranges::max(made.field.values));
  RC_ASSERT(std::ranges::min(values) == std::ranges::min(made.field.values));
}

}  // namespace
}  // namespace slipstream
