#include "base/circuit_breaker.h"

#include <gtest/gtest.h>

namespace slipstream {
namespace {

using State = CircuitBreaker::State;

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

}  // namespace
}  // namespace slipstream
