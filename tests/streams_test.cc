// Redis streams to rollups, one instance: what comes in, what comes out, what survives.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/store_component.h"
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
using streams::expect_same;
using streams::FedPoint;
using streams::kAggregates;
using streams::kBegin;
using streams::kTelemetry;
using testing::HasSubstr;

class Streams : public testing::Test {
 protected:
  void SetUp() override { SLIPSTREAM_NEEDS_REDIS(); }
};

bool drained(RedisServer& redis) {
  return eventually([&] { return streams::unacknowledged(redis, kTelemetry) == 0; });
}

/// A server counts what it has committed once Redis has answered: behind what Redis shows.
void expect_counted(const harness::Server& server, const std::string& sample, std::size_t count) {
  EXPECT_TRUE(eventually([&] {
    return metric(server.port(), sample) == static_cast<double>(count);
  })) << sample
      << " is " << metric(server.port(), sample);
}

TEST_F(Streams, DrainEqualsARecomputation) {
  RedisServer redis;
  const auto points = streams::drive(1, 100'000, 20, kBegin);
  streams::add_all(redis, kTelemetry, points);
  harness::Server server({{"REDIS_URL", redis.url()}, {"INGEST_FROM", "0"}});
  ASSERT_TRUE(drained(redis));
  expect_counted(server, R"(slipstream_points_accepted_total{source="redis"})", 100'000);
  EXPECT_THAT(http(server.port(), "GET", "/api/health").body, HasSubstr(R"("ok":true)"));
  server.stop();
  expect_same(streams::rollups(redis, kAggregates), streams::expected_buckets(points, 10));
  const auto page =
      server.component<StoreComponent>().store().query({.window = "second", .limit = 1'000});
  ASSERT_TRUE(page);
  EXPECT_EQ(page->rollups.size(), 1'000u);
}

TEST_F(Streams, AGroupBeginsAtTheEndUnlessToldOtherwise) {
  RedisServer redis;
  const auto points = streams::drive(2, 100, 4, kBegin);
  streams::add_all(redis, kTelemetry, points);
  harness::Server server({{"REDIS_URL", redis.url()}});
  ASSERT_TRUE(eventually([&] { return streams::unacknowledged(redis, kTelemetry) == 0; }));
  const auto later = streams::drive(3, 100, 4, kBegin + 100'000);
  streams::add_all(redis, kTelemetry, later);
  ASSERT_TRUE(drained(redis));
  server.stop();
  expect_same(streams::rollups(redis, kAggregates), streams::expected_buckets(later, 10));
}

TEST_F(Streams, PoisonGoesToTheDeadLetters) {
  RedisServer redis;
  const FedPoint good{.chassis = "A", .time_ms = kBegin, .speed = 100, .w = 1};
  const std::string huge(1'000'000, 'x');
  const std::string binary("\xff\xfe\0\x01 bin", 8);
  const struct {
    std::vector<std::pair<std::string, std::string>> fields;
    std::string reason;
  } poisons[] = {
      {{{"data", "{\"track\":\"cota\",\"chassis\""}}, "malformed_json"},
      {{{"data", "17"}}, "not_an_object"},
      {{{"data", ""}}, "empty"},
      {{{"data", R"({"track":"cota","speed_kmh":1})"}}, "missing_dimension"},
      {{{"data", R"({"track":"cota","chassis":"A","speed_kmh":"fast"})"}}, "bad_number"},
      {{{"data", R"({"track":"cota","chassis":"A","meta_time":"yesterday"})"}}, "bad_time"},
      {{{"data", R"({"track":"cota","chassis":"A","note":")" + huge + "\"}"}}, "too_large"},
      {{{"data", binary}}, "malformed_json"},
      {{{"track", "cota"}, {"speed_kmh", "1"}}, "missing_dimension"},
      {{{"track", "cota"}, {"chassis", "A"}, {"speed_kmh", "nan"}}, "bad_number"},
      {{{"track", "cota"}, {"chassis", "A"}, {"note", huge}}, "too_large"},
      {{{"track", "cota"}, {"chassis", binary}}, "malformed_json"},
      {{{"track", "cota"}, {"chassis", "A"}, {std::string(129, 'n'), "1"}}, "out_of_range"},
      {{{"a", "1"}}, "missing_dimension"},
  };
  std::vector<std::string> ids;
  for (const auto& poison : poisons) {
    streams::add(redis, kTelemetry, {{"data", good.json()}});
    ids.push_back(streams::add(redis, kTelemetry, poison.fields));
  }
  streams::add(redis, kTelemetry, {{"points", good.json() + "\n{\"track\":1}\n" + good.json()}});
  harness::Server server({{"REDIS_URL", redis.url()}, {"INGEST_FROM", "0"}});
  ASSERT_TRUE(drained(redis));
  const auto dead = streams::entries(redis, std::string(kTelemetry) + ".dead");
  ASSERT_EQ(dead.size(), std::size(poisons) + 1);
  for (std::size_t i = 0; i < std::size(poisons); ++i) {
    EXPECT_EQ(dead[i].at("reason"), poisons[i].reason) << i << ": " << dead[i].at("message");
    EXPECT_EQ(dead[i].at("entry"), ids[i]);
    for (const auto& [name, value] : poisons[i].fields) EXPECT_EQ(dead[i].at(name), value) << i;
  }
  EXPECT_EQ(dead.back().at("data"), R"({"track":1})");
  expect_counted(server, R"(slipstream_points_accepted_total{source="redis"})",
                 std::size(poisons) + 2);
  expect_counted(
      server, R"(slipstream_points_rejected_total{source="redis",reason="missing_dimension"})", 4);
  expect_counted(server, "slipstream_redis_entries_dead_total", std::size(poisons) + 1);
}

TEST_F(Streams, EntriesOfAStrangeConsumerAreClaimedWhenTheyAreOld) {
  RedisServer redis;
  redis.call({"XGROUP", "CREATE", kTelemetry, "ingestors", "0", "MKSTREAM"});
  const auto points = streams::drive(4, 40, 1, kBegin);
  streams::add_all(redis, kTelemetry, points);
  redis.call(
      {"XREADGROUP", "GROUP", "ingestors", "stranger", "COUNT", "40", "STREAMS", kTelemetry, ">"});
  harness::Server server({{"REDIS_URL", redis.url()}, {"CLAIM_IDLE_MS", "1000"}});
  ASSERT_TRUE(drained(redis));
  server.stop();
  expect_same(streams::rollups(redis, kAggregates), streams::expected_buckets(points, 10));
}

TEST_F(Streams, EntriesOfOwnersBeforeAreTakenAtOnceAndDeletedOnesLetGo) {
  RedisServer redis;
  redis.call({"XGROUP", "CREATE", kTelemetry, "ingestors", "0", "MKSTREAM"});
  auto points = streams::drive(5, 40, 1, kBegin);
  streams::add_all(redis, kTelemetry, points);
  redis.call({"SADD", "telemetry.stream.ingestors.owners", "ghost"});
  const RedisReply read = redis.call(
      {"XREADGROUP", "GROUP", "ingestors", "ghost", "COUNT", "40", "STREAMS", kTelemetry, ">"});
  const std::string deleted(read.view()[0][1][39][0].text());
  redis.call({"XDEL", kTelemetry, deleted});
  points.pop_back();
  harness::Server server({{"REDIS_URL", redis.url()}});  // claims of strangers would take 30 s
  ASSERT_TRUE(eventually(
      [&] { return redis.call({"XPENDING", kTelemetry, "ingestors"}).view()[0].integer() == 0; }));
  server.stop();
  expect_same(streams::rollups(redis, kAggregates), streams::expected_buckets(points, 10));
}

TEST_F(Streams, OpenWindowsGoOnAfterAKill) {
  RedisServer redis;
  harness::TemporaryDirectory directory;
  const auto points = streams::drive(6, 20'000, 7, kBegin);
  const std::vector<FedPoint> first(points.begin(), points.begin() + 10'003);
  const std::vector<FedPoint> second(points.begin() + 10'003, points.end());
  auto environment = harness::kFreePorts;
  // No window is closed for idleness while the program is away.
  for (const auto& more : {"REDIS_URL=" + redis.url(), std::string("INGEST_FROM=0"),
                           std::string("LEASE_MS=500"), std::string("BUCKET_IDLE_MS=600000")}) {
    environment.push_back(more);
  }
  {
    harness::Program program(directory, {"serve"}, environment);
    ASSERT_NE(program.port(), 0);
    streams::add_all(redis, kTelemetry, first);
    ASSERT_TRUE(drained(redis));
    program.signal(SIGKILL);
    EXPECT_EQ(program.exit_code(), 1'000 + SIGKILL);
  }
  harness::Program program(directory, {"serve"}, environment);
  streams::add_all(redis, kTelemetry, second);
  ASSERT_TRUE(drained(redis));
  program.signal(SIGTERM);
  EXPECT_EQ(program.exit_code(), 0) << program.output();
  expect_same(streams::rollups(redis, kAggregates), streams::expected_buckets(points, 10));
}

TEST_F(Streams, ChangedWindowsAreClosedAsTheyWereOpened) {
  RedisServer redis;
  const auto points = streams::drive(7, 205, 1, kBegin);
  std::vector<FedPoint> first;
  std::ranges::copy_if(points, std::back_inserter(first),
                       [](const FedPoint& p) { return p.time_ms < kBegin + 4'000; });
  const std::vector<FedPoint> second(points.begin() + static_cast<std::ptrdiff_t>(first.size()),
                                     points.end());
  const auto serve = [&](const std::vector<FedPoint>& feed, const char* threshold, bool in_group) {
    harness::TemporaryDirectory directory;
    auto environment = harness::kFreePorts;
    for (const auto& more :
         {"REDIS_URL=" + redis.url(), std::string("INGEST_FROM=0"), std::string("LEASE_MS=500"),
          std::string("BUCKET_IDLE_MS=600000"), std::string("FLUSH_THRESHOLD=") + threshold}) {
      environment.push_back(more);
    }
    harness::Program program(directory, {"serve"}, environment);
    streams::add_all(redis, kTelemetry, feed);
    ASSERT_TRUE(drained(redis));
    program.signal(in_group ? SIGKILL : SIGTERM);
    program.exit_code();
  };
  serve(first, "10", true);
  serve(second, "7", false);
  auto expected = streams::expected_buckets(first, 10);
  for (auto& [car, rollups] : streams::expected_buckets(second, 7)) {
    auto& all = expected[car];
    all.insert(all.end(), rollups.begin(), rollups.end());
  }
  expect_same(streams::rollups(redis, kAggregates), expected);
}

TEST_F(Streams, ALostGroupGoesOnWhereItWas) {
  RedisServer redis;
  const auto points = streams::drive(8, 3'000, 5, kBegin);
  const std::vector<FedPoint> first(points.begin(), points.begin() + 1'501);
  const std::vector<FedPoint> second(points.begin() + 1'501, points.end());
  harness::Server server(
      {{"REDIS_URL", redis.url()}, {"INGEST_FROM", "0"}, {"BUCKET_IDLE_MS", "600000"}});
  streams::add_all(redis, kTelemetry, first);
  ASSERT_TRUE(drained(redis));
  redis.call({"XGROUP", "DESTROY", kTelemetry, "ingestors"});
  streams::add_all(redis, kTelemetry, second);
  ASSERT_TRUE(eventually([&] {
    return metric(server.port(), R"(slipstream_points_accepted_total{source="redis"})") == 3'000;
  }));
  server.stop();
  expect_same(streams::rollups(redis, kAggregates), streams::expected_buckets(points, 10));
}

TEST_F(Streams, AWorkerThatFailsTwiceAtAnEntryLeavesItOut) {
  RedisServer redis;
  harness::TemporaryDirectory directory;
  auto points = streams::drive(9, 400, 4, kBegin);
  points[201].chassis = "poison";
  streams::add_all(redis, kTelemetry, points);
  auto environment = harness::kFreePorts;
  for (const auto& more : {"REDIS_URL=" + redis.url(), std::string("INGEST_FROM=0"),
                           std::string("SLIPSTREAM_FAULT=fold:poison*1000000")}) {
    environment.push_back(more);
  }
  harness::Program program(directory, {"serve"}, environment);
  ASSERT_TRUE(drained(redis)) << program.output();
  const auto dead = streams::entries(redis, std::string(kTelemetry) + ".dead");
  ASSERT_EQ(dead.size(), 1u);
  EXPECT_EQ(dead[0].at("reason"), "worker_failed");
  EXPECT_EQ(dead[0].at("chassis"), "poison");
  program.signal(SIGTERM);
  EXPECT_EQ(program.exit_code(), 0) << program.output();
  points.erase(points.begin() + 201);
  expect_same(streams::rollups(redis, kAggregates), streams::expected_buckets(points, 10));
}

}  // namespace
}  // namespace slipstream
