#include "source/receive_pacing.h"

#include <gtest/gtest.h>

namespace slipstream {
namespace {

constexpr std::size_t kAmple = std::size_t{32} << 20;
constexpr std::size_t kSmall = 212'992;  // Linux's own, for who is not root

/// What a receiver does that naps and blocks as it is told, while datagrams come evenly.
struct Second {
  int wakes = 0;
  std::int64_t latest_ns = 0;  ///< that a datagram lay in the socket
  std::size_t most = 0;        ///< datagrams that lay there
};
Second run(const ReceivePacing& pacing, std::int64_t apart_ns, bool is_watched) {
  Second second;
  std::int64_t now = 0;
  std::int64_t began = 0;
  std::int64_t next = apart_ns;  // when the next datagram comes
  std::size_t received = 0;
  while (now < kNsPerSecond) {
    const auto wait = pacing.next(received, now - began, is_watched);
    began = now;
    if (wait.until_one) {
      now = std::max(now, next);
      ++second.wakes;
    }
    if (wait.ns > 0) {
      now += wait.ns;
      ++second.wakes;
    }
    received = 0;
    for (; next <= now; next += apart_ns, ++received) {
      second.latest_ns = std::max(second.latest_ns, now - next);
    }
    second.most = std::max(second.most, received);
  }
  return second;
}

TEST(ReceivePacing, TwentyCarsWakeItFiftyTimesASecondWhileNobodyLooks) {
  const auto second = run(ReceivePacing(kAmple), 2 * kNsPerMs, false);
  EXPECT_LE(second.wakes, 55);
  EXPECT_LE(second.latest_ns, 20 * kNsPerMs);
}

TEST(ReceivePacing, WhoLooksGetsTheirPointsAtOnce) {
  for (const std::int64_t apart_ns : {2 * kNsPerMs, 200 * kNsPerUs, 50 * kNsPerUs}) {
    const auto second = run(ReceivePacing(kAmple), apart_ns, true);
    EXPECT_LE(second.latest_ns, 200 * kNsPerUs) << apart_ns;
    EXPECT_LE(second.wakes, 5'100) << apart_ns;
  }
}

TEST(ReceivePacing, AFloodIsTakenInPortionsThatTheBufferHolds) {
  for (const bool is_watched : {false, true}) {
    const auto flood = run(ReceivePacing(kAmple), 5 * kNsPerUs, is_watched);
    EXPECT_LE(flood.most, 4'001u);
    EXPECT_LE(flood.wakes, 2'100);
    EXPECT_LE(run(ReceivePacing(kSmall), 20 * kNsPerUs, is_watched).most, 64u);
  }
}

TEST(ReceivePacing, TheFirstWaitIsLikeAnyOther) {
  constexpr std::int64_t kSinceEver = SteadyTime{kNsPerSecond} - kNever;
  EXPECT_EQ(ReceivePacing(kAmple).next(2, kSinceEver, false).ns, 20 * kNsPerMs);
}

TEST(ReceivePacing, OneDatagramNowAndThenIsBlockedFor) {
  const auto second = run(ReceivePacing(kAmple), 100 * kNsPerMs, false);
  EXPECT_LE(second.wakes, 22);
}

}  // namespace
}  // namespace slipstream
