// What refusals may write to the log, and what each sender may send.
#include "source/peer_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace slipstream {
namespace {

using testing::Each;
using testing::SizeIs;

const Rejection kBad{RejectReason::kMalformedJson, "bad"};

constexpr SteadyTime at_s(std::int64_t s) {
  return {s * kNsPerSecond};
}
constexpr Address sender(std::uint64_t i) {
  return {i, 0};
}

class RejectionLogTest : public testing::Test {
 protected:
  Counter not_logged_;
  std::vector<std::uint64_t> written_;  ///< what each line says was left out of its address
  std::vector<LeftOutReport> told_;
  RejectionLog log_{
      {.refused = [this](const RejectionReport& r) { written_.push_back(r.suppressed); },
       .left_out = [this](const LeftOutReport& r) { told_.push_back(r); }},
      not_logged_};
  PeerTable udp_{"udp", 0, log_};
  PeerTable http_{"http", 0, log_};
};

TEST_F(RejectionLogTest, ForgedAddressesDoNotFloodTheLog) {
  for (std::uint64_t i = 0; i < 30'000; ++i) {
    for (int n = 0; n < 10; ++n) udp_.report(sender(i), kBad, "x", at_s(0));
  }
  EXPECT_THAT(written_, SizeIs(RejectionLog::kLinesPerMinute));
  EXPECT_THAT(told_, SizeIs(0)) << "the minute is not over";
  log_.tell(at_s(59));
  EXPECT_THAT(told_, SizeIs(0));
  log_.tell(at_s(60));
  ASSERT_THAT(told_, SizeIs(1));
  EXPECT_EQ(told_[0].refusals, 300'000u - RejectionLog::kLinesPerMinute);
  EXPECT_EQ(told_[0].refusals, not_logged_.value());
  EXPECT_EQ(told_[0].addresses, RejectionLog::kMaxCounted);
  EXPECT_TRUE(told_[0].are_more);
  EXPECT_LE(udp_.size(), PeerTable::kMaxPeers);
}

TEST_F(RejectionLogTest, AddressesAreCountedExactlyUpToTheBound) {
  for (std::uint64_t i = 0; i < 10; ++i) {
    for (int n = 0; n < 10; ++n) udp_.report(sender(i), kBad, "x", at_s(0));
  }
  for (int twice = 0; twice < 2; ++twice) {
    for (std::uint64_t i = 0; i < RejectionLog::kMaxCounted; ++i) {
      log_.leave_out(sender(i), at_s(1));
    }
  }
  log_.tell(at_s(60));
  ASSERT_THAT(told_, SizeIs(1));
  EXPECT_EQ(told_[0].refusals, 2 * RejectionLog::kMaxCounted);
  EXPECT_EQ(told_[0].addresses, RejectionLog::kMaxCounted);
  EXPECT_FALSE(told_[0].are_more);
}

TEST_F(RejectionLogTest, AllSourcesShareTheBound) {
  for (std::uint64_t i = 0; i < 60; ++i) {
    udp_.report(sender(i), kBad, "x", at_s(0));
    http_.report(sender(i), {RejectReason::kRateLimited, "too many"}, "", at_s(0));
  }
  EXPECT_THAT(written_, SizeIs(100));
  EXPECT_EQ(not_logged_.value(), 20u);
  log_.tell(at_s(100));
  ASSERT_THAT(told_, SizeIs(1));
  EXPECT_EQ(told_[0].refusals, 20u);
  EXPECT_EQ(told_[0].addresses, 10u);
}

TEST_F(RejectionLogTest, EachMinuteHasItsLinesAndItsOneLineMore) {
  for (std::int64_t minute = 0; minute < 5; ++minute) {
    for (std::uint64_t i = 0; i < 150; ++i) {
      udp_.report(sender(static_cast<std::uint64_t>(minute) * 1'000 + i), kBad, "x",
                  at_s(60 * minute));
    }
  }
  log_.tell(at_s(300));
  EXPECT_THAT(written_, SizeIs(500));
  ASSERT_THAT(told_, SizeIs(5));
  EXPECT_THAT(told_, Each(testing::Field(&LeftOutReport::refusals, 50u)));
  EXPECT_EQ(not_logged_.value(), 250u);
  log_.tell(at_s(1'000));
  log_.finish();
  EXPECT_THAT(told_, SizeIs(5)) << "nothing was left out since";
}

TEST_F(RejectionLogTest, WhatIsLeftOutIsToldAtTheEnd) {
  for (int i = 0; i < 12; ++i) udp_.report(sender(1), kBad, "x", at_s(0));
  log_.finish();
  ASSERT_THAT(told_, SizeIs(1));
  EXPECT_EQ(told_[0].refusals, 2u);
  EXPECT_EQ(told_[0].addresses, 1u);
}

TEST_F(RejectionLogTest, LineSaysWhatWasLeftOutOfItsAddressWhicheverTheBound) {
  for (int i = 0; i < 13; ++i) udp_.report(sender(1), kBad, "x", at_s(0));
  for (std::uint64_t i = 2; i < 92; ++i) udp_.report(sender(i), kBad, "x", at_s(0));
  for (int i = 0; i < 4; ++i) udp_.report(sender(200), kBad, "x", at_s(0));
  written_.clear();
  udp_.report(sender(1), kBad, "x", at_s(61));
  udp_.report(sender(200), kBad, "x", at_s(61));
  EXPECT_EQ(written_, (std::vector<std::uint64_t>{3, 4}));
}

TEST_F(RejectionLogTest, PeersStayBoundedAndStartAnewEachMinute) {
  for (std::uint64_t i = 0; i < 20'000; ++i) {
    udp_.report(sender(i), kBad, "x", {static_cast<std::int64_t>(i)});
  }
  EXPECT_LE(udp_.size(), PeerTable::kMaxPeers);
  written_.clear();
  for (int i = 0; i < 30; ++i) udp_.report({1, 1}, kBad, "x", at_s(61));
  EXPECT_THAT(written_, SizeIs(10));
  udp_.report({1, 1}, kBad, "x", at_s(122));
  EXPECT_THAT(written_, SizeIs(11));
}

TEST(PeerTable, HoldsANetworkOfIpv6ToOneAllowance) {
  Counter not_logged;
  int reports = 0;
  RejectionLog log({.refused = [&](const RejectionReport&) { ++reports; }}, not_logged);
  PeerTable peers("udp", 10, log);
  const SteadyTime now = at_s(1);
  const auto address = [](const char* text) { return parse_address(text).value(); };
  peers.spend(address("2001:db8:1:2::1"), 10, now);
  EXPECT_FALSE(peers.may_send(address("2001:db8:1:2::1"), now));
  EXPECT_FALSE(peers.may_send(address("2001:db8:1:2:ffff:ffff:ffff:ffff"), now));
  EXPECT_TRUE(peers.may_send(address("2001:db8:1:3::1"), now));
  peers.spend(address("10.0.0.1"), 10, now);
  EXPECT_FALSE(peers.may_send(address("10.0.0.1"), now));
  EXPECT_TRUE(peers.may_send(address("10.0.0.2"), now));
  for (std::uint64_t i = 0; i < 100; ++i) {
    peers.report({address("2001:db8:1:2::").high, i}, kBad, "x", now);
  }
  EXPECT_EQ(reports, 10);
}

TEST(PeerTable, WhatCameAtOnceIsOwedInFull) {
  Counter not_logged;
  RejectionLog log({}, not_logged);
  PeerTable peers("http", 10, log);
  const Address address = parse_address("10.0.0.1").value();
  const auto at_ms = [](std::int64_t ms) { return SteadyTime{ms * kNsPerMs}; };
  EXPECT_EQ(peers.seconds_to_wait(address, at_ms(0)), 0);
  peers.spend(address, 1'009, at_ms(0));
  EXPECT_EQ(peers.seconds_to_wait(address, at_ms(0)), 100);
  EXPECT_FALSE(peers.may_send(address, at_ms(99'900)));
  EXPECT_EQ(peers.seconds_to_wait(address, at_ms(99'900)), 1);
  EXPECT_TRUE(peers.may_send(address, at_ms(100'100)));
}

}  // namespace
}  // namespace slipstream
