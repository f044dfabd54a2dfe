// Several receivers of one port: whom it belongs to, and that no sender's points are lost, doubled
// or overtaken by its own.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <charconv>
#include <chrono>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "source/datagram_testing.h"
#include "source/testing.h"
#include "source/udp_sender.h"
#include "source/udp_source.h"

namespace slipstream {
namespace {

using testing::HasSubstr;
using testing::SizeIs;

Result<std::vector<UdpSocket>> open_at(std::uint16_t port, std::size_t count,
                                       const std::string& host = "127.0.0.1") {
  return UdpSocket::open_several({.host = host, .port = port, .receive_buffer_bytes = 1 << 20},
                                 count);
}

TEST(UdpSockets, APortThatSomebodyHasIsRefusedHoweverManyShareIt) {
  for (const std::size_t held_by : {1u, 4u}) {
    for (const std::size_t wanted_by : {1u, 4u}) {
      SCOPED_TRACE(testing::Message() << held_by << " have it, " << wanted_by << " want it");
      auto held = open_at(0, held_by);
      ASSERT_TRUE(held) << held.error().message;
      const std::uint16_t port = held->front().port();
      const auto refused = open_at(port, wanted_by);
      ASSERT_FALSE(refused);
      EXPECT_THAT(refused.error().message, HasSubstr("cannot listen on UDP 127.0.0.1 port"));
      EXPECT_THAT(refused.error().message, HasSubstr("in use"));
      held->clear();
      EXPECT_TRUE(open_at(port, wanted_by));
    }
  }
}

TEST(UdpSockets, AllAddressesAreSharedToo) {
  auto held = UdpSocket::open_several({.host = "", .port = 0}, 3);
  ASSERT_TRUE(held) << held.error().message;
  for (const auto& socket : *held) EXPECT_EQ(socket.port(), held->front().port());
  EXPECT_FALSE(UdpSocket::open_several({.host = "", .port = held->front().port()}, 3));
  EXPECT_FALSE(open_at(held->front().port(), 3));
}

/// The first byte of each datagram that waits.
std::set<char> waiting_at(const UdpSocket& socket) {
  std::set<char> seen;
  char datagram[64];
  while (recv(socket.fd(), datagram, sizeof datagram, MSG_DONTWAIT) > 0) seen.insert(datagram[0]);
  return seen;
}

TEST(UdpSockets, ASenderKeepsToOneOfThemFromTheFirstDatagramThatIsTaken) {
  for (int round = 0; round < 20; ++round) {
    auto held = open_at(0, 1);
    ASSERT_TRUE(held) << held.error().message;
    const std::uint16_t port = held->front().port();
    std::vector<UdpSender> senders;
    for (int i = 0; i < 16; ++i) senders.push_back(UdpSender::open("127.0.0.1", port).value());
    held->clear();
    std::atomic<bool> is_sending{false};
    std::atomic<bool> are_open{false};
    std::thread sending([&] {
      // What nobody listens for is refused, which is no matter here.
      for (bool is_last = false; !is_last; is_sending.store(true)) {
        is_last = are_open.load();
        for (std::size_t i = 0; i < senders.size(); ++i) {
          const std::string text(1, static_cast<char>('a' + i));
          if (!senders[i].send(text)) static_cast<void>(senders[i].send(text));
        }
      }
    });
    while (!is_sending.load()) std::this_thread::yield();
    const auto sockets = open_at(port, 8);
    are_open.store(true);
    sending.join();
    if (!sockets) continue;  // somebody else's since
    std::size_t found = 0;
    std::set<char> all;
    for (const auto& socket : *sockets) {
      const auto here = waiting_at(socket);
      found += here.size();
      all.insert(here.begin(), here.end());
    }
    EXPECT_THAT(all, SizeIs(senders.size()));
    EXPECT_EQ(found, senders.size()) << "a sender's datagrams came to two sockets";
  }
}

/// A pipeline that takes all and checks the order of what each sender sent.
class OrderedPoints final : public PointSink {
 public:
  explicit OrderedPoints(IngestStats& stats) : stats_(stats) {}
  std::uint32_t partitions() const override { return 5; }
  bool offer(PointBatchPtr& batch) override {
    const std::lock_guard lock(mutex_);
    stats_.of(SourceKind::kUdp).accepted.add(batch->points.size());
    for (const auto& point : batch->points) take(batch->chassis(point), batch->json(point));
    batch.reset();
    return true;
  }
  std::expected<LogOffset, Refusal> offer_all(Body&) override {
    return std::unexpected(Refusal::kFull);
  }
  void when_durable(LogOffset, Durability, std::function<void(bool)> done) override { done(true); }

