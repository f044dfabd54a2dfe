#include "derive/expression.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <numbers>
#include <string>
#include <utility>
#include <vector>

#include "derive/testing.h"

namespace slipstream::derive_testing {
namespace {

using testing::HasSubstr;
using testing::Optional;

std::optional<double> value_of(std::string_view text, const Reading& reading) {
  OneExpression expression(text);
  return expression.take(reading);
}

TEST(Expression, ComputesWhatItSays) {
  const Reading reading{.values = {{"a", 6}, {"b", -2}, {"c", 0.5}, {"odd name", 7}, {"x.fl", 3}},
                        .lap = 12,
                        .sector = 2};
  const std::pair<const char*, double> cases[] = {
      {"a", 6},
      {"a + b * c", 5},
      {"(a + b) * c", 2},
      {"a / 4 - 1", 0.5},
      {"-a ^ 2", -36},
      {"2 ^ 3 ^ b", std::pow(2.0, std::pow(3.0, -2.0))},
      {"1.5e2 + .5 + a", 156.5},
      {"a > 5", 1},
      {"a <= 5", 0},
      {"a == 6 and b != 0", 1},
      {"a > 9 || b < 0", 1},
      {"a > 9 or b > 0 or c < 1", 1},
      {"not a > 9", 1},
      {"!(a > 5)", 0},
      {"not a > 5 or b < 0", 1},
      {"if(a > 5, b, c)", -2},
      {"if(a > 9, b, if(c < 1, 10, 20)) + 1", 11},
      {"a > 9 ? b : c", 0.5},
      {"min(a, b, c)", -2},
      {"max(a, b) - min(b)", 8},
      {"clamp(a, 0, 5)", 5},
      {"abs(b) + sign(b)", 1},
      {"sqrt(a * a)", 6},
      {"floor(c) + ceil(c) + round(c) + trunc(b - c)", 0},
      {"mod(a, 4)", 2},
      {"ln(exp(a))", 6},
      {"log10(100 * a / a)", 2},
      {"hypot(3 * a / a, 4)", 5},
      {"sin(pi * c) + a * 0", 1},
      {"atan2(a, a)", std::numbers::pi / 4},
      {"'odd name' + x.fl", 10},
      {"lap * 100 + sector", 1202},
      {"  a\t+\n b ", 4},
  };
  for (const auto& [text, wanted] : cases) {
    const auto value = value_of(text, reading);
    ASSERT_TRUE(value.has_value()) << text;
    EXPECT_DOUBLE_EQ(*value, wanted) << text;
  }
}

TEST(Expression, HasNoValueWhereSomethingIsMissingOrNoNumber) {
  const Reading reading{.values = {{"a", 1}, {"zero", 0}, {"b", -1}}};
  for (const char* const text :
       {"gone", "a + gone", "if(a > 0, a, gone)", "a / zero", "zero / zero", "sqrt(b)", "ln(zero)",
        "clamp(a, 5, 0)", "rate(a)", "rate(gone)", "mean(gone, 5s)", "mean(a / zero, 5s)",
        "delta_lap(a)", "10 ^ 300 * 10 ^ 300 * a"}) {
    EXPECT_EQ(value_of(text, reading), std::nullopt) << text;
  }
}

TEST(Expression, SaysWhatIsWrongAndWhere) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "character 1: a value is missing here"},
      {"a +", "character 4: it ends too early: a value is missing"},
      {"a b", "character 3: an operator is missing before this value"},
      {"a (b)", "character 1: there is no function \"a\""},
      {"2a", "character 2: an operator is missing between a number and a name"},
      {"* a", "character 1: this is not expected here"},
      {"a + * b", "character 5: this is not expected here"},
      {"(a + b", "character 1: this '(' is not closed"},
      {"a + b)", "character 6: this ')' closes nothing"},
      {"a, b", "character 2: a comma stands between the arguments of a function only"},
      {"(a, b)", "character 3: a comma stands between the arguments of a function only"},
      {"a = 3", "character 3: equality is written =="},
      {"a & b", "character 3: '&' is no operator"},
      {"a < b < c", "character 7: comparisons make no chain: write \"a < b and b < c\""},
      {"flor(a)", "character 1: there is no function \"flor\"; is \"floor\" meant?"},
      {"a + frobnicate(a)", "character 5: there is no function \"frobnicate\""},
      {"abs()", "character 1: abs() takes 1 argument, not 0"},
      {"1 + abs(a, b)", "character 5: abs() takes 1 argument, not 2"},
      {"min()", "character 1: min() takes at least 1 argument, not 0"},
      {"if(a, b)", "character 1: if() takes 3 arguments, not 2"},
      {"max(a,)", "character 7: a value is missing here"},
      {"mean(a)", "character 1: mean() takes 2 arguments, not 1"},
      {"mean(a, b)", "character 9: a duration is expected: 500ms, 5s, 2min, 1h"},
      {"mean(a, 5)", "character 9: a duration is expected"},
      {"mean(a, 0s)", "character 9: a duration is from 1ms to 1h"},
      {"mean(a, 2h)", "character 9: a duration is from 1ms to 1h"},
      {"rate(a +)", "character 10: it ends too early"},
      {"a ? b", "character 1: a '?' has no ':' behind it"},
      {"a : b", "character 3: this ':' has no '?' before it"},
      {"'a", "character 1: this ' has no other one behind it"},
      {"'' + a", "character 1: the name of a field has 1 to 128 bytes"},
      {"1e999 + a", "character 1: this number is too large, or too small"},
      {"1 + 2", "character 1: it names no field, and would be the same for every point"},
      {"a > 3 for 5s", "character 7: \"for\" belongs to an alert's condition"},
      {"a + \x01", "character 5: there is a character that means nothing"},
  };
  for (const auto& [text, wanted] : cases) {
    Schema schema;
    PointInputs inputs(schema);
    const auto compiled = Expression::compile(text, false, inputs);
    ASSERT_FALSE(compiled.has_value()) << text;
    EXPECT_THAT(compiled.error().to_text(), HasSubstr(wanted)) << text;
  }
}

