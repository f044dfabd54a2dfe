// Redis answers and refuses: keys of another type, rights that are missing, no memory. Nothing is
// acknowledged that is not written, health says so, and all goes on once the cause is gone.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness.h"
#include "program.h"
#include "redis_server.h"
#include "stream_feed.h"

namespace slipstream {
namespace {

using harness::eventually;
using harness::http;
using harness::metric;
using harness::RedisServer;
using streams::FedPoint;
using streams::kAggregates;
using streams::kBegin;
using streams::kTelemetry;

class StreamsRefused : public testing::Test {
 protected:
  void SetUp() override { SLIPSTREAM_NEEDS_REDIS(); }

  static std::string health(const harness::Server& server) {
    const auto answer = http(server.port(), "GET", "/api/health");
    return fmt::format("{} {}", answer.status, answer.body);
  }
  static bool is_well(const harness::Server& server) {
    return health(server).starts_with(R"(200 {"ok":true)");
  }
  /// Complains of the stream, for longer than a connection takes to be made again.
  static bool complains(const harness::Server& server, const std::string& of) {
    const std::string text = health(server);
    return text.starts_with("503 ") && text.contains(of);
  }
  static bool pending_is(const harness::Server& server, double count) {
    return eventually([&] {
      return metric(server.port(), R"(slipstream_redis_pending{partition="0"})") == count;
    });
  }
  RedisStats stats_;

