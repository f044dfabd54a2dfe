#include "cli/even_samples.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace slipstream {
namespace {

using testing::ElementsAre;
using testing::FloatNear;

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

std::vector<float> sampled(const std::vector<double>& times, const std::vector<double>& values,
                           double duration_s, double factor = 1) {
  return even_samples(times, values, plan_even_samples(times, values, duration_s), factor);
}

TEST(EvenSamples, TheRateIsTheUsualOneOfTheFieldsOwnReadings) {
  const std::vector<double> times = {0, 0.01, 0.02, 0.03, 0.04, 0.05, 0.06};
  EXPECT_EQ(plan_even_samples(times, std::vector(7, 1.0), 0.07).rate_hz, 100);
  const std::vector<double> rarer = {1, kNone, 2, kNone, 3, kNone, 4};
  const auto plan = plan_even_samples(times, rarer, 0.07);
  EXPECT_EQ(plan.rate_hz, 50);
  EXPECT_EQ(plan.samples, 4u);
  EXPECT_EQ(plan.holes, 0u);
}

TEST(EvenSamples, TheRateIsBetweenOneAndAThousand) {
  const std::vector<double> values = {0.5, 1.5, 2.5};
  EXPECT_EQ(plan_even_samples(std::vector<double>{0, 1e-5, 2e-5}, values, 1).rate_hz, 1'000);
  EXPECT_EQ(plan_even_samples(std::vector<double>{0, 60, 120}, values, 180).rate_hz, 1);
  const auto alone = plan_even_samples(std::vector<double>{0}, std::vector<double>{7}, 0);
  EXPECT_EQ(alone.rate_hz, 1);
  EXPECT_EQ(alone.samples, 1u);
}

TEST(EvenSamples, BetweenReadingsValuesAreInterpolated) {
  // The middle one comes late.
  EXPECT_THAT(sampled({0, 0.1, 0.25, 0.3, 0.4}, {0.5, 1.5, 3, 3.5, 4.5}, 0.4),
              ElementsAre(FloatNear(0.5F, 1e-6F), FloatNear(1.5F, 1e-6F), FloatNear(2.5F, 1e-6F),
                          FloatNear(3.5F, 1e-6F)));
  EXPECT_THAT(sampled({0, 0.1, 0.2}, {0.25, 0.5, 0.75}, 0.3, 100), ElementsAre(25, 50, 75));
}

TEST(EvenSamples, WholeNumbersAreHeld) {
  EXPECT_THAT(sampled({0, 0.1, 0.25, 0.3}, {1, 2, 4, 5}, 0.4), ElementsAre(1, 2, 2, 5));
}

TEST(EvenSamples, AValueThatSeldomChangesIsHeld) {
  std::vector<double> times;
  std::vector<double> values;
  for (int i = 0; i < 40; ++i) {
    times.push_back(i * 0.1 + (i == 20 ? 0.05 : 0));
    values.push_back(i < 20 ? 23.4 : 20.1);
  }
  const auto samples = sampled(times, values, 4);
  EXPECT_EQ(samples[20], 23.4F) << "its reading came later";
  EXPECT_EQ(samples[21], 20.1F);
}

TEST(EvenSamples, AJumpIsNotInterpolated) {
  // A distance that begins anew.
  EXPECT_THAT(sampled({0, 0.1, 0.25, 0.3}, {980.5, 990.5, 4.5, 9.5}, 0.4),
              ElementsAre(980.5F, 990.5F, 990.5F, FloatNear(9.5F, 1e-4F)));
}

TEST(EvenSamples, AHoleIsHeldAndTold) {
  const std::vector<double> times = {0, 0.1, 0.2, 0.7, 0.8, 0.9};
  const std::vector<double> values = {0.5, 1, 1.5, 2, 2.5, 3};
  const auto plan = plan_even_samples(times, values, 1);
  EXPECT_EQ(plan.holes, 1u);
  EXPECT_NEAR(plan.longest_hole_s, 0.5, 1e-9);
  EXPECT_NEAR(plan.longest_hole_from_s, 0.2, 1e-9);
  const auto samples = even_samples(times, values, plan, 1);
  ASSERT_EQ(samples.size(), 10u);
  for (int i = 2; i < 7; ++i) EXPECT_EQ(samples[static_cast<std::size_t>(i)], 1.5F) << i;
  EXPECT_EQ(plan_even_samples(times, values, 0.9).samples, 9u);
}

TEST(EvenSamples, WithoutReadingsAtTheEndsIsAHoleToo) {
  const std::vector<double> times = {0, 1, 1.1, 1.2, 3};
  const std::vector<double> values = {kNone, 5.5, 6, 6.5, kNone};
  const auto plan = plan_even_samples(times, values, 3);
  EXPECT_EQ(plan.holes, 2u);
  EXPECT_NEAR(plan.longest_hole_s, 1.8, 1e-9);
  const auto samples = even_samples(times, values, plan, 1);
  EXPECT_EQ(samples.front(), 5.5F);
  EXPECT_EQ(samples.back(), 6.5F);
}

TEST(EvenSamples, WhatIsBeyondAFloatIsItsGreatest) {
  EXPECT_THAT(sampled({0, 1}, {1e300, -1e300}, 2),
              ElementsAre(std::numeric_limits<float>::max(), -std::numeric_limits<float>::max()));
}

}  // namespace
}  // namespace slipstream
