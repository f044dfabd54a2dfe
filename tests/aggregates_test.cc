// Rollups of the embedded log to Redis: each exactly once, through kills of the program and of
// Redis, and without anybody waiting for it.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

#include "app/outputs_component.h"
#include "app/store_component.h"
#include "crash_harness.h"
#include "environment.h"
#include "harness.h"
#include "redis_server.h"
#include "source/udp_sender.h"
#include "store/sqlite.h"
#include "stream_feed.h"

namespace slipstream {
namespace {

using namespace std::chrono_literals;
using harness::eventually;
using harness::http;
using harness::metric;
using harness::RedisServer;
using harness::Server;
using streams::FedPoint;
using streams::kAggregates;
using streams::kBegin;
using streams::SeenRollup;
using testing::AllOf;
using testing::HasSubstr;

void post(std::uint16_t port, std::span<const FedPoint> points) {
  std::string body;
  for (const auto& point : points) body += point.json() + "\n";
  const auto answer =
      http(port, "POST", "/api/ingest", body, {{"Content-Type", "application/x-ndjson"}});
  ASSERT_EQ(answer.status, 200u) << answer.body;
}

void post_all(std::uint16_t port, const std::vector<FedPoint>& points) {
  constexpr std::size_t kBody = 1'000;
  for (std::size_t i = 0; i < points.size(); i += kBody) {
    post(port, std::span(points).subspan(i, std::min(kBody, points.size() - i)));
  }
}

double waiting(const Server& server) {
  return metric(server.port(), "slipstream_redis_outbox_rollups");
}

class Aggregates : public testing::Test {
 protected:
  void SetUp() override { SLIPSTREAM_NEEDS_REDIS(); }
};

TEST_F(Aggregates, EqualARecomputation) {
  RedisServer redis;
  const auto points = streams::drive(1, 30'000, 20, kBegin);
  Server server({{"REDIS_URL", redis.url()}, {"BUCKET_IDLE_MS", "600000"}});
  post_all(server.port(), points);
  EXPECT_TRUE(eventually([&] {
    return metric(server.port(), "slipstream_redis_aggregates_sent_total") > 1'000 &&
           waiting(server) == 0;
  }));
  EXPECT_THAT(http(server.port(), "GET", "/api/health").body,
              AllOf(HasSubstr(R"("ok":true)"), HasSubstr(R"("outputs":[{"destination":"redis",)")));
  // Windows that close meanwhile may come between the two questions.
  EXPECT_TRUE(eventually([&] {
    return metric(server.port(), "slipstream_output_sent_total{destination=\"redis\"}") ==
           metric(server.port(), "slipstream_redis_aggregates_sent_total");
  }));
  server.stop();
  streams::expect_same(streams::rollups(redis, kAggregates), streams::expected_buckets(points, 10));
}

TEST_F(Aggregates, GoToTheirSeriesPartitionAndOnlyTheWindowsAsked) {
  RedisServer redis;
  const auto points = streams::drive(2, 5'000, 20, kBegin);
  Server server({{"REDIS_URL", redis.url()},
                 {"STREAM_PARTITIONS", "4"},
                 {"AGG_WINDOWS", "bucket,sector"},
                 {"BUCKET_IDLE_MS", "600000"}});
  post_all(server.port(), points);
  server.stop();
  std::vector<SeenRollup> buckets;
  std::uint64_t in_sectors = 0;
  for (std::uint32_t p = 0; p < 4; ++p) {
    for (auto& rollup : streams::rollups(redis, fmt::format("{}:{{{}}}", kAggregates, p))) {
      EXPECT_EQ(series_hash("cota", rollup.chassis) % 4, p);
      if (rollup.window == "sector") in_sectors += rollup.count;
      if (rollup.window == "bucket") buckets.push_back(std::move(rollup));
    }
  }
  EXPECT_EQ(in_sectors, points.size());
  streams::expect_same(buckets, streams::expected_buckets(points, 10));
}

TEST_F(Aggregates, HaveTheFieldsAndStatisticsAskedForOnBothWays) {
  RedisServer redis;
  const FedPoint posted{.chassis = "BY-HTTP", .time_ms = kBegin, .speed = 100, .w = 1};
  const FedPoint added{.chassis = "BY-REDIS", .time_ms = kBegin, .speed = 120, .w = 2};
  Server server({{"REDIS_URL", redis.url()},
                 {"INGEST_FROM", "0"},
                 {"AGG_FIELDS", "w,brake"},
                 {"AGG_STATISTICS", "avg,max"}});
  post(server.port(), {{posted}});
  streams::add_all(redis, "telemetry.stream", std::vector{added});
  std::map<std::string, std::map<std::string, double>> seen;
  EXPECT_TRUE(eventually([&] {
    for (const auto& rollup : streams::rollups(redis, kAggregates)) {
      seen[rollup.chassis] = rollup.figures;
    }
    return seen.size() == 2;
  }));
  using Figures = std::map<std::string, double>;
  EXPECT_EQ(seen["BY-HTTP"], (Figures{{"avg_w", 1}, {"max_w", 1}}));
  EXPECT_EQ(seen["BY-REDIS"], (Figures{{"avg_w", 2}, {"max_w", 2}}));
  EXPECT_THAT(http(server.port(), "GET", "/api/rollups").body, HasSubstr("std_speed_kmh"))
      << "the store has them all";
}

TEST_F(Aggregates, RedisAwayFromTheStartAndInTheMiddleHoldsNobodyUp) {
  RedisServer redis({.append_only = true});
  redis.kill9();
  const auto points = streams::drive(3, 6'000, 10, kBegin);
  Server server({{"REDIS_URL", redis.url()}, {"BUCKET_IDLE_MS", "600000"}});
  harness::WebSocketClient client(server.port(), "/ws/realtime");
  auto sender = UdpSender::open("127.0.0.1", server.udp_port());
  ASSERT_TRUE(sender);
  std::size_t next = 0;
  // By UDP, and each lot is seen by the client before the next goes.
  const auto drive_on = [&](std::size_t count) {
    for (const std::size_t end = next + count; next < end;) {
      const std::size_t lot = std::min<std::size_t>(100, end - next);
      for (std::size_t i = 0; i < lot; ++i) ASSERT_TRUE(sender->send(points[next++].json()));
      client.read_until(fmt::format("\"w\":{}}}", points[next - 1].w));
    }
  };
  drive_on(2'000);
  EXPECT_TRUE(eventually([&] { return waiting(server) > 100; }));
  EXPECT_TRUE(eventually(
      [&] { return http(server.port(), "GET", "/api/health").body.contains("rollups wait"); }));
  redis.restart();
  drive_on(1'000);
  EXPECT_TRUE(eventually([&] { return waiting(server) == 0; }));
  redis.kill9();
  drive_on(1'000);
  EXPECT_TRUE(eventually([&] { return waiting(server) > 0; }));
  redis.restart();
  drive_on(1'000);
  redis.pause();
  drive_on(500);
  redis.resume();
  drive_on(500);
  EXPECT_TRUE(eventually([&] { return waiting(server) == 0; }, 60s));
  EXPECT_TRUE(eventually(
      [&] { return metric(server.port(), "slipstream_redis_aggregates_failing") == 0; }));
  server.stop();
  streams::expect_same(streams::rollups(redis, kAggregates), streams::expected_buckets(points, 10));
}

TEST_F(Aggregates, AMomentWithoutMemoryCostsNothing) {
  RedisServer redis;
  const auto points = streams::drive(4, 20'000, 10, kBegin);
  Server server({{"REDIS_URL", redis.url()},
                 {"BUCKET_IDLE_MS", "600000"},
                 {"REDIS_PIPELINE_SIZE", "3"}});  // many rows at once
  std::thread starver([&] {
    for (int i = 0; i < 40; ++i) {
      redis.call({"CONFIG", "SET", "maxmemory", i % 2 == 0 ? "1mb" : "0"});
      std::this_thread::sleep_for(10ms);
    }
  });
  post_all(server.port(), points);
  starver.join();
  redis.call({"CONFIG", "SET", "maxmemory", "0"});
  EXPECT_TRUE(eventually([&] { return waiting(server) == 0; }, 60s));
  server.stop();
  streams::expect_same(streams::rollups(redis, kAggregates), streams::expected_buckets(points, 10));
}

TEST_F(Aggregates, TheOldestGiveWayWhileRedisIsAway) {
  constexpr std::size_t kMost = 1'000;
  RedisServer redis;
  redis.kill9();
  const auto points = streams::drive(5, 40'000, 1, kBegin);
  Server server({{"REDIS_URL", redis.url()},
                 {"BUCKET_IDLE_MS", "600000"},
                 {"STREAM_MAXLEN", std::to_string(kMost)},
                 {"REDIS_PIPELINE_SIZE", "10"}});
  post_all(server.port(), points);
  auto expected = streams::expected_buckets(points, 10).begin()->second;
  if (expected.back().count < 10) expected.pop_back();  // open still
  const auto dropped = [&] {
    return metric(server.port(), "slipstream_redis_outbox_dropped_total");
  };
  EXPECT_TRUE(eventually(
      [&] { return dropped() + waiting(server) == static_cast<double>(expected.size()); }));
  EXPECT_LE(waiting(server), kMost);
  EXPECT_GT(waiting(server), kMost - 10);
  const auto kept = static_cast<std::ptrdiff_t>(waiting(server));
  redis.restart();
  EXPECT_TRUE(eventually([&] { return waiting(server) == 0; }, 60s));
  streams::expect_same(streams::rollups(redis, kAggregates),
                       {{expected.front().chassis, {expected.end() - kept, expected.end()}}});
}

TEST_F(Aggregates, OfAnotherInstanceAreSeenHereAndOnesOwnAreNotSeenTwice) {
  RedisServer redis;
  const auto make = [&](const char* consumes) {
    return std::make_unique<Server>(std::map<std::string, std::string>{
        {"REDIS_URL", redis.url()}, {"BUCKET_IDLE_MS", "600000"}, {"INGEST_CONSUME", consumes}});
  };
  // Both read along what nobody owns.
  const auto first = make("false");
  const auto second = make("false");
  const auto seen = [](Server& server) {
    return server.component<StoreComponent>()
        .memory()
        .query({.window = "bucket", .limit = 1'000})
        ->rollups;
  };
  // Until each reads along.
  std::int64_t begin = kBegin;
  for (const auto& [from, to] :
       {std::pair(first.get(), second.get()), {second.get(), first.get()}}) {
    const auto shown = seen(*to).size();
    while (seen(*to).size() == shown) {
      ASSERT_LT(begin, kBegin + 100'000'000);
      post_all(from->port(), streams::drive(8, 10, 1, begin += 1'000'000));
      eventually([&, to = to] { return seen(*to).size() > shown; }, 200ms);
    }
  }
  const auto before = seen(*first).size();
  post_all(first->port(), streams::drive(9, 1'000, 1, begin += 1'000'000));
  post_all(second->port(), streams::drive(10, 1'000, 1, begin + 1'000'000));
  EXPECT_TRUE(eventually([&] { return seen(*first).size() > before + 150; }));
  EXPECT_TRUE(eventually([&] { return waiting(*first) == 0 && waiting(*second) == 0; }));
  for (auto* const server : {first.get(), second.get()}) {
    const auto all = seen(*server);
    EXPECT_EQ(std::set<std::string>(all.begin(), all.end()).size(), all.size()) << "seen twice";
  }
}

TEST_F(Aggregates, WithoutRedisNothingIsKeptForIt) {
  Server server;
  post_all(server.port(), streams::drive(6, 1'000, 10, kBegin));
  EXPECT_EQ(server.component<StoreComponent>().store().outbox(), nullptr);
  EXPECT_EQ(server.component<OutputsComponent>().of("redis"), nullptr);
}

TEST_F(Aggregates, WithoutALogTheyAreSentAllTheSame) {
  RedisServer redis;
  const auto points = streams::drive(7, 3'000, 10, kBegin);
  Server server(
      {{"REDIS_URL", redis.url()}, {"BUCKET_IDLE_MS", "600000"}, {"DURABLE_LOG", "none"}});
  post_all(server.port(), points);
  server.stop();
  streams::expect_same(streams::rollups(redis, kAggregates), streams::expected_buckets(points, 10));
}

std::multiset<std::string> stored_ids(const std::filesystem::path& directory) {
  auto database =
      Database::open((directory / "data" / "slipstream.db").string(), SQLITE_OPEN_READONLY);
  EXPECT_TRUE(database);
  auto rows =
      database->prepare("SELECT lower(hex(window_id)) FROM rollups WHERE window = 'bucket'");
  EXPECT_TRUE(rows);
  std::multiset<std::string> ids;
  while (rows->step().value()) ids.insert(std::string(rows->text(0)));
  return ids;
}

// All windows are stored there, so that the store says what must be in the stream.
TEST_F(Aggregates, EveryAcknowledgedPointIsInOneBucketOfTheStreamThroughKills) {
  const std::uint64_t seed =
      harness::from_environment("SLIPSTREAM_CRASH_SEED", std::random_device{}() % 1'000'000);
  const auto rounds = harness::from_environment("SLIPSTREAM_CRASH_ROUNDS", 12);
  SCOPED_TRACE(fmt::format("SLIPSTREAM_CRASH_SEED={} SLIPSTREAM_CRASH_ROUNDS={}", seed, rounds));
  std::mt19937_64 schedule(seed);
  RedisServer redis({.append_only = true});
  harness::TemporaryDirectory directory;
  const std::vector<std::string> environment = {"REDIS_URL=" + redis.url(),
                                                "STREAM_MAXLEN=100000000"};
  crash::Senders senders(seed);
  senders.start();
  bool is_away = false;
  for (std::uint64_t round = 0; round < rounds; ++round) {
    if (schedule() % 3 == 0) {
      is_away ? redis.restart() : redis.kill9();
      is_away = !is_away;
    }
    crash::ServerProcess server(directory.path(), environment);
    const auto end =
        std::chrono::steady_clock::now() + std::chrono::milliseconds(20 + schedule() % 600);
    while (std::chrono::steady_clock::now() < end) {
      senders.send_to(server.port());
      std::this_thread::sleep_for(1ms);
    }
    server.kill();
    senders.send_to(0);
  }
  if (is_away) redis.restart();
  crash::ServerProcess server(directory.path(), environment);
  const auto port = server.wait_until_it_serves();
  ASSERT_NE(port, 0) << server.output();
  senders.send_to(port);
  ASSERT_TRUE(senders.finish()) << http(port, "GET", "/api/health").body;
  senders.send_to(0);
  ASSERT_TRUE(eventually([&] { return metric(port, "slipstream_redis_outbox_rollups") == 0; }));
  ASSERT_EQ(server.stop(), 0) << server.output();
  {
    // What the stop had no time for is sent at the next start.
    crash::ServerProcess next(directory.path(), environment);
    const auto next_port = next.wait_until_it_serves();
    ASSERT_NE(next_port, 0) << next.output();
    ASSERT_TRUE(
        eventually([&] { return metric(next_port, "slipstream_redis_outbox_rollups") == 0; }));
    ASSERT_EQ(next.stop(), 0) << next.output();
  }
  const auto points = crash::expect_each_point_once(directory.path(), senders.bodies());
  std::multiset<std::string> sent;
  for (const auto& rollup : streams::rollups(redis, kAggregates)) sent.insert(rollup.id);
  EXPECT_EQ(sent, stored_ids(directory.path()));
  EXPECT_GT(senders.acknowledged(), 0u);
  fmt::print("{} points in {} rollups\n", points, sent.size());
}

}  // namespace
}  // namespace slipstream
