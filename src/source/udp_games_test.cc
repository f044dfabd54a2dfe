// Games by UDP: a frame is told by several datagrams, so that it hangs on who decodes them, in
// which order, and on when nothing more is waited for.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

#include "codec/games_testing.h"
#include "codec/mark_json.h"
#include "source/testing.h"
#include "source/udp_sender.h"
#include "source/udp_source.h"

namespace slipstream {
namespace {

using games_testing::datagrams_of;
using games_testing::read_reference;
using testing::HasSubstr;
using testing::SizeIs;

constexpr std::size_t kUidAt = 7;
constexpr std::size_t kOverallFrameAt = 23;

std::uint32_t frame_of(std::string_view datagram) {
  std::uint32_t frame;
  std::memcpy(&frame, datagram.data() + kOverallFrameAt, sizeof frame);
  return frame;
}

/// The packets of a game's first frames, by frame, as if of one session of that id.
std::vector<std::vector<std::string>> frames(std::size_t count, std::uint64_t uid) {
  std::vector<std::vector<std::string>> all;
  const auto capture = read_reference("f1_2025.cap");
  if (!capture) return all;
  std::uint32_t last = 0;
  for (auto& [arrival, bytes] : datagrams_of(*capture)) {
    if (all.empty() || frame_of(bytes) != last) {
      if (all.size() == count) break;
      last = frame_of(bytes);
      all.emplace_back();
    }
    std::memcpy(bytes.data() + kUidAt, &uid, sizeof uid);
    all.back().push_back(std::move(bytes));
  }
  return all;
}

/// What stands behind the time, which hangs on when it came.
std::string timeless(std::string_view json) {
  const auto at = json.find(R"("track")");
  return std::string(json.substr(at == std::string_view::npos ? 0 : at));
}

/// A pipeline that keeps what each session told, in its order.
class Sessions final : public PointSink {
 public:
  explicit Sessions(IngestStats& stats) : stats_(stats) {}
  std::uint32_t partitions() const override { return 1; }
  bool offer(PointBatchPtr& batch) override {
    const std::lock_guard lock(mutex_);
    stats_.of(SourceKind::kUdp).accepted.add(batch->points.size());
    for (const auto& point : batch->points) {
      constexpr std::string_view kName = R"("session":")";
      const std::string_view json = batch->json(point);
      const auto begin = json.find(kName);
      std::string session;
      if (begin != std::string_view::npos) {
        const auto id = json.substr(begin + kName.size());
        session = id.substr(0, id.find('"'));
      }
      points[session].push_back(timeless(json));
      told[session].push_back(timeless(json));
    }
    batch.reset();
    return true;
  }
  std::expected<LogOffset, Refusal> offer_all(Body& body) override {
    const std::lock_guard lock(mutex_);
    EXPECT_TRUE(body.batches.empty());
    for (const auto& taken : body.marks) {
      if (refuses_marks) return std::unexpected(Refusal::kQueueFull);
      Mark mark = *taken.mark;
      mark.time = {};
      std::string json;
      append_mark_json(json, mark);
      told[mark.session].push_back(std::move(json));
      ++marks;
    }
    return LogOffset{1};
  }
  void when_durable(LogOffset, Durability, std::function<void(bool)> done) override { done(true); }

  std::map<std::string, std::vector<std::string>> points;  ///< once receivers have stopped
  std::map<std::string, std::vector<std::string>> told;    ///< likewise; marks among points
  std::size_t marks = 0;                                   ///< likewise
  std::atomic<bool> refuses_marks = false;