  /// Of each chassis, how many came in order; once receivers have stopped.
  std::map<std::string, std::uint64_t> in_order;
  std::uint64_t out_of_order = 0;

 private:
  void take(std::string_view chassis, std::string_view json) {
    constexpr std::string_view kName = R"("n":)";
    std::uint64_t n = 0;
    json.remove_prefix(json.find(kName) + kName.size());
    std::from_chars(json.data(), json.data() + json.size(), n);
    auto& expected = in_order[std::string(chassis)];
    out_of_order += n == expected ? 0 : 1;
    ++expected;
  }
  IngestStats& stats_;
  std::mutex mutex_;  // guards all
};

struct Threads {
  std::uint32_t receivers;
  std::uint32_t helpers;
};

class UdpReceiversTest : public testing::TestWithParam<Threads> {
 protected:
  UdpSource& open(UdpSourceOptions options = {}, const std::string& host = "127.0.0.1",
                  RelayTargets relay = {}) {
    auto sockets = open_at(0, GetParam().receivers, host);
    // Helpers come in at once, and not only where a receiver is behind.
    options.behind_after_ns = 0;
    EXPECT_TRUE(sockets) << (sockets ? "" : sockets.error().message);
    source_ = std::make_unique<UdpSource>(
        std::move(*sockets), std::move(options),
        UdpSource::Borrowed{schema_, stats_, clock_, sink_, pool_, log_, viewers_},
        GetParam().helpers, std::move(relay));
    source_->start(numbers_);
    return *source_;
  }
  UdpSender new_sender() { return UdpSender::open("127.0.0.1", source_->port()).value(); }
  /// No more are on their way than the kernel's smallest buffer holds.
  void send(UdpSender& sender, std::string_view text) {
    constexpr std::uint64_t kOnTheirWay = 200;
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (sent_ - stats_.udp_datagrams.value() > kOnTheirWay &&
           std::chrono::steady_clock::now() < deadline) {
      std::this_thread::yield();
    }
    ASSERT_TRUE(sender.send(text));
    ++sent_;
  }
  std::uint64_t rejected(RejectReason reason) {
    return stats_.of(SourceKind::kUdp).rejected[static_cast<std::size_t>(reason)].value();
  }

