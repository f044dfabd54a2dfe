// A program that may have few descriptors open: whatever clients take, log, store and Redis have
// theirs.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <list>
#include <random>

#include "harness.h"
#include "net/testing.h"
#include "program.h"
#include "redis_server.h"

namespace slipstream {
namespace {

using harness::eventually;
using harness::http;
using harness::metric;
using harness::Program;
using harness::TemporaryDirectory;
using net_testing::get;
using net_testing::RawClient;
using testing::HasSubstr;
using testing::StartsWith;

constexpr rlimit at_most(rlim_t descriptors) {
  return {.rlim_cur = descriptors, .rlim_max = descriptors};
}

std::vector<std::string> settings(std::vector<std::string> more = {}) {
  std::ranges::copy(harness::kFreePorts, std::back_inserter(more));
  more.insert(more.end(), {"SEGMENT_BYTES=65536", "DATA_DIR=data"});
  return more;
}

/// WebSockets from one address until one is refused, which reads why.
std::list<RawClient> take_all(std::uint16_t port) {
  const std::string handshake =
      "GET /ws/realtime HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: "
      "Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "
      "dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
  std::list<RawClient> open;
  while (true) {
    auto& client = open.emplace_back(port);
    client.send(handshake);
    const auto answer = client.read_until("\r\n\r\n");
    if (answer.starts_with("HTTP/1.1 101")) continue;
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 503"));
    open.pop_back();
    return open;
  }
}

/// Closes one of them. There is room for one request at a time then.
void free_one(std::list<RawClient>& open, std::uint16_t port) {
  open.pop_back();
  ASSERT_TRUE(
      eventually([&] { return RawClient(port).ask(get("/healthz")).starts_with("HTTP/1.1 200"); }));
}

/// Points that do not compress to nothing, so that files of the log fill up.
std::string body(std::mt19937& random) {
  std::string text = "[";
  for (int i = 0; i < 500; ++i) {
    text += fmt::format(R"({}{{"track":"t","chassis":"c{}","speed_kmh":{},"note":"{:x}{:x}"}})",
                        i == 0 ? "" : ",", random() % 20, random(), random(), random());
  }
  return text + "]";
}

std::size_t segments(const TemporaryDirectory& directory) {
  std::size_t count = 0;
  for (const auto& file : std::filesystem::directory_iterator(directory.path() / "data" / "log")) {
    if (file.path().extension() == ".slog") ++count;
  }
  return count;
}

class Descriptors : public testing::TestWithParam<rlim_t> {};

TEST_P(Descriptors, LogAndStoreHaveTheirsThoughWebSocketsTakeAllThereAre) {
  TemporaryDirectory directory;
  Program server(directory, {"serve", "--log-format", "text"}, settings(), at_most(GetParam()));
  const auto port = server.port();
  ASSERT_NE(port, 0);
  EXPECT_TRUE(server.says("fewer connections than [server] max_connections can be open"));
  auto open = take_all(port);
  EXPECT_GE(open.size(), 8u);
  for (int i = 0; i < 20; ++i) {
    EXPECT_THAT(RawClient(port).read_to_end(), StartsWith("HTTP/1.1 503")) << "none hangs";
  }
  free_one(open, port);
  std::mt19937 random(13);
  const auto before = segments(directory);
  while (segments(directory) < before + 3) {
    const auto answer = http(port, "POST", "/api/ingest", body(random));
    ASSERT_EQ(answer.status, 200u) << answer.body;
  }
  const auto rollups = http(port, "GET", "/api/rollups?limit=1000");
  EXPECT_EQ(rollups.status, 200u);
  const auto health = http(port, "GET", "/api/health");
  EXPECT_EQ(health.status, 503u) << "it took the last place itself";
  EXPECT_THAT(health.body,
              HasSubstr(fmt::format(R"("connections":{{"open":{0},"most":{0},)", open.size() + 1)));
  EXPECT_THAT(health.body,
              HasSubstr(fmt::format(R"("full":true,"descriptors":{{"limit":{},)", GetParam())));
  EXPECT_THAT(health.body, HasSubstr("new ones are answered 503"));
  EXPECT_EQ(metric(port, "slipstream_ws_clients"), static_cast<double>(open.size()))
      << "none was closed for a new one";
  EXPECT_GE(metric(port, R"(slipstream_http_connections_dropped_total{reason="server_full"})"), 21);
  EXPECT_EQ(metric(port, R"(slipstream_http_connections_dropped_total{reason="no_descriptors"})"),
            0);
  EXPECT_LE(metric(port, "slipstream_descriptors_open") - static_cast<double>(open.size()),
            metric(port, "slipstream_descriptors_reserve"));
  EXPECT_EQ(metric(port, "slipstream_log_failures_total"), 0);
  server.signal(SIGTERM);
  EXPECT_EQ(server.exit_code(), 0);
}

INSTANTIATE_TEST_SUITE_P(Few, Descriptors, testing::Values(64, 128));

TEST(FewDescriptors, RedisIsReachedAnewThoughWebSocketsTakeAllThereAre) {
  SLIPSTREAM_NEEDS_REDIS();
  harness::RedisServer redis;
  TemporaryDirectory directory;
  Program server(directory, {"serve", "--log-format", "text"},
                 settings({"REDIS_URL=" + redis.url(), "FLUSH_THRESHOLD=5"}), at_most(200));
  const auto port = server.port();
  ASSERT_NE(port, 0);
  auto open = take_all(port);
  free_one(open, port);
  std::mt19937 random(13);
  redis.call({"CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"});
  ASSERT_EQ(http(port, "POST", "/api/ingest", body(random)).status, 200u);
  EXPECT_TRUE(
      eventually([&] { return metric(port, "slipstream_redis_aggregates_sent_total") > 0; }));
  EXPECT_LE(metric(port, "slipstream_descriptors_open") - static_cast<double>(open.size()),
            metric(port, "slipstream_descriptors_reserve"));
  server.signal(SIGTERM);
  EXPECT_EQ(server.exit_code(), 0);
}

TEST(FewDescriptors, SoftLimitIsRaisedToTheHardOne) {
  TemporaryDirectory directory;
  Program server(directory, {"serve", "--log-format", "text"}, settings(),
                 rlimit{.rlim_cur = 64, .rlim_max = 700});
  const auto port = server.port();
  ASSERT_NE(port, 0);
  EXPECT_EQ(metric(port, "slipstream_descriptors_limit"), 700);
  EXPECT_GT(metric(port, "slipstream_http_connections_limit"), 500);
}

TEST(FewDescriptors, LimitTooLowForWorkIsSaidAtTheStart) {
  TemporaryDirectory directory;
  Program server(directory, {"serve", "--log-format", "text"}, settings(), at_most(40));
  EXPECT_EQ(server.exit_code(), 1);
  EXPECT_THAT(server.output(), HasSubstr("this process may have 40 files and sockets open"));
  EXPECT_THAT(server.output(), HasSubstr("ulimit -n"));
}

}  // namespace
}  // namespace slipstream