TEST(Expression, IsBounded) {
  Schema schema;
  PointInputs inputs(schema);
  const std::string deep = std::string(100, '(') + "a" + std::string(100, ')');
  EXPECT_THAT(Expression::compile(deep, false, inputs).error().to_text(), HasSubstr("nested"));
  const std::string longest(3'000, 'a');
  EXPECT_THAT(Expression::compile(longest, false, inputs).error().to_text(), HasSubstr("longer"));
}

TEST(Expression, AConditionSaysForHowLong) {
  Schema schema;
  PointInputs inputs(schema);
  const auto compiled = Expression::compile("tyre > 110 for 1.5s", true, inputs);
  ASSERT_TRUE(compiled.has_value());
  EXPECT_EQ(compiled->for_ns(), 1'500'000'000);
  EXPECT_EQ(compiled->first_name(), "tyre");
  EXPECT_EQ(Expression::compile("tyre > 110", true, inputs)->for_ns(), 0);
  EXPECT_THAT(Expression::compile("tyre > 110 for ever", true, inputs).error().to_text(),
              HasSubstr("character 16: a duration is expected"));
  EXPECT_THAT(Expression::compile("tyre > 110 for 5s or x > 1", true, inputs).error().to_text(),
              HasSubstr("character 19: nothing may follow"));
  EXPECT_THAT(Expression::compile("for 5s", true, inputs).error().to_text(),
              HasSubstr("character 1: a value is missing"));
}

TEST(Rate, IsTheChangeASecondFromThePointBefore) {
  OneExpression rate("rate(x) * 2");
  EXPECT_EQ(rate.take({.values = {{"x", 1}}, .ms = 1'000}), std::nullopt);
  EXPECT_THAT(rate.take({.values = {{"x", 2}}, .ms = 1'500}), Optional(4.0));
  // A point without the field is passed over; no time, or time that goes back, gives no rate.
  EXPECT_EQ(rate.take({.values = {{"y", 9}}, .ms = 1'600}), std::nullopt);
  EXPECT_THAT(rate.take({.values = {{"x", 4}}, .ms = 2'500}), Optional(4.0));
  EXPECT_EQ(rate.take({.values = {{"x", 5}}, .ms = 2'500}), std::nullopt);
  EXPECT_EQ(rate.take({.values = {{"x", 6}}, .ms = 2'000}), std::nullopt);
  EXPECT_THAT(rate.take({.values = {{"x", 7}}, .ms = 3'000}), Optional(2.0));
}

TEST(Mean, IsOverTheSpanThatEndsWithThePoint) {
  OneExpression mean("mean(x, 2s)");
  EXPECT_THAT(mean.take({.values = {{"x", 1}}, .ms = 0}), Optional(1.0));
  EXPECT_THAT(mean.take({.values = {{"x", 3}}, .ms = 1'000}), Optional(2.0));
  EXPECT_THAT(mean.take({.values = {{"x", 5}}, .ms = 2'000}), Optional(4.0));
  // Out of order it counts as if it came now; older than the span it begins anew.
  EXPECT_THAT(mean.take({.values = {{"x", 7}}, .ms = 1'500}), Optional(5.0));
  EXPECT_THAT(mean.take({.values = {{"x", 9}}, .ms = 0}), Optional(9.0));
}

TEST(Mean, BeyondItsEntriesNeighboursAreJoined) {
  OneExpression mean("mean(x, 1h)");
  std::optional<double> value;
  for (int i = 0; i < 5'000; ++i) value = mean.take({.values = {{"x", i}}, .ms = i});
  EXPECT_THAT(value, Optional(testing::DoubleNear(2'499.5, 1e-9)));
}

/// A lap of 5 km, a point every 50 m, whose values are `offset` and the distance in km.
void drive(OneExpression& expression, std::int16_t lap, double offset,
           std::vector<std::optional<double>>* into = nullptr, double shift_m = 0) {
  for (int i = 0; i < 100; ++i) {
    const double distance = i * 50 + shift_m;
    const auto value = expression.take(
        {.values = {{"x", offset + distance / 1'000}, {"lapdist_m", distance}}, .lap = lap});
    if (into != nullptr) into->push_back(value);
  }
}

TEST(DeltaLap, IsTheDifferenceToTheSamePlaceOfTheLapBefore) {
  OneExpression delta("delta_lap(x)");
  std::vector<std::optional<double>> first;
  std::vector<std::optional<double>> second;
  drive(delta, 1, 10, &first);
  EXPECT_THAT(first, testing::Each(testing::Eq(std::nullopt)));
  drive(delta, 2, 13, &second, 20);  // between the places of the lap before
  ASSERT_EQ(second.size(), 100u);
  // Behind the last point of the lap before there is nothing to compare with.
  EXPECT_EQ(second.back(), std::nullopt);
  second.pop_back();
  EXPECT_THAT(second, testing::Each(Optional(testing::DoubleNear(3, 1e-9))));
}

TEST(DeltaLap, OfALapThatWasNotSeenThereIsNone) {
  OneExpression delta("delta_lap(x)");
  drive(delta, 1, 10);
  std::vector<std::optional<double>> values;
  drive(delta, 3, 13, &values);
  EXPECT_THAT(values, testing::Each(testing::Eq(std::nullopt)));
  values.clear();
  drive(delta, 4, 13, &values);
  EXPECT_THAT(values, testing::Each(Optional(testing::DoubleNear(0, 1e-9))));
}

TEST(DeltaLap, ALineThatIsCrossedBeforeTheLapCountsUpTakesNothingBack) {
  OneExpression delta("delta_lap(x)");
  drive(delta, 1, 10);
  const Reading at_line{.values = {{"x", 99}, {"lapdist_m", 3}}, .lap = 1};
  EXPECT_EQ(delta.take(at_line), std::nullopt);
  std::vector<std::optional<double>> values;
  drive(delta, 2, 12, &values);
  EXPECT_THAT(values, testing::Each(Optional(testing::DoubleNear(2, 1e-9))));
}

TEST(DeltaLap, WhatIsDrivenAgainTakesThePlaceOfWhatItGoesBackOver) {
  OneExpression delta("delta_lap(x)");
  const auto at = [&](std::int16_t lap, double distance, double x) {
    return delta.take({.values = {{"x", x}, {"lapdist_m", distance}}, .lap = lap});
  };
  at(1, 1'000, 1);
  at(1, 1'050, 2);
  at(1, 1'000, 5);
  at(1, 1'050, 6);
  EXPECT_THAT(at(2, 1'025, 10), Optional(4.5));
}

}  // namespace
}  // namespace slipstream::derive_testing