  Schema schema_;
  IngestStats stats_;
  ManualClock clock_{1'757'000'000 * kNsPerSecond};
  OrderedPoints sink_{stats_};
  BatchPool pool_;
  Gauge viewers_;
  std::atomic<std::uint64_t> lines_{0};
  RejectionLog log_{{.refused = [this](const RejectionReport&) { ++lines_; }},
                    stats_.errors_not_logged};
  std::unique_ptr<UdpSource> source_;
  UdpSource::ThreadNumbers numbers_;
  std::uint64_t sent_ = 0;
};

TEST_P(UdpReceiversTest, LoseAndReorderNothing) {
  constexpr std::size_t kSenders = 12;
  constexpr std::uint64_t kEach = 1'500;
  open();
  std::vector<UdpSender> senders;
  for (std::size_t i = 0; i < kSenders; ++i) senders.push_back(new_sender());
  for (std::uint64_t n = 0; n < kEach; n += 2) {
    if (n % 100 == 0) {
      for (const std::string_view blank : {"", " ", "\n"}) send(senders[0], blank);
    }
    for (std::size_t i = 0; i < kSenders; ++i) {
      std::string text;
      for (const std::uint64_t each : {n, n + 1}) {
        text += R"({"track":"cota","chassis":")" + std::to_string(i) + R"(","n":)" +
                std::to_string(each) + "}\n";
      }
      send(senders[i], text);
    }
  }
  // What was sent last is received by the stop.
  source_->stop();
  EXPECT_EQ(sink_.out_of_order, 0u);
  ASSERT_THAT(sink_.in_order, SizeIs(kSenders));
  for (const auto& [chassis, points] : sink_.in_order) EXPECT_EQ(points, kEach) << chassis;
  EXPECT_EQ(stats_.udp_datagrams.value(), sent_);
  EXPECT_EQ(source_->stats().datagrams.value(), sent_);
  const std::uint64_t blank = rejected(RejectReason::kEmpty);
  EXPECT_EQ(blank, 3 * kEach / 100);
  EXPECT_EQ(source_->stats().points.value(), kSenders * kEach + blank);
  EXPECT_EQ(stats_.udp_kernel_drops.value(), 0u);
}

TEST_P(UdpReceiversTest, HoldASenderToItsLimitsTogether) {
  open({.points_per_second_per_address = 7});
  for (int i = 0; i < 64; ++i) {
    auto sender = new_sender();
    send(sender, R"({"track":"cota","chassis":"a","n":0})");
  }
  source_->stop();
  EXPECT_EQ(stats_.udp_datagrams.value(), 64u);
  // The clock stands still. Datagrams that are decoded at the same instant may all be let through.
  const auto accepted = stats_.of(SourceKind::kUdp).accepted.value();
  EXPECT_GE(accepted, 7u);
  EXPECT_LT(accepted, 7u + GetParam().receivers + GetParam().helpers);
  EXPECT_EQ(rejected(RejectReason::kRateLimited) + accepted, 64u);
  EXPECT_EQ(lines_.load(), 10u);
}

TEST_P(UdpReceiversTest, KeepTheOrderOfOneFastSender) {
  constexpr std::uint64_t kPoints = 20'000;
  open();
  auto sender = new_sender();
  for (std::uint64_t n = 0; n < kPoints; ++n) {
    send(sender, R"({"track":"cota","chassis":"a","n":)" + std::to_string(n) + "}");
  }
  source_->stop();
  EXPECT_EQ(sink_.out_of_order, 0u);
  EXPECT_EQ(sink_.in_order["a"], kPoints);
  EXPECT_EQ(stats_.udp_kernel_drops.value(), 0u);
}

/// Games and loggers do so: the kernel gives it to every socket of the port.
TEST_P(UdpReceiversTest, TakeWhatIsSentToANetworkOnce) {
  for (const std::string host : {"", "0.0.0.0"}) {
    sink_.in_order.clear();
    const std::uint64_t before = stats_.udp_datagrams.value();
    open({}, host);
    const int sender = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const int on = 1;
    ASSERT_EQ(setsockopt(sender, SOL_SOCKET, SO_BROADCAST, &on, sizeof on), 0);
    sockaddr_in to{
        .sin_family = AF_INET, .sin_port = htons(source_->port()), .sin_addr = {}, .sin_zero = {}};
    constexpr std::uint64_t kEach = 20;
    for (std::uint64_t n = 0; n < kEach; ++n) {
      for (const char* const address : {"127.255.255.255", "127.0.0.1"}) {
        ASSERT_EQ(inet_pton(AF_INET, address, &to.sin_addr), 1);
        const auto text = R"({"track":"cota","chassis":")" + std::string(address) + R"(","n":)" +
                          std::to_string(n) + "}";
        ASSERT_EQ(sendto(sender, text.data(), text.size(), 0,
                         reinterpret_cast<const sockaddr*>(&to), sizeof to),
                  static_cast<ssize_t>(text.size()));
      }
    }
    close(sender);
    source_->stop();
    EXPECT_EQ(sink_.in_order["127.255.255.255"], kEach);
    EXPECT_EQ(sink_.in_order["127.0.0.1"], kEach);
    EXPECT_EQ(stats_.udp_datagrams.value() - before, 2 * kEach);
    EXPECT_EQ(stats_.udp_kernel_drops.value(), 0u);
  }
}

RelayTargets relay_to(const std::vector<std::string>& targets) {
  RelayTargets relay;
  for (const auto& to : targets) {
    relay.push_back(RelayTarget::open({.to = to, .max_per_second = 1'000'000}).value());
  }
  return relay;
}

TEST_P(UdpReceiversTest, SendOnWhatEachSenderSentInItsOrder) {
  constexpr std::size_t kSenders = 6;
  constexpr std::uint64_t kEach = 500;
  source_testing::Listener target;
  open({}, "127.0.0.1", relay_to({source_testing::dead_target(), target.target()}));
  std::vector<UdpSender> senders;
  for (std::size_t i = 0; i < kSenders; ++i) senders.push_back(new_sender());
  std::map<std::string, std::vector<std::string>> sent;
  for (std::uint64_t n = 0; n < kEach; ++n) {
    for (std::size_t i = 0; i < kSenders; ++i) {
      const auto text = R"({"track":"cota","chassis":")" + std::to_string(i) + R"(","n":)" +
                        std::to_string(n) + "}";
      send(senders[i], text);
      sent[text.substr(0, text.find(R"("n")"))].push_back(text);
      target.heard();
    }
  }
  source_->stop();
  std::map<std::string, std::vector<std::string>> heard;
  for (const auto& text : target.heard()) {
    heard[text.substr(0, text.find(R"("n")"))].push_back(text);
  }
  EXPECT_EQ(heard, sent);
  EXPECT_EQ(sink_.out_of_order, 0u);
  const auto& relay = source_->relay();
  EXPECT_EQ(relay[0]->sent_in_all() + relay[0]->dropped_in_all(), sent_);
  EXPECT_EQ(relay[1]->sent_in_all(), sent_);
}

TEST_P(UdpReceiversTest, SendOnOnceWhatIsSentToANetwork) {
  source_testing::Listener target;
  open({}, "", relay_to({target.target()}));
  const int sender = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  ASSERT_EQ(setsockopt(sender, SOL_SOCKET, SO_BROADCAST, &on, sizeof on), 0);
  sockaddr_in to{
      .sin_family = AF_INET, .sin_port = htons(source_->port()), .sin_addr = {}, .sin_zero = {}};
  ASSERT_EQ(inet_pton(AF_INET, "127.255.255.255", &to.sin_addr), 1);
  std::vector<std::string> sent;
  for (int n = 0; n < 20; ++n) {
    sent.push_back(R"({"track":"cota","chassis":"a","n":)" + std::to_string(n) + "}");
    ASSERT_EQ(sendto(sender, sent.back().data(), sent.back().size(), 0,
                     reinterpret_cast<const sockaddr*>(&to), sizeof to),
              static_cast<ssize_t>(sent.back().size()));
  }
  close(sender);
  source_->stop();
  EXPECT_EQ(target.heard(), sent);
}

TEST_P(UdpReceiversTest, HaveHelpersThatDecodeWhereThereAreAny) {
  open();
  auto sender = new_sender();
  const auto& helped = source_->stats().helped_datagrams;
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  for (std::uint64_t n = 0; n < 5'000 || (GetParam().helpers > 0 && helped.value() == 0); ++n) {
    send(sender, R"({"track":"cota","chassis":"a","n":)" + std::to_string(n) + "}");
    ASSERT_LT(std::chrono::steady_clock::now(), deadline);
  }
  source_->stop();
  EXPECT_EQ(helped.value() > 0, GetParam().helpers > 0);
  EXPECT_EQ(sink_.out_of_order, 0u);
  EXPECT_EQ(sink_.in_order["a"], sent_);
}

INSTANTIATE_TEST_SUITE_P(Threads, UdpReceiversTest,
                         testing::Values(Threads{1, 0}, Threads{2, 0}, Threads{4, 0}, Threads{8, 0},
                                         Threads{1, 1}, Threads{2, 1}, Threads{1, 3}, Threads{4, 3},
                                         Threads{8, 3}),
                         [](const auto& threads) {
                           return std::to_string(threads.param.receivers) + "With" +
                                  std::to_string(threads.param.helpers);
                         });

TEST(UdpReceivers, AreAQuarterOfTheCoresUnlessTold) {
  EXPECT_EQ(UdpSource::usual_receivers(1), 1u);
  EXPECT_EQ(UdpSource::usual_receivers(7), 1u);
  EXPECT_EQ(UdpSource::usual_receivers(8), 2u);
  EXPECT_EQ(UdpSource::usual_receivers(32), 8u);
  EXPECT_EQ(UdpSource::usual_receivers(256), 8u);
}

TEST(UdpReceivers, HaveAQuarterOfTheCoresAsHelpersAndNoneWhereThereAreFew) {
  EXPECT_EQ(UdpSource::usual_helpers(1, 1), 0u);
  EXPECT_EQ(UdpSource::usual_helpers(2, 1), 0u);
  EXPECT_EQ(UdpSource::usual_helpers(4, 1), 1u);
  EXPECT_EQ(UdpSource::usual_helpers(8, 2), 2u);
  EXPECT_EQ(UdpSource::usual_helpers(8, 8), 0u);
  EXPECT_EQ(UdpSource::usual_helpers(32, 8), 8u);
  EXPECT_EQ(UdpSource::usual_helpers(256, 8), 8u);
}

}  // namespace
}  // namespace slipstream
