// The log of many instances: some take points and write them to the streams, some make rollups of
// them, and everybody's clients see everything.
#include <arpa/inet.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <simdjson.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <random>
#include <set>
#include <thread>

#include "app/streams_component.h"
#include "harness.h"
#include "model/point.h"
#include "program.h"
#include "redis_server.h"
#include "source/udp_sender.h"
#include "stream_feed.h"
#include "stream_log_testing.h"

namespace slipstream {
namespace {

using namespace std::chrono_literals;
using harness::eventually;
using harness::http;
using harness::metric;
using harness::RedisServer;
using harness::Server;
using harness::WebSocketClient;
using streams::FedPoint;
using namespace stream_log;
using testing::HasSubstr;

/// A client that keeps what it was shown.
class Viewer {
 public:
  explicit Viewer(std::uint16_t port) : client_(port, "/ws/realtime") {}

  /// Reads what has come; then whether it is there.
  bool has(const PointName& name) {
    read();
    return names_.contains(name);
  }
  std::multiset<PointName> names() {
    read();
    return names_;
  }
  std::size_t count() {
    read();
    return names_.size();
  }

 private:
  void read() {
    while (const auto message = client_.read(1ms)) {
      const simdjson::dom::element root = parser_.parse(*message);
      if (std::string_view(root["type"]) != "telemetry_update") continue;
      for (const auto point : root["data"].get_array()) {
        const auto name = name_of(point);
        // Warming points are sent until they are seen.
        if (!is_warming(name) || !names_.contains(name)) names_.insert(name);
      }
    }
  }

  WebSocketClient client_;
  simdjson::dom::parser parser_;
  std::multiset<PointName> names_;
};

/// Each point once, besides those that were for warming up.
void expect_shown(const std::multiset<PointName>& shown, const std::multiset<PointName>& expected) {
  std::size_t missing = 0;
  std::size_t again = 0;
  std::size_t others = 0;
  for (const auto& name : expected) missing += shown.contains(name) ? 0 : 1;
  for (auto at = shown.begin(); at != shown.end(); at = shown.upper_bound(*at)) {
    if (is_warming(*at)) continue;
    if (!expected.contains(*at)) ++others;
    again += shown.count(*at) - 1;
  }
  EXPECT_EQ(std::tuple(missing, again, others), std::tuple(0u, 0u, 0u))
      << "missing, shown again, never sent";
}

class StreamLogTest : public testing::Test {
 protected:
  void SetUp() override { SLIPSTREAM_NEEDS_REDIS(); }

