#include "base/retry.h"

#include <gtest/gtest.h>

#include <vector>

#include "base/clock.h"

namespace slipstream {
namespace {

using std::chrono::milliseconds;

TEST(Backoff, DoublesFromFirstToLimitWithinTheUpperHalf) {
  Backoff backoff({.first = milliseconds(100), .limit = milliseconds(10'000)}, 7);
  for (int round = 0; round < 2; ++round) {
    std::int64_t step = 100;
    for (int i = 0; i < 12; ++i) {
      const auto wait = backoff.next().count();
      EXPECT_GE(wait, std::max<std::int64_t>(100, step / 2));
      EXPECT_LE(wait, step);
      step = std::min<std::int64_t>(step * 2, 10'000);
    }
    backoff.reset();
  }
}

TEST(Backoff, IsTheSameForTheSameSeed) {
  Backoff one({}, 42);
  Backoff same({}, 42);
  Backoff other({}, 43);
  std::vector<milliseconds> waits[3];
  for (int i = 0; i < 10; ++i) {
    waits[0].push_back(one.next());
    waits[1].push_back(same.next());
    waits[2].push_back(other.next());
  }
  EXPECT_EQ(waits[0], waits[1]);
  EXPECT_NE(waits[0], waits[2]);
}

TEST(Retry, WaitsForItsTimeOrForAServersReturn) {
  ManualClock clock(1'000'000 * kNsPerSecond);
  Retry retry;
  EXPECT_TRUE(retry.is_due(clock.steady(), 3));
  for (int i = 0; i < 10; ++i) retry.failed(clock.steady(), 3);
  clock.advance(4'999 * kNsPerMs);
  EXPECT_FALSE(retry.is_due(clock.steady(), 3));
  EXPECT_TRUE(retry.is_due(clock.steady(), 4));
  retry.failed(clock.steady(), 4);
  EXPECT_FALSE(retry.is_due(clock.steady(), 4));
  clock.advance(10'000 * kNsPerMs);
  EXPECT_TRUE(retry.is_due(clock.steady(), 4));
  retry.succeeded();
  retry.failed(clock.steady(), 4);
  clock.advance(100 * kNsPerMs);
  EXPECT_TRUE(retry.is_due(clock.steady(), 4));
  retry.failed(clock.steady(), 4);
  EXPECT_FALSE(retry.is_due(clock.steady(), 4));
  retry.hurry();
  EXPECT_TRUE(retry.is_due(clock.steady(), 4));
}

}  // namespace
}  // namespace slipstream
