#include "source/udp_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "source/testing.h"
#include "source/udp_sender.h"

namespace slipstream {
namespace {

using source_testing::BadInput;
using source_testing::good_point;
using source_testing::KeptPoints;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;
using testing::StartsWith;

class UdpSourceTest : public testing::Test {
 protected:
  /// The source reads from a real socket; the test is its thread.
  UdpSource& open(UdpSourceOptions options = {}) {
    auto sockets = UdpSocket::open_several({.host = "127.0.0.1", .port = 0}, 1);
    EXPECT_TRUE(sockets) << (sockets ? "" : sockets.error().message);
    source_ = std::make_unique<UdpSource>(
        std::move(*sockets), std::move(options),
        UdpSource::Borrowed{schema_, stats_, clock_, sink_, pool_, log_, viewers_});
    sender_ = std::make_unique<UdpSender>(UdpSender::open("127.0.0.1", source_->port()).value());
    return *source_;
  }
  void send(std::string_view text) {
    ASSERT_TRUE(sender_->send(text));
    ++sent_;
  }
  /// Until all datagrams sent so far were taken.
  void receive() {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (stats_.udp_datagrams.value() < sent_ && std::chrono::steady_clock::now() < deadline) {
      UdpReceiver& receiver = *source_->receivers().front();
      if (receiver.poll(64) == 0) receiver.idle();
    }
    ASSERT_EQ(stats_.udp_datagrams.value(), sent_);
  }
  std::uint64_t rejected(RejectReason reason) {
    return stats_.of(SourceKind::kUdp).rejected[static_cast<std::size_t>(reason)].value();
  }
  void expect_conserved() {
    const auto& udp = stats_.of(SourceKind::kUdp);
    std::uint64_t refused = 0;
    for (const auto& reason : udp.rejected) refused += reason.value();
    EXPECT_EQ(udp.received.value(), udp.accepted.value() + refused);
  }