  /// Until every viewer is shown every partition.
  static void warm_up(Server& ingest, const std::vector<std::unique_ptr<Viewer>>& viewers) {
    for (std::uint32_t p = 0; p < kPartitions; ++p) {
      const FedPoint point = warming_point(p);
      ASSERT_TRUE(eventually([&] {
        EXPECT_EQ(post(ingest.port(), body_of({&point, 1})).status, 200u);
        std::this_thread::sleep_for(20ms);
        return std::ranges::all_of(viewers,
                                   [&](const auto& viewer) { return viewer->has(name_of(point)); });
      })) << "partition "
          << p;
    }
  }
};

TEST_F(StreamLogTest, SeveralTakeAndSeveralFoldAndEveryClientSeesEachPointOnce) {
  RedisServer redis;
  std::vector<std::unique_ptr<Server>> servers;  // the first two take, the other two fold
  for (int i = 0; i < 4; ++i) {
    servers.push_back(std::make_unique<Server>(environment(redis, i >= 2)));
  }
  // Shared out for good.
  ASSERT_TRUE(eventually([&] {
    std::array<std::uint32_t, 2> owned{};
    for (std::uint32_t p = 0; p < kPartitions; ++p) {
      for (std::size_t i = 0; i < owned.size(); ++i) {
        owned[i] += servers[2 + i]->component<StreamsComponent>().group().owns(p) ? 1 : 0;
      }
    }
    return owned == std::array<std::uint32_t, 2>{kPartitions / 2, kPartitions / 2};
  }));
  std::vector<std::unique_ptr<Viewer>> viewers;
  for (const auto& server : servers) viewers.push_back(std::make_unique<Viewer>(server->port()));
  warm_up(*servers[0], viewers);

  const auto points = streams::drive(1, 6'000, 24, kBegin);
  constexpr std::size_t kBody = 300;
  for (std::size_t i = 0; i < points.size(); i += kBody) {
    const auto answer =
        post(servers[i / kBody % 2]->port(), body_of(std::span(points).subspan(i, kBody)),
             i / kBody % 3 == 0 ? fmt::format("key-{}", i) : "");
    ASSERT_EQ(answer.status, 200u) << answer.body;
    EXPECT_THAT(answer.body, HasSubstr(R"("accepted":300,"rejected":0)"));
  }
  const auto expected = names_of(points);
  EXPECT_EQ(in_streams(redis), expected);
  for (std::size_t v = 0; v < viewers.size(); ++v) {
    EXPECT_TRUE(eventually([&] { return viewers[v]->count() >= expected.size() + kPartitions; }));
    SCOPED_TRACE(fmt::format("viewer {}", v));
    expect_shown(viewers[v]->names(), expected);
  }
  for (std::uint32_t p = 0; p < kPartitions; ++p) {
    EXPECT_TRUE(
        eventually([&] { return streams::unacknowledged(redis, telemetry_stream(p)) == 0; }));
  }
  for (auto& server : servers) server->stop();
  std::vector<streams::SeenRollup> buckets;
  for (std::uint32_t p = 0; p < kPartitions; ++p) {
    for (auto& rollup : streams::rollups(redis, fmt::format("aggregates.stream:{{{}}}", p))) {
      if (!rollup.chassis.starts_with("warm")) buckets.push_back(std::move(rollup));
    }
  }
  streams::expect_same(buckets, streams::expected_buckets(points, 10));
}

TEST_F(StreamLogTest, AKeyCountsOnceWhicheverInstanceGetsIt) {
  RedisServer redis;
  Server first(environment(redis, false));
  Server second(environment(redis, false));
  const auto points = streams::drive(2, 2'000, 8, kBegin);  // more than one entry would hold
  const auto body = body_of(points);
  const auto once = post(first.port(), body, "the-key");
  ASSERT_EQ(once.status, 200u) << once.body;
  EXPECT_EQ(in_streams(redis), names_of(points));
  const auto again = post(first.port(), body, "the-key");
  EXPECT_EQ(again.body, once.body);
  EXPECT_TRUE(again.headers.contains("idempotency-replayed"));
  EXPECT_EQ(post(second.port(), body, "the-key").body, once.body);
  EXPECT_EQ(in_streams(redis), names_of(points));
  EXPECT_EQ(post(second.port(), body, "another-key").status, 200u);
  EXPECT_EQ(in_streams(redis).size(), 2 * points.size());
}

TEST_F(StreamLogTest, AKeyCountsOnceThroughKills) {
  RedisServer redis({.append_only = true});
  harness::TemporaryDirectory directory;
  auto variables = harness::kFreePorts;
  for (const auto& [name, value] : environment(redis, false)) {
    variables.push_back(name + "=" + value);
  }
  std::mt19937 random(3);
  std::vector<FedPoint> all;
  for (int round = 0; round < 6; ++round) {
    const auto points = streams::drive(100 + static_cast<std::uint64_t>(round), 3'000, 16,
                                       kBegin + round * std::int64_t{10'000'000});
    const auto body = body_of(points);
    const auto key = fmt::format("key-{}", round);
    all.insert(all.end(), points.begin(), points.end());
    bool is_answered = false;
    for (int attempt = 0; !is_answered; ++attempt) {
      harness::Program program(directory, {"serve"}, variables);
      const auto port = program.port();
      ASSERT_NE(port, 0) << program.output();
      std::thread killer;
      if (attempt < 2) {
        const auto wait = std::chrono::microseconds(random() % 20'000);
        killer = std::thread([&program, wait] {
          std::this_thread::sleep_for(wait);
          program.signal(SIGKILL);
        });
      }
      try {
        is_answered = post(port, body, key).status == 200;
      } catch (const std::exception&) {  // killed before it answered
      }
      if (killer.joinable()) killer.join();
    }
    EXPECT_TRUE(in_streams(redis) == names_of(all)) << "round " << round;
  }
}

TEST_F(StreamLogTest, WhileRedisIsAwayHttpIsToldAndUdpGoesOn) {
  RedisServer redis({.append_only = true});
  Server server(environment(redis, false));
  Server other(environment(redis, false));
  std::vector<std::unique_ptr<Viewer>> viewers;
  for (const auto port : {server.port(), other.port()}) {
    viewers.push_back(std::make_unique<Viewer>(port));
  }
  warm_up(server, viewers);
  Viewer& viewer = *viewers.front();
  auto sender = UdpSender::open("127.0.0.1", server.udp_port());
  ASSERT_TRUE(sender);
  const auto points = streams::drive(4, 1'200, 8, kBegin);
  std::size_t next = 0;
  const auto drive_on = [&](std::size_t count) {
    for (const std::size_t end = next + count; next < end; ++next) {
      ASSERT_TRUE(sender->send(points[next].json()));
      if (next % 50 != 0) continue;
      ASSERT_TRUE(eventually([&] { return viewer.has(name_of(points[next])); })) << next;
    }
  };
  drive_on(400);
  redis.kill9();
  drive_on(200);
  EXPECT_TRUE(eventually(
      [&] { return metric(server.port(), "slipstream_redis_log_failing") == kPartitions; }));
  const auto refused = post(server.port(), body_of(std::span(points).first(10)));
  EXPECT_EQ(refused.status, 503u);
  EXPECT_THAT(refused.body, HasSubstr("nothing was taken"));
  EXPECT_TRUE(refused.headers.contains("retry-after"));
  const auto health = http(server.port(), "GET", "/api/health");
  EXPECT_EQ(health.status, 503u);
  EXPECT_THAT(health.body, HasSubstr("4 streams cannot be written"));
  EXPECT_THAT(health.body, testing::Not(HasSubstr(R"("backlogBytes":0,"entries)")));
  drive_on(200);
  redis.restart();
  drive_on(400);
  EXPECT_TRUE(eventually(
      [&] { return metric(server.port(), "slipstream_redis_log_backlog_bytes") == 0; }, 60s));
  EXPECT_EQ(in_streams(redis), names_of(points));
  for (const auto& each : viewers) {
    EXPECT_TRUE(eventually([&] { return each->count() >= points.size() + kPartitions; }));
    expect_shown(each->names(), names_of(points));
  }
  // The readers of the partitions come back at times of their own.
  EXPECT_TRUE(eventually([&] { return http(server.port(), "GET", "/api/health").status == 200; }))
      << http(server.port(), "GET", "/api/health").body;
}

TEST_F(StreamLogTest, AStopThatGivesPointsUpIsNoSuccess) {
  RedisServer redis;
  const FedPoint point = warming_point(0);
  for (const bool is_away : {false, true}) {
    Server server(environment(redis, false));
    Viewer viewer(server.port());
    auto sender = UdpSender::open("127.0.0.1", server.udp_port());
    ASSERT_TRUE(sender);
    if (is_away) redis.kill9();
    ASSERT_TRUE(sender->send(point.json()));
    EXPECT_TRUE(eventually([&] { return viewer.has(name_of(point)); }));
    EXPECT_EQ(server.stop(), !is_away);
  }
}

TEST_F(StreamLogTest, AStreamThatIsRefusedForAMomentLosesNothing) {
  RedisServer redis;
  Server server(environment(redis, false));
  auto sender = UdpSender::open("127.0.0.1", server.udp_port());
  ASSERT_TRUE(sender);
  const auto points = streams::drive(5, 4'000, 8, kBegin);
  const auto& accepted = server.ingest().of(SourceKind::kUdp).accepted;
  const auto retries = [&] { return metric(server.port(), "slipstream_redis_log_retries_total"); };
  auto seen = retries();
  for (std::size_t i = 0; i < points.size(); ++i) {
    if (i % 200 == 0) {
      const bool is_refusing = i / 200 % 2 == 1;
      ASSERT_TRUE(
          eventually([&] { return accepted.value() == i && (!is_refusing || retries() > seen); }));
      seen = retries();
      redis.call({"CONFIG", "SET", "maxmemory", is_refusing ? "0" : "1mb"});
    }
    ASSERT_TRUE(sender->send(points[i].json()));
  }
  redis.call({"CONFIG", "SET", "maxmemory", "0"});
  EXPECT_TRUE(eventually([&] {
    return accepted.value() == points.size() &&
           metric(server.port(), "slipstream_redis_log_backlog_bytes") == 0;
  }));
  EXPECT_TRUE(in_streams(redis) == names_of(points));
}

TEST_F(StreamLogTest, BeyondTheBacklogPointsAreRefusedAndCounted) {
  RedisServer redis({.append_only = true});
  auto settings = environment(redis, false);
  settings["MAX_BACKLOG_BYTES"] = std::to_string(1 << 20);
  Server server(settings);
  redis.kill9();
  const auto points = streams::drive(6, 20'000, 8, kBegin);
  constexpr std::size_t kBody = 500;
  std::vector<FedPoint> taken;
  std::size_t refused = 0;
  for (std::size_t i = 0; i < points.size(); i += kBody) {
    const auto part = std::span(points).subspan(i, kBody);
    const auto answer = post(server.port(), body_of(part), "", "?durability=received");
    if (answer.status == 200) {
      taken.insert(taken.end(), part.begin(), part.end());
    } else {
      EXPECT_EQ(answer.status, 503u);
      EXPECT_THAT(answer.body, HasSubstr(R"("reason":"overloaded")"));
      refused += kBody;
    }
  }
  EXPECT_GT(taken.size(), 5'000u);
  EXPECT_GT(refused, 5'000u);
  const std::string overloaded =
      R"(slipstream_points_rejected_total{{source="{}",reason="overloaded"}})";
  EXPECT_EQ(metric(server.port(), fmt::format(fmt::runtime(overloaded), "http")), refused);
  auto sender = UdpSender::open("127.0.0.1", server.udp_port());
  ASSERT_TRUE(sender);
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(sender->send(points[0].json()));
  EXPECT_TRUE(eventually(
      [&] { return metric(server.port(), fmt::format(fmt::runtime(overloaded), "udp")) == 10; }));
  redis.restart();
  EXPECT_TRUE(eventually(
      [&] { return metric(server.port(), "slipstream_redis_log_backlog_bytes") == 0; }, 60s));
  EXPECT_TRUE(in_streams(redis) == names_of(taken));
  EXPECT_TRUE(eventually([&] { return post(server.port(), points[0].json()).status == 200; }));
}

/// Takes connections and says nothing.
class Mute {
 public:
  explicit Mute(std::uint16_t port) : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const int yes = 1;
    setsockopt(fd_, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    // A connection of somebody's may have got the port for a moment.
    is_listening_ = eventually([&] {
      return bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 &&
             listen(fd_, 64) == 0;
    });
  }
  ~Mute() { close(fd_); }
  bool is_listening() const { return is_listening_; }

 private:
  const int fd_;
  bool is_listening_ = false;
};

TEST_F(StreamLogTest, TheBreakersStatesAreSeenAsTheyChange) {
  RedisServer redis;
  Server server(environment(redis, false));
  const FedPoint point{.chassis = "A", .time_ms = kBegin};
  const auto health_says = [&](const std::string& state) {
    return eventually(
        [&] {
          return http(server.port(), "GET", "/api/health")
              .body.contains(fmt::format(R"("name":"log","connected":{},"breaker":"{}")",
                                         state == "closed" ? 1 : 0, state));
        },
        60s);
  };
  const auto metric_says = [&](double state) {
    const auto name = fmt::format("slipstream_circuit_state{{target=\"redis://127.0.0.1:{} log\"}}",
                                  redis.port());
    return eventually([&] { return metric(server.port(), name) == state; }, 60s);
  };
  ASSERT_EQ(post(server.port(), point.json()).status, 200u);
  EXPECT_TRUE(health_says("closed"));
  redis.kill9();
  EXPECT_EQ(post(server.port(), point.json(), "", "?durability=received").status, 200u);
  EXPECT_TRUE(health_says("open"));
  EXPECT_TRUE(metric_says(2));
  EXPECT_EQ(http(server.port(), "GET", "/api/health").status, 503u);
  {
    Mute mute(redis.port());
    ASSERT_TRUE(mute.is_listening());
    EXPECT_TRUE(health_says("half_open"));
    EXPECT_TRUE(metric_says(1));
  }
  redis.restart();
  EXPECT_TRUE(health_says("closed"));
  EXPECT_TRUE(metric_says(0));
  EXPECT_TRUE(eventually([&] { return http(server.port(), "GET", "/api/health").status == 200; }));
}

}  // namespace
}  // namespace slipstream