 private:
  IngestStats& stats_;
  std::mutex mutex_;  // guards all
};

struct GameThreads {
  std::uint32_t receivers;
  std::uint32_t helpers;
};

/// A source with what it works with. What comes is stamped by a clock that stands still, so that it
/// is no matter how long the test itself is held up.
struct Running {
  explicit Running(GameThreads threads) {
    auto sockets = UdpSocket::open_several(
        {.host = "127.0.0.1", .port = 0, .receive_buffer_bytes = 1 << 20}, threads.receivers);
    EXPECT_TRUE(sockets) << (sockets ? "" : sockets.error().message);
    const int off = 0;
    for (const auto& socket : *sockets) {
      EXPECT_EQ(setsockopt(socket.fd(), SOL_SOCKET, SO_TIMESTAMPNS, &off, sizeof off), 0);
    }
    // Helpers come in at once, and not only where a receiver is behind.
    source = std::make_unique<UdpSource>(
        std::move(*sockets), UdpSourceOptions{.host = "127.0.0.1", .behind_after_ns = 0},
        UdpSource::Borrowed{schema, stats, clock, sink, pool, log, viewers}, threads.helpers);
  }
  /// No more are on their way than the kernel's smallest buffer holds.
  void send(UdpSender& sender, std::string_view text) {
    constexpr std::uint64_t kOnTheirWay = 50;
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (sent - stats.udp_datagrams.value() > kOnTheirWay &&
           std::chrono::steady_clock::now() < deadline) {
      std::this_thread::yield();
    }
    ASSERT_TRUE(sender.send(text));
    ++sent;
  }
  UdpSender new_sender() const { return UdpSender::open("127.0.0.1", source->port()).value(); }
  UdpReceiver& receiver() { return *source->receivers().front(); }

