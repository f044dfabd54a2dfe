#include "tracing/sampler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <deque>
#include <random>

namespace slipstream {
namespace {

using testing::HasSubstr;

SamplerOptions named(std::string_view name, std::string_view argument = "") {
  return SamplerOptions::parse(name, argument).value();
}

bool wants(const SamplerOptions& options, const TraceContext* parent, TraceId id = {1, 1}) {
  const ManualClock clock;
  return Sampler(options, clock).wants(parent, id);
}

TEST(SamplerNames, AreOpenTelemetrys) {
  const TraceContext sampled{{1, 2}, {3}, true};
  const TraceContext other{{1, 2}, {3}, false};
  struct Case {
    std::string_view name;
    std::string_view argument;
    bool root, of_sampled, of_other;
  };
  const Case cases[] = {
      {"always_on", "", true, true, true},
      {"always_off", "", false, false, false},
      {"traceidratio", "1", true, true, true},
      {"traceidratio", "0", false, false, false},
      {"traceidratio", "", true, true, true},
      {"parentbased_always_on", "", true, true, false},
      {"parentbased_always_off", "", false, true, false},
      {"parentbased_traceidratio", "0", false, true, false},
      {"parentbased_traceidratio", "1.0", true, true, false},
  };
  for (const auto& one : cases) {
    const auto options = named(one.name, one.argument);
    EXPECT_EQ(wants(options, nullptr), one.root) << one.name;
    EXPECT_EQ(wants(options, &sampled), one.of_sampled) << one.name;
    EXPECT_EQ(wants(options, &other), one.of_other) << one.name;
  }
}

TEST(SamplerNames, WhatIsNoneIsRefusedWithThoseThatThereAre) {
  EXPECT_THAT(SamplerOptions::parse("xray", "").error().message,
              HasSubstr("parentbased_traceidratio is expected, not \"xray\""));
  for (const auto argument : {"2", "-0.1", "often", "0.5 ", "nan"}) {
    EXPECT_THAT(SamplerOptions::parse("traceidratio", argument).error().message,
                HasSubstr("a number from 0 to 1"))
        << argument;
  }
  // It is only looked at where it says something.
  EXPECT_TRUE(SamplerOptions::parse("always_on", "often"));
}

TEST(SamplerByRatio, AGreaterOneTakesWhatASmallerOneDoes) {
  rc::check([](std::uint64_t high, std::uint64_t low) {
    const TraceId id{high, low};
    const auto smaller = *rc::gen::inRange(0, 1'001);
    const auto greater = *rc::gen::inRange(smaller, 1'001);
    const auto taken = [&](int thousandths) {
      SamplerOptions options = named("traceidratio", "1");
      options.ratio = thousandths / 1'000.0;
      return wants(options, nullptr, id);
    };
    RC_ASSERT(!taken(smaller) || taken(greater));
    RC_ASSERT(taken(1'000) && !taken(0));
  });
}

TEST(SamplerByRatio, TakesThatShareOfRandomIds) {
  const ManualClock clock;
  Sampler sampler(named("traceidratio", "0.25"), clock);
  std::mt19937_64 random(7);
  int taken = 0;
  for (int i = 0; i < 10'000; ++i) taken += sampler.wants(nullptr, {1, random()}) ? 1 : 0;
  EXPECT_NEAR(taken, 2'500, 200);
}

/// What has no parent and would always be taken, but for the limit.
SamplerOptions limited() {
  SamplerOptions options;
  options.ratio = 1;
  return options;
}

TEST(SamplerByDefault, TakesNoMoreThanTenInAnySecond) {
  rc::check([](const std::vector<std::uint32_t>& steps) {
    ManualClock clock;
    Sampler sampler(limited(), clock);
    std::deque<SteadyTime> taken;
    for (const auto step : steps) {
      clock.advance(step % (300 * kNsPerMs));
      const SteadyTime now = clock.steady();
      while (!taken.empty() && now - taken.front() >= kNsPerSecond) taken.pop_front();
      const bool is_taken = sampler.wants(nullptr, {1, 1});
      // Neither more nor fewer.
      RC_ASSERT(is_taken == (taken.size() < Sampler::kMostPerSecond));
      if (is_taken) taken.push_back(now);
    }
  });
}

TEST(SamplerByDefault, WhatHasAParentKnowsNoLimit) {
  const ManualClock clock;
  Sampler sampler(limited(), clock);
  const TraceContext parent{{1, 2}, {3}, true};
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(sampler.wants(&parent, parent.trace));
}

TEST(SamplerByDefault, TakesOneOfTenThousand) {
  const std::uint64_t first_left_out = (std::uint64_t{1} << 63) / 10'000 * 2 + 2;
  EXPECT_TRUE(wants({}, nullptr, {1, first_left_out - 3}));
  EXPECT_FALSE(wants({}, nullptr, {1, first_left_out}));
}

}  // namespace
}  // namespace slipstream