  static std::int64_t unacknowledged(RedisServer& redis) {
    return streams::unacknowledged(redis, kTelemetry);
  }
};

class AnotherType : public StreamsRefused, public testing::WithParamInterface<const char*> {};

TEST_P(AnotherType, OfAKeyThatIsWrittenToKeepsEntriesPending) {
  const std::string key = GetParam();
  RedisServer redis;
  harness::Server server(
      {{"REDIS_URL", redis.url()}, {"INGEST_FROM", "0"}, {"BUCKET_IDLE_MS", "600000"}});
  const auto points = streams::drive(41, 3'000, 10, kBegin);
  const std::span all(points);
  const auto add = [&](std::span<const FedPoint> some) {
    streams::add_all(redis, kTelemetry, {some.begin(), some.end()});
  };
  add(all.first(1'000));
  ASSERT_TRUE(eventually([&] { return unacknowledged(redis) == 0 && is_well(server); }));

  redis.call(
      {"EVAL", "redis.call('RENAME', KEYS[1], 'aside') redis.call('SET', KEYS[1], 'x')", "1", key});
  add(all.subspan(1'000, 1'000));
  ASSERT_TRUE(eventually([&] { return complains(server, key + " is a string"); }))
      << health(server);
  EXPECT_TRUE(pending_is(server, -1));
  add(all.subspan(2'000));
  EXPECT_GT(unacknowledged(redis), 0);

  redis.call({"RENAME", "aside", key});
  ASSERT_TRUE(eventually([&] { return unacknowledged(redis) == 0 && is_well(server); }))
      << health(server);
  EXPECT_TRUE(pending_is(server, 0));
  server.stop();
  streams::expect_same(streams::rollups(redis, kAggregates), streams::expected_buckets(points, 10));
}

INSTANTIATE_TEST_SUITE_P(StreamsRefused, AnotherType,
                         testing::Values("aggregates.stream", "telemetry.stream.ingestors.rollups",
                                         "telemetry.stream.ingestors.checkpoint"),
                         [](const auto& which) {
                           std::string name = which.param;
                           name = name.substr(name.rfind('.') + 1);
                           return name == "stream" ? std::string("aggregates") : name;
                         });

TEST_F(StreamsRefused, DeadLettersOfAnotherTypeKeepTheBadEntryPending) {
  RedisServer redis;
  redis.call({"SET", "telemetry.stream.dead", "x"});
  harness::Server server({{"REDIS_URL", redis.url()}, {"INGEST_FROM", "0"}});
  streams::add(redis, kTelemetry, {{"data", "no point"}});
  ASSERT_TRUE(eventually([&] {
    return complains(server, "telemetry.stream.dead is a string, no stream");
  })) << health(server);
  redis.call({"DEL", "telemetry.stream.dead"});
  ASSERT_TRUE(eventually([&] { return is_well(server) && unacknowledged(redis) == 0; }))
      << health(server);
  EXPECT_EQ(redis.call({"XLEN", "telemetry.stream.dead"}).view().integer(), 1);
}

TEST_F(StreamsRefused, RightsThatAreMissingAndNoMemoryAreProblemsUntilTheyAreMended) {
  RedisServer redis({.users = {"user narrow on >secret ~telemetry* +@all"}});
  harness::Server server(
      {{"REDIS_URL", fmt::format("redis://narrow:secret@127.0.0.1:{}", redis.address().port)},
       {"INGEST_FROM", "0"},
       {"BUCKET_IDLE_MS", "600000"}});
  const auto points = streams::drive(42, 1'000, 10, kBegin);
  streams::add_all(redis, kTelemetry, points);
  ASSERT_TRUE(eventually([&] { return complains(server, "NOPERM"); })) << health(server);
  redis.call({"ACL", "SETUSER", "narrow", "~*"});
  ASSERT_TRUE(eventually([&] { return is_well(server) && unacknowledged(redis) == 0; }))
      << health(server);

  redis.call({"CONFIG", "SET", "maxmemory", "1"});
  ASSERT_TRUE(eventually([&] { return complains(server, "OOM"); })) << health(server);
  redis.call({"CONFIG", "SET", "maxmemory", "0"});
  ASSERT_TRUE(eventually([&] { return is_well(server); })) << health(server);
  server.stop();
  streams::expect_same(streams::rollups(redis, kAggregates), streams::expected_buckets(points, 10));
}

TEST_F(StreamsRefused, ATelemetryStreamOfAnotherTypeIsAProblem) {
  RedisServer redis;
  redis.call({"SET", kTelemetry, "x"});
  harness::Server server({{"REDIS_URL", redis.url()}});
  EXPECT_TRUE(eventually([&] { return complains(server, "WRONGTYPE"); })) << health(server);
}

TEST_F(StreamsRefused, NoDeadLetterIsTrimmed) {
  RedisServer redis;
  harness::Server server(
      {{"REDIS_URL", redis.url()}, {"INGEST_FROM", "0"}, {"STREAM_MAXLEN", "1000"}});
  const auto connection =
      RedisConnection::open(redis.address(), {.connect_timeout_ms = 20'000}, stats_);
  ASSERT_TRUE(connection);
  for (int i = 0; i < 3'000; ++i) {
    const std::string data = fmt::format("bad {}", i);
    (*connection)->commands().command({"XADD", kTelemetry, "*", "data", data});
  }
  while ((*connection)->outstanding() > 0) {
    ASSERT_TRUE((*connection)->receive(redis_deadline_in(std::chrono::seconds(60))));
  }
  ASSERT_TRUE(eventually([&] { return unacknowledged(redis) == 0; }));
  EXPECT_EQ(redis.call({"XLEN", "telemetry.stream.dead"}).view().integer(), 3'000);
}

TEST_F(StreamsRefused, AStartBeginsNoPartitionTwice) {
  RedisServer redis;
  for (int i = 0; i < 5; ++i) {
    harness::Server server({{"REDIS_URL", redis.url()}, {"STREAM_PARTITIONS", "8"}});
    ASSERT_TRUE(eventually([&] {
      return metric(server.port(), R"(slipstream_redis_partition_owned{partition="7"})") == 1;
    }));
    EXPECT_EQ(metric(server.port(), "slipstream_redis_partition_restarts_total"), 0);
  }
}

}  // namespace
}  // namespace slipstream