  Schema schema;
  IngestStats stats;
  ManualClock clock{1'757'000'000 * kNsPerSecond};
  Sessions sink{stats};
  BatchPool pool;
  Gauge viewers;
  RejectionLog log{{.refused = [](const RejectionReport&) {}}, stats.errors_not_logged};
  std::unique_ptr<UdpSource> source;
  std::uint64_t sent = 0;
};

/// What one decoder says that gets all packets of a session in their order: points and marks.
std::vector<std::string> told_by_one(const std::vector<std::vector<std::string>>& sent) {
  Running one({1, 0});
  auto sender = one.new_sender();
  for (const auto& frame : sent) {
    for (const auto& packet : frame) EXPECT_TRUE(sender.send(packet));
    one.receiver().poll(1);
  }
  one.receiver().finish(1);
  EXPECT_THAT(one.sink.told, SizeIs(1));
  EXPECT_GT(one.sink.marks, 2u);
  return one.sink.told.begin()->second;
}

class UdpGamesTest : public testing::TestWithParam<GameThreads> {};

TEST_P(UdpGamesTest, EveryFrameOfEverySenderIsWhole) {
  constexpr std::size_t kSenders = 6;
  constexpr std::size_t kFrames = 30;
  std::vector<std::vector<std::vector<std::string>>> sessions;
  for (std::size_t i = 0; i < kSenders; ++i) sessions.push_back(frames(kFrames, 1'000 + i));
  ASSERT_THAT(sessions.front(), SizeIs(kFrames));
  const auto expected = told_by_one(sessions.front());
  ASSERT_GT(expected.size(), 20 * (kFrames - 1));

  Running all(GetParam());
  UdpSource::ThreadNumbers numbers;
  all.source->start(numbers);
  std::vector<UdpSender> senders;
  for (std::size_t i = 0; i < kSenders; ++i) senders.push_back(all.new_sender());
  auto other = all.new_sender();
  for (std::size_t n = 0; n < kFrames; ++n) {
    // Packet by packet in turn, so that those of one frame come in several calls to the kernel.
    for (std::size_t p = 0; p < sessions.front()[n].size(); ++p) {
      for (std::size_t i = 0; i < kSenders; ++i) all.send(senders[i], sessions[i][n][p]);
      all.send(other, R"({"track":"cota","chassis":"other"})");
    }
  }
  all.source->stop();
  EXPECT_EQ(all.stats.udp_datagrams.value(), all.sent);
  EXPECT_EQ(all.stats.udp_kernel_drops.value(), 0u);
  EXPECT_THAT(all.sink.told, SizeIs(kSenders + 1));
  constexpr std::string_view kSession = R"("session":"1000")";
  for (std::size_t i = 0; i < kSenders; ++i) {
    const std::string id = std::to_string(1'000 + i);
    const auto& points = all.sink.told[id];
    ASSERT_EQ(points.size(), expected.size()) << id;
    for (std::size_t n = 0; n < points.size(); ++n) {
      std::string same = expected[n];
      same.replace(same.find(kSession), kSession.size(), R"("session":")" + id + '"');
      ASSERT_EQ(points[n], same) << "of " << id;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Threads, UdpGamesTest,
                         testing::Values(GameThreads{1, 0}, GameThreads{2, 0}, GameThreads{4, 0},
                                         GameThreads{1, 1}, GameThreads{1, 3}, GameThreads{2, 1},
                                         GameThreads{4, 3}),
                         [](const auto& threads) {
                           return std::to_string(threads.param.receivers) + "With" +
                                  std::to_string(threads.param.helpers);
                         });

TEST(UdpGames, AFrameGoesOutThoughNothingMoreComes) {
  Running one({1, 0});
  const auto first = frames(1, 77);
  ASSERT_THAT(first, SizeIs(1));
  auto sender = one.new_sender();
  for (const auto& packet : first.front()) one.send(sender, packet);
  while (one.stats.udp_datagrams.value() < one.sent) one.receiver().poll(64);
  EXPECT_TRUE(one.sink.points.empty()) << "some of it may still come";
  one.clock.advance(59 * kNsPerMs);
  one.receiver().poll(64);
  EXPECT_TRUE(one.sink.points.empty());
  one.receiver().idle();  // returns in time for it, and not only when something comes
  one.clock.advance(kNsPerMs);
  one.receiver().poll(64);
  EXPECT_THAT(one.sink.points["77"], SizeIs(22));
  EXPECT_THAT(one.sink.points["77"], testing::Each(HasSubstr(R"("source_game":"f1_2025")")));
  const auto& udp = one.stats.of(SourceKind::kUdp);
  EXPECT_EQ(udp.received.value(), 22u) << "a piece of a frame is no point";
  EXPECT_EQ(udp.accepted.value(), 22u);
  EXPECT_EQ(one.source->stats().points.value(), 22u);
}

TEST(UdpGames, AMarkThatFindsNoRoomIsCounted) {
  Running one({1, 0});
  one.sink.refuses_marks = true;
  auto sender = one.new_sender();
  for (const auto& frame : frames(30, 77)) {
    for (const auto& packet : frame) EXPECT_TRUE(sender.send(packet));
    one.receiver().poll(1);
  }
  one.receiver().finish(1);
  EXPECT_EQ(one.sink.marks, 0u);
  EXPECT_GT(one.stats.marks_refused.value(), 2u);
  EXPECT_GT(one.sink.points["77"].size(), 20u * 29);
}

TEST(UdpGames, AFrameThatWaitsAtTheStopGoesOut) {
  Running one({1, 1});
  const auto first = frames(1, 77);
  ASSERT_THAT(first, SizeIs(1));
  auto sender = one.new_sender();
  for (const auto& packet : first.front()) one.send(sender, packet);
  UdpSource::ThreadNumbers numbers;
  one.source->start(numbers);
  one.source->stop();
  EXPECT_THAT(one.sink.points["77"], SizeIs(22));
}

TEST(UdpGames, AClockThatIsSetBackHoldsNoFrameUp) {
  Running one({1, 0});
  const auto first = frames(1, 77);
  ASSERT_THAT(first, SizeIs(1));
  auto sender = one.new_sender();
  for (const auto& packet : first.front()) one.send(sender, packet);
  while (one.stats.udp_datagrams.value() < one.sent) one.receiver().poll(64);
  EXPECT_TRUE(one.sink.points.empty());
  one.clock.step(-3'600 * kNsPerSecond);
  one.receiver().poll(64);
  EXPECT_THAT(one.sink.points["77"], SizeIs(22));
}

}  // namespace
}  // namespace slipstream
