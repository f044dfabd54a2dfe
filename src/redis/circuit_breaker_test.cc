#include "redis/circuit_breaker.h"

#include <gtest/gtest.h>

#include "redis/backoff.h"
#include "redis/retry.h"

namespace slipstream {
namespace {

using State = CircuitBreaker::State;
using std::chrono::milliseconds;

class CircuitBreakerTest : public testing::Test {
 protected:
  void fail(int times) {
    for (int i = 0; i < times; ++i) {
      EXPECT_TRUE(breaker_.allow());
      breaker_.failure();
    }
  }

  ManualClock clock_{1'000'000 * kNsPerSecond};
  CircuitBreaker breaker_{{.failures = 5, .retry_after_ms = 5000}, clock_};
};

TEST_F(CircuitBreakerTest, OpensAfterFiveFailuresInARow) {
  fail(4);
  EXPECT_EQ(breaker_.state(), State::kClosed);
  EXPECT_TRUE(breaker_.allow());
  breaker_.success();
  EXPECT_EQ(breaker_.failures(), 0);
  fail(5);
  EXPECT_EQ(breaker_.state(), State::kOpen);
  EXPECT_EQ(breaker_.failures(), 5);
  EXPECT_EQ(breaker_.retry_in_ms(), 5000);
  EXPECT_FALSE(breaker_.allow());
  EXPECT_EQ(breaker_.times(State::kOpen), 1u);
}

TEST_F(CircuitBreakerTest, LetsOneTryAfterFiveSecondsAndClosesAfterItsSuccess) {
  fail(5);
  clock_.advance(5000 * kNsPerMs - 1);
  EXPECT_FALSE(breaker_.allow());
  clock_.advance(1);
  EXPECT_TRUE(breaker_.allow());
  EXPECT_EQ(breaker_.state(), State::kHalfOpen);
  EXPECT_FALSE(breaker_.allow());
  breaker_.success();
  EXPECT_EQ(breaker_.state(), State::kClosed);
  EXPECT_TRUE(breaker_.allow());
  EXPECT_EQ(breaker_.times(State::kHalfOpen), 1u);
  EXPECT_EQ(breaker_.times(State::kClosed), 1u);
}

TEST_F(CircuitBreakerTest, OpensAgainAfterTheOneTryFails) {
  fail(5);
  clock_.advance(5000 * kNsPerMs);
  fail(1);
  EXPECT_EQ(breaker_.state(), State::kOpen);
  EXPECT_FALSE(breaker_.allow());
  clock_.advance(5000 * kNsPerMs);
  EXPECT_TRUE(breaker_.allow());
  EXPECT_EQ(breaker_.times(State::kOpen), 2u);
}

TEST_F(CircuitBreakerTest, DoesNotWaitForATryThatIsNeverReported) {
  fail(5);
  clock_.advance(5000 * kNsPerMs);
  EXPECT_TRUE(breaker_.allow());
  clock_.advance(5000 * kNsPerMs);
  EXPECT_TRUE(breaker_.allow());
  EXPECT_FALSE(breaker_.allow());
}

TEST_F(CircuitBreakerTest, StaysOpenAsLongAsEverWhenTheClockIsSet) {
  for (const std::int64_t hours : {-1, 1}) {
    fail(5);
    clock_.step(hours * 3600 * kNsPerSecond);
    EXPECT_FALSE(breaker_.allow());
    clock_.advance(5000 * kNsPerMs);
    EXPECT_TRUE(breaker_.allow());
    breaker_.success();
  }
}

TEST_F(CircuitBreakerTest, IsNotHeldOpenByThoseWhoBeganBefore) {
  EXPECT_TRUE(breaker_.allow());
  EXPECT_TRUE(breaker_.allow());
  fail(5);
  clock_.advance(2000 * kNsPerMs);
  breaker_.failure();
  EXPECT_EQ(breaker_.retry_in_ms(), 3000);
  breaker_.success();
  EXPECT_EQ(breaker_.state(), State::kClosed);
}

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

TEST(RedisRetry, WaitsForItsTimeOrForAServersReturn) {
  ManualClock clock(1'000'000 * kNsPerSecond);
  RedisRetry retry;
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