  Schema schema_{source_testing::strict_schema()};
  IngestStats stats_;
  SystemClock clock_;
  KeptPoints sink_{stats_};
  BatchPool pool_;
  Gauge viewers_;
  std::vector<std::string> logged_;
  RejectionLog log_{
      {.refused = [this](const RejectionReport& report) { logged_.emplace_back(report.sample); }},
      stats_.errors_not_logged};
  std::unique_ptr<UdpSource> source_;
  std::unique_ptr<UdpSender> sender_;
  std::uint64_t sent_ = 0;
};

TEST_F(UdpSourceTest, TakesEveryFormatOfADatagram) {
  open();
  send(good_point("json"));
  send(good_point("line 1") + "\n" + good_point("line 2") + "\n");
  send("[" + good_point("array 1") + "," + good_point("array 2") + "]");
  send(
      "2025-09-05T00:28:20Z,cota,csv 1,1,10,100\n2025-09-05T00:28:20Z,cota,csv "
      "2,1,10,100,0,0,0,0,5000");
  receive();
  EXPECT_THAT(sink_.chassis, testing::UnorderedElementsAre("json", "line 1", "line 2", "array 1",
                                                           "array 2", "csv 1", "csv 2"));
  EXPECT_EQ(stats_.of(SourceKind::kUdp).received.value(), 7u);
  EXPECT_THAT(sink_.jsons, testing::Contains(HasSubstr(R"("raw_source":"udp:127.0.0.1:)")));
  expect_conserved();
}

TEST_F(UdpSourceTest, EachBadPointIsRefusedAloneAmongItsNeighbours) {
  open();
  for (const BadInput& bad : source_testing::bad_points()) {
    SCOPED_TRACE(std::string(to_string(bad.reason)));
    sink_.chassis.clear();
    const auto before = rejected(bad.reason);
    send(good_point("first") + "\n" + bad.text + "\n" + good_point("second"));
    receive();
    EXPECT_EQ(rejected(bad.reason), before + 1);
    EXPECT_THAT(sink_.chassis, ElementsAre("first", "second"));
  }
  expect_conserved();
}

TEST_F(UdpSourceTest, BadCsvLineIsRefusedAlone) {
  open();
  send(",cota,first,1,10,100\n,cota\n,cota,second,1,10,100");
  send(",cota,third,1,10,fast");
  receive();
  EXPECT_EQ(rejected(RejectReason::kMalformedCsv), 1u);
  EXPECT_EQ(rejected(RejectReason::kBadNumber), 1u);
  EXPECT_THAT(sink_.chassis, ElementsAre("first", "second"));
  expect_conserved();
}

TEST_F(UdpSourceTest, EmptyDatagramIsSkippedAndCounted) {
  open();
  send("");
  send(" \n");
  send(good_point("next"));
  receive();
  EXPECT_EQ(rejected(RejectReason::kEmpty), 2u);
  EXPECT_THAT(sink_.chassis, ElementsAre("next"));
  expect_conserved();
}

TEST_F(UdpSourceTest, AddressThatIsNotAllowedIsUnauthorized) {
  open({.allow = AddressList::parse({"10.0.0.0/8"}).value()});
  send(good_point("a"));
  receive();
  EXPECT_EQ(rejected(RejectReason::kUnauthorized), 1u);
  EXPECT_THAT(sink_.chassis, SizeIs(0));
  open({.allow = AddressList::parse({"127.0.0.0/8"}).value()});
  send(good_point("b"));
  receive();
  EXPECT_THAT(sink_.chassis, ElementsAre("b"));
  expect_conserved();
}

TEST_F(UdpSourceTest, AddressOverItsRateIsLimited) {
  open({.points_per_second_per_address = 5});
  for (int i = 0; i < 50; ++i) send(good_point(std::to_string(i)));
  receive();
  EXPECT_GE(sink_.chassis.size(), 5u);
  EXPECT_EQ(rejected(RejectReason::kRateLimited) + sink_.chassis.size(), 50u);
  EXPECT_GT(rejected(RejectReason::kRateLimited), 0u);
  expect_conserved();
}

TEST_F(UdpSourceTest, FullPipelineDropsAndCounts) {
  open();
  sink_.full = true;
  for (int i = 0; i < 10; ++i) send(good_point("lost"));
  receive();
  EXPECT_EQ(rejected(RejectReason::kOverloaded), 10u);
  sink_.full = false;
  send(good_point("kept"));
  receive();
  EXPECT_THAT(sink_.chassis, ElementsAre("kept"));
  expect_conserved();
}

TEST_F(UdpSourceTest, ErrorsAreLoggedTenTimesAMinuteForAnAddressAndAlwaysCounted) {
  open();
  for (int i = 0; i < 40; ++i) send("{" + std::string(500, 'x'));
  receive();
  EXPECT_THAT(logged_, SizeIs(10));
  EXPECT_THAT(logged_, testing::Each(testing::SizeIs(testing::Le(200u))));
  EXPECT_EQ(rejected(RejectReason::kMalformedJson), 40u);
  EXPECT_EQ(stats_.errors_not_logged.value(), 30u);
}

TEST_F(UdpSourceTest, ManyPortsOfOneAddressShareOneLimit) {
  open();
  for (int i = 0; i < 60; ++i) {
    auto other = UdpSender::open("127.0.0.1", source_->port());
    ASSERT_TRUE(other);
    ASSERT_TRUE(other->send("{"));
    ++sent_;
  }
  receive();
  EXPECT_THAT(logged_, SizeIs(10));
}

TEST(AddressList, HoldsNetworksOfBothFamilies) {
  const auto list = AddressList::parse({"10.1.0.0/16", "192.168.1.7", "2001:db8::/32"});
  ASSERT_TRUE(list) << list.error().message;
  for (const auto inside : {"10.1.255.3", "192.168.1.7", "2001:db8:1::9", "::ffff:10.1.0.1"}) {
    EXPECT_TRUE(list->contains(parse_address(inside).value())) << inside;
  }
  for (const auto outside : {"10.2.0.1", "192.168.1.8", "2001:db9::1"}) {
    EXPECT_FALSE(list->contains(parse_address(outside).value())) << outside;
  }
  for (const auto bad : {"10.0.0.0/33", "ten", "2001:db8::/129", "10.0.0.0/"}) {
    EXPECT_FALSE(AddressList::parse({bad})) << bad;
  }
}

TEST_F(UdpSourceTest, TakesOnlyTheFormatOfItsDecoder) {
  open({.decoder = "line"});
  send("a,chassis=b speed_kmh=1\na,chassis=b speed_kmh=2");
  send(good_point("c"));
  receive();
  EXPECT_EQ(rejected(RejectReason::kMalformedCsv), 1u);
  EXPECT_EQ(source_->decoder(), "line");
  EXPECT_EQ(source_->stats().datagrams.value(), 2u);
  EXPECT_EQ(source_->stats().points.value(), 3u);
  expect_conserved();
}

}  // namespace
}  // namespace slipstream
