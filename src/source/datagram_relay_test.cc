#include "source/datagram_relay.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/udp.h>

#include <cstring>
#include <numeric>

#include "net/own_addresses.h"
#include "source/datagram_testing.h"
#include "source/udp_sender.h"

namespace slipstream {
namespace {

using source_testing::dead_target;
using source_testing::has_ipv6;
using source_testing::Listener;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

/// A socket whose datagrams are sent on as soon as the test has received them.
class DatagramRelayTest : public testing::Test {
 protected:
  RelayTarget& add(const std::string& to, std::uint32_t max_per_second = 1'000'000) {
    auto target = RelayTarget::open({.to = to, .max_per_second = max_per_second});
    EXPECT_TRUE(target) << target.error().message;
    return *targets_.emplace_back(std::move(*target));
  }
  DatagramRelay& relay() {
    if (!relay_) relay_ = std::make_unique<DatagramRelay>(targets_, allow_);
    return *relay_;
  }
  void send(std::string_view datagram) { ASSERT_TRUE(sender_.send(datagram)); }
  void send_on() {
    while (received_.receive(socket_.fd(), clock_) > 0) relay().send(received_);
  }

  ManualClock clock_{1'757'000'000 * kNsPerSecond};
  UdpSocket socket_ = UdpSocket::open({.host = "127.0.0.1", .port = 0}).value();
  UdpSender sender_ = UdpSender::open("127.0.0.1", socket_.port()).value();
  AddressList allow_;
  RelayTargets targets_;
  std::unique_ptr<DatagramRelay> relay_;
  DatagramBuffers received_;
};

TEST_F(DatagramRelayTest, EachTargetGetsAllInOrderWithADeadOneAmongThem) {
  Listener first;
  Listener last(has_ipv6() ? "::1" : "127.0.0.1");
  const auto& alive = add(first.target());
  const auto& dead = add(dead_target());
  add(last.target());
  std::vector<std::string> sent;
  for (std::size_t n = 0; n < 500; ++n) {
    std::string datagram((n * 37) % 1'400, static_cast<char>(n));  // empty ones, too
    if (n % 100 == 99) datagram.assign(60'000, 'x');
    if (datagram.size() >= 2) std::memcpy(datagram.data(), &n, 2);
    send(datagram);
    sent.push_back(std::move(datagram));
    if (n % 5 == 0) send_on();
    first.heard();
    last.heard();
  }
  send_on();
  EXPECT_EQ(first.heard(), sent);
  EXPECT_EQ(last.heard(), sent);
  EXPECT_EQ(alive.sent_in_all(), sent.size());
  EXPECT_EQ(alive.dropped_in_all(), 0u);
  EXPECT_EQ(alive.trouble(clock_.steady()), "");
  EXPECT_EQ(dead.sent_in_all() + dead.dropped_in_all(), sent.size());
  EXPECT_GT(dead.dropped_by(RelayDrop::kRefused), 0u);
  EXPECT_EQ(dead.dropped_in_all(), dead.dropped_by(RelayDrop::kRefused));
  EXPECT_EQ(dead.trouble(clock_.steady()), "nobody listens there");
  clock_.advance(RelayTarget::kTroubleNs);
  EXPECT_EQ(dead.trouble(clock_.steady()), "") << "nobody has sent since";
}

TEST_F(DatagramRelayTest, ATargetThatComesBackGetsWhatComesFromThenOn) {
  std::uint16_t port = 0;
  {
    Listener gone;
    port = gone.port();
    add(gone.target());
  }
  for (int i = 0; i < 5; ++i) {
    send("lost");
    send_on();
  }
  Listener back("127.0.0.1", port);
  for (int i = 0; i < 5; ++i) {
    send("kept");
    send_on();
  }
  // Also the first, which finds the answer to the last one that was lost.
  EXPECT_THAT(back.heard(), ElementsAre("kept", "kept", "kept", "kept", "kept"));
  EXPECT_EQ(targets_[0]->sent_in_all(), 5u);
  EXPECT_EQ(targets_[0]->dropped_by(RelayDrop::kRefused), 5u);
}

TEST_F(DatagramRelayTest, WhatTheKernelJoinedGoesOnOneByOne) {
  Listener target;
  add(target.target());
  const int sender = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const int segment = 100;
  ASSERT_EQ(setsockopt(sender, SOL_UDP, UDP_SEGMENT, &segment, sizeof segment), 0);
  sockaddr_in to{.sin_family = AF_INET,
                 .sin_port = htons(socket_.port()),
                 .sin_addr = {htonl(INADDR_LOOPBACK)},
                 .sin_zero = {}};
  std::string burst(static_cast<std::size_t>(20 * segment + 40), '\0');
  std::iota(burst.begin(), burst.end(), '\0');
  ASSERT_EQ(
      sendto(sender, burst.data(), burst.size(), 0, reinterpret_cast<sockaddr*>(&to), sizeof to),
      static_cast<ssize_t>(burst.size()));
  close(sender);
  ASSERT_EQ(received_.receive(socket_.fd(), clock_), 1u);
  ASSERT_EQ(received_.datagrams(), 21u);
  relay().send(received_);
  ASSERT_THAT(target.heard(), SizeIs(21));
  std::string all;
  for (const auto& datagram : target.heard()) {
    EXPECT_THAT(datagram, SizeIs(&datagram == &target.heard().back() ? 40 : segment));
    all += datagram;
  }
  EXPECT_EQ(all, burst);
}

TEST_F(DatagramRelayTest, BeyondItsLimitATargetGetsNothingForTheRestOfTheSecond) {
  Listener slow;
  Listener fast;
  auto& limited = add(slow.target(), 10);
  add(fast.target());
  EXPECT_TRUE(relay().is_eager(clock_.steady()));
  for (int i = 0; i < 25; ++i) send(std::to_string(i));
  send_on();
  EXPECT_THAT(slow.heard(), SizeIs(10));
  EXPECT_THAT(fast.heard(), SizeIs(25));
  EXPECT_EQ(limited.dropped_by(RelayDrop::kLimit), 15u);
  EXPECT_THAT(std::string(limited.trouble(clock_.steady())), HasSubstr("relays that send to each"));
  EXPECT_TRUE(limited.is_at_limit(clock_.steady()));
  EXPECT_TRUE(relay().is_eager(clock_.steady())) << "the other one is not";
  clock_.advance(kNsPerSecond);
  send("later");
  send_on();
  EXPECT_EQ(slow.heard().back(), "later");
  EXPECT_FALSE(limited.is_at_limit(clock_.steady()));
}

TEST_F(DatagramRelayTest, ATargetWithoutAWayHarmsNoOther) {
  // A link's own address, of no link that is named.
  auto& nowhere = add("[fe80::1]:9");
  Listener here;
  add(here.target());
  for (int i = 0; i < 3; ++i) {
    send("x");
    send_on();
    clock_.advance(kNsPerSecond);
  }
  EXPECT_THAT(here.heard(), SizeIs(3));
  EXPECT_EQ(nowhere.dropped_by(RelayDrop::kUnreachable), 3u);
}

TEST_F(DatagramRelayTest, ATargetWhoseNameIsKnownLaterGetsWhatComesFromThenOn) {
  EXPECT_FALSE(RelayTarget::unresolved({.to = "no port"}, "why"));
  Listener late;
  Listener here;
  auto& target = *targets_.emplace_back(
      RelayTarget::unresolved({.to = "pc.local:5"}, "pc.local: not known").value());
  add(here.target());
  for (int i = 0; i < 3; ++i) {
    send("x");
    send_on();
  }
  EXPECT_THAT(here.heard(), SizeIs(3));
  EXPECT_EQ(target.dropped_by(RelayDrop::kUnresolved), 3u);
  clock_.advance(RelayTarget::kTroubleNs);
  EXPECT_EQ(target.trouble(clock_.steady()), "pc.local: not known") << "also if nothing comes";
  target.settle(endpoint_of_address(*parse_host_port(late.target())).value());
  send("y");
  send_on();
  EXPECT_THAT(late.heard(), ElementsAre("y"));
  EXPECT_EQ(target.sent_in_all(), 1u);
  EXPECT_EQ(target.dropped_in_all(), 3u);
  EXPECT_EQ(target.trouble(clock_.steady()), "");
}

TEST_F(DatagramRelayTest, WhatIsTooLargeForATargetIsLeftOutAlone) {
  if (!has_ipv6()) GTEST_SKIP();
  constexpr std::size_t kMostV4 = 65'507;
  const auto socket = UdpSocket::open({.host = "::1", .port = 0}).value();
  auto sender = UdpSender::open("::1", socket.port()).value();
  Listener target;
  auto& v4 = add(target.target());
  for (const std::size_t size : {std::size_t{7}, kMostV4 + 1, std::size_t{8}}) {
    ASSERT_TRUE(sender.send(std::string(size, 'x')));
  }
  while (received_.receive(socket.fd(), clock_) > 0) relay().send(received_);
  ASSERT_THAT(target.heard(), SizeIs(2));
  EXPECT_THAT(target.heard()[1], SizeIs(8));
  EXPECT_EQ(v4.dropped_by(RelayDrop::kTooLarge), 1u);
}

TEST_F(DatagramRelayTest, WhoMayNotSendHereIsNotSentOn) {
  Listener target;
  add(target.target());
  allow_ = AddressList::parse({"10.0.0.0/8"}).value();
  send("x");
  send_on();
  EXPECT_THAT(target.heard(), SizeIs(0));
  allow_ = AddressList::parse({"10.0.0.0/8", "127.0.0.1"}).value();
  send("y");
  send_on();
  EXPECT_THAT(target.heard(), ElementsAre("y"));
}

TEST(RelayTarget, IsAHostAndAPort) {
  for (const char* const text : {"", "host", ":1", "host:", "host:0", "host:65536", "host:1x",
                                 "::1:20777", "[::1]", "[::1]x:1", "[]:1", "host:-1", "host: 1"}) {
    EXPECT_FALSE(parse_host_port(text)) << text;
  }
  EXPECT_FALSE(parse_host_port(std::string("a\0b:5", 5))) << "the system would read a alone";
  EXPECT_EQ(key_of({"::0001", 5}), key_of({"::1", 5}));
  EXPECT_EQ(key_of({"LocalHost", 5}), key_of({"127.0.0.1", 5}));
  EXPECT_EQ(key_of({"Pc.Local", 5}), key_of({"pc.local", 5}));
  EXPECT_NE(key_of({"pc.local", 5}), key_of({"pc.local", 6}));
  EXPECT_NE(key_of({"fe80::1%1", 5}), key_of({"fe80::1%2", 5}));
  EXPECT_EQ(parse_host_port("[fe80::1%lo]:5")->host, "fe80::1%lo");
  EXPECT_EQ(parse_host_port("pc.local:20777")->port, 20'777);
  EXPECT_THAT(RelayTarget::open({.to = "no.such.host.invalid:1"}).error().message,
              HasSubstr("no.such.host.invalid"));
  const auto by_name = RelayTarget::open({.to = "localhost:5"});
  ASSERT_TRUE(by_name);
  EXPECT_EQ((*by_name)->endpoint()->port, 5);
  EXPECT_EQ((*by_name)->endpoint()->address.to_string(), "127.0.0.1");
}

TEST(OwnAddresses, AreWhatThisMachineHears) {
  const auto own = OwnAddresses::now();
  const auto heard = [&](const std::string& to, const ListeningPort& at) {
    return own.is_heard(endpoint_of_address(*parse_host_port(to)).value(), at);
  };
  for (const char* const here :
       {"127.0.0.1:5", "127.8.8.8:5", "0.0.0.0:5", "[::1]:5", "[::]:5", "255.255.255.255:5",
        "127.255.255.255:5", "239.1.1.1:5", "[ff02::1]:5", "[::ffff:127.0.0.1]:5"}) {
    EXPECT_TRUE(heard(here, {"", 5})) << here;
    EXPECT_FALSE(heard(here, {"", 6})) << here;
  }
  EXPECT_FALSE(heard("192.0.2.1:5", {"", 5})) << "an address that no machine has";
  EXPECT_TRUE(heard("127.0.0.1:5", {"127.0.0.1", 5}));
  EXPECT_TRUE(heard("0.0.0.0:5", {"127.0.0.1", 5}));
  EXPECT_FALSE(heard("127.0.0.2:5", {"127.0.0.1", 5}));
  EXPECT_TRUE(heard("127.0.0.2:5", {"0.0.0.0", 5}));
  EXPECT_FALSE(heard("[::1]:5", {"0.0.0.0", 5}));
  EXPECT_FALSE(heard("127.0.0.1:5", {"::", 5}));
}

/// Who knows no address of this machine has the kernel to ask.
TEST(OwnAddresses, TheKernelIsAskedToo) {
  const auto knows = [](const std::string& to) {
    return OwnAddresses::kernel_knows(endpoint_of_address(*parse_host_port(to)).value());
  };
  EXPECT_TRUE(knows("127.8.8.8:5")) << "no interface has it";
  EXPECT_TRUE(knows("127.255.255.255:5")) << "everybody's";
  EXPECT_EQ(knows("[::1]:5"), has_ipv6());
  EXPECT_FALSE(knows("192.0.2.1:5")) << "an address that no machine has";
  const auto is_of_many = [](const std::string& to) {
    return OwnAddresses::is_of_many(endpoint_of_address(*parse_host_port(to)).value());
  };
  EXPECT_TRUE(is_of_many("127.255.255.255:5"));
  EXPECT_TRUE(is_of_many("255.255.255.255:5"));
  EXPECT_TRUE(is_of_many("239.1.1.1:5"));
  EXPECT_FALSE(is_of_many("127.0.0.1:5"));
  EXPECT_FALSE(is_of_many("192.0.2.1:5"));
  ifaddrs* all = nullptr;
  ASSERT_EQ(getifaddrs(&all), 0);
  for (const ifaddrs* one = all; one != nullptr; one = one->ifa_next) {
    if (one->ifa_addr == nullptr || one->ifa_addr->sa_family != AF_INET) continue;
    if ((one->ifa_flags & IFF_UP) == 0) continue;
    for (const sockaddr* const name :
         {one->ifa_addr, (one->ifa_flags & IFF_BROADCAST) != 0 ? one->ifa_broadaddr : nullptr}) {
      if (name == nullptr) continue;
      sockaddr_storage storage{};
      std::memcpy(&storage, name, sizeof(sockaddr_in));
      const auto text = address_of(storage).first.to_string();
      const auto to = endpoint_of_address({text, 5}).value();
      EXPECT_TRUE(OwnAddresses().is_heard(to, {"", 5})) << text;
      EXPECT_FALSE(OwnAddresses().is_heard(to, {"", 6})) << text;
    }
  }
  freeifaddrs(all);
}

}  // namespace
}  // namespace slipstream
