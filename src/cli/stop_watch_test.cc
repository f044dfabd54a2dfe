#include "cli/stop_watch.h"

#include <gtest/gtest.h>

namespace slipstream {
namespace {

SteadyTime at(std::int64_t seconds) {
  return {seconds * kNsPerSecond};
}

TEST(StopJudge, GivesUpWhatDoesNothingForFiveSeconds) {
  StopJudge judge(at(100), {.steps = 7});
  EXPECT_FALSE(judge.look(at(104), {.steps = 7}).gives_up);
  EXPECT_TRUE(judge.look(at(105), {.steps = 7}).gives_up);
}

TEST(StopJudge, LetsGoOnWhatGoesOnHoweverLong) {
  StopJudge judge(at(100), {});
  for (std::uint64_t second = 1; second < 100; ++second) {
    EXPECT_FALSE(
        judge.look(at(100 + static_cast<std::int64_t>(second) * 4), {.steps = second}).gives_up);
  }
}

TEST(StopJudge, GivesALargeCommitTheTimeThatASlowDiskNeeds) {
  StopJudge judge(at(100), {});
  const StopProgress committing{.steps = 1, .is_committing = true};
  EXPECT_FALSE(judge.look(at(101), committing).gives_up);
  EXPECT_FALSE(judge.look(at(160), committing).gives_up);
  EXPECT_TRUE(judge.look(at(161), committing).gives_up);
  StopJudge other(at(100), {});
  EXPECT_FALSE(other.look(at(101), committing).gives_up);
  EXPECT_FALSE(other.look(at(121), {.steps = 1}).gives_up) << "its end is a step";
  EXPECT_TRUE(other.look(at(126), {.steps = 1}).gives_up);
}

TEST(StopJudge, SaysHowLongItWillBe) {
  StopJudge judge(at(0), {.steps = 1'000, .rows = 1'000, .rows_left = 40'000});
  EXPECT_FALSE(judge.look(at(1), {.steps = 1'500, .rows = 1'500, .rows_left = 40'000}).tells);
  const auto told = judge.look(at(2), {.steps = 11'000, .rows = 11'000, .rows_left = 30'000});
  EXPECT_TRUE(told.tells);
  EXPECT_EQ(told.rows_left, 30'000u);
  EXPECT_EQ(told.seconds_left, 7);
  EXPECT_FALSE(judge.look(at(3), {.steps = 12'000}).tells) << "each second would be too much";
  EXPECT_TRUE(judge.look(at(4), {.steps = 12'000}).tells);
}

TEST(StopJudge, SaysNothingOfTheTimeBeforeARowIsStored) {
  StopJudge judge(at(0), {});
  const auto told = judge.look(at(2), {.steps = 5, .rows_left = 9});
  EXPECT_TRUE(told.tells);
  EXPECT_EQ(told.seconds_left, std::nullopt);
}

}  // namespace
}  // namespace slipstream
