// Streams spread over a Redis Cluster, while one of its masters is killed.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "harness.h"
#include "program.h"
#include "redis/servers.h"
#include "redis_server.h"
#include "stream_feed.h"

namespace slipstream {
namespace {

using namespace std::chrono_literals;
using harness::eventually;
using harness::Program;
using harness::RedisCluster;
using streams::FedPoint;

constexpr std::uint32_t kClusterPartitions = 6;

/// Calls whichever node has the key, which stands at another place in commands of two words.
streams::CallRedis caller(RedisServers& servers) {
  return [&servers](std::initializer_list<std::string_view> arguments) {
    const auto* words = arguments.begin();
    const bool has_two_words = words[0] == "XINFO";
    auto reply = servers.call(words[has_two_words ? 2 : 1], arguments, redis_deadline_in(30s),
                              RedisServers::OnLoss::kRetry);
    if (!reply) throw std::runtime_error(reply.error().message);
    return std::move(*reply);
  };
}

/// Posts bodies to one instance, each with a key and until it is acknowledged.
class Publisher {
 public:
  Publisher(std::uint16_t port, std::uint64_t seed) {
    thread_ = std::thread([this, port, seed] { run(port, seed); });
  }
  ~Publisher() { stop(); }
  void stop() {
    stopping_ = true;
    if (thread_.joinable()) thread_.join();
  }
  std::size_t acknowledged() const { return acknowledged_; }
  const std::map<std::string, streams::Sum>& sums() const { return sums_; }

 private:
  static constexpr std::size_t kPerBody = 40;

  void run(std::uint16_t port, std::uint64_t seed) {
    const auto points = streams::drive(seed, 100'000, 40, 1'757'032'100'000);
    for (std::size_t next = 0; !stopping_ && next + kPerBody <= points.size(); next += kPerBody) {
      std::string body;
      for (std::size_t i = 0; i < kPerBody; ++i) body += points[next + i].json() + "\n";
      while (true) {
        const auto answer = harness::http(port, "POST", "/api/ingest?durability=replicated", body,
                                          {{"Content-Type", "application/x-ndjson"},
                                           {"Idempotency-Key", fmt::format("{}-{}", seed, next)}});
        if (answer.status == 200) break;
        std::this_thread::sleep_for(20ms);
      }
      for (std::size_t i = 0; i < kPerBody; ++i) {
        auto& sum = sums_[points[next + i].chassis];
        ++sum.count;
        sum.w += points[next + i].w;
      }
      acknowledged_ += kPerBody;
    }
  }

  std::map<std::string, streams::Sum> sums_;
  std::atomic<std::size_t> acknowledged_{0};
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

class StreamsCluster : public testing::Test {
 protected:
  void SetUp() override { SLIPSTREAM_NEEDS_REDIS(); }

  static std::vector<std::string> environment(RedisCluster& cluster,
                                              std::initializer_list<std::string> more = {}) {
    auto environment = harness::kFreePorts;
    environment.push_back("REDIS_URL=" + cluster.urls());
    environment.push_back(fmt::format("STREAM_PARTITIONS={}", kClusterPartitions));
    environment.push_back("DURABLE_LOG=redis");
    environment.push_back("LEASE_MS=2000");
    environment.insert(environment.end(), more.begin(), more.end());
    return environment;
  }
};

TEST_F(StreamsCluster, WhatWasAcknowledgedOutlivesAMaster) {
  RedisCluster cluster;
  harness::TemporaryDirectory directories[3];
  Program ingest(directories[0], {"serve"}, environment(cluster, {"INGEST_CONSUME=false"}));
  Program first(directories[1], {"serve"}, environment(cluster));
  Program second(directories[2], {"serve"}, environment(cluster));
  ASSERT_NE(ingest.port(), 0) << ingest.output();
  ASSERT_NE(first.port(), 0);
  ASSERT_NE(second.port(), 0);

  RedisServers servers({.seeds = parse_redis_urls(cluster.urls()).value(),
                        .connection = {.connect_timeout_ms = 5'000},
                        .breaker = {.failures = 1'000'000}});
  const auto call = caller(servers);
  Publisher publisher(ingest.port(), 1);
  ASSERT_TRUE(eventually([&] { return publisher.acknowledged() >= 4'000; }))
      << ingest.output() << harness::http(ingest.port(), "GET", "/api/health").body;
  const std::size_t killed = cluster.master_of(streams::telemetry_stream(0), 0);
  cluster.node(killed).kill9();
  const std::size_t other = killed == 0 ? 1 : 0;
  ASSERT_TRUE(eventually(
      [&] { return cluster.master_of(streams::telemetry_stream(0), other) != killed; }, 60s));
  // The one that is gone serves nothing any more: nobody misses it.
  EXPECT_TRUE(eventually(
      [&] { return harness::http(first.port(), "GET", "/api/health").status == 200; }, 60s))
      << harness::http(first.port(), "GET", "/api/health").body;
  // The new master has no replica until the old one comes back as its own: nothing that is to be
  // on two machines can be acknowledged meanwhile.
  cluster.node(killed).restart();
  const std::size_t then = publisher.acknowledged();
  ASSERT_TRUE(eventually([&] { return publisher.acknowledged() >= then + 4'000; }, 60s))
      << ingest.output() << harness::http(ingest.port(), "GET", "/api/health").body;
  publisher.stop();
  ASSERT_TRUE(eventually([&] { return streams::all_acknowledged(call, kClusterPartitions); }, 60s))
      << first.output() << second.output();
  for (Program* const program : {&ingest, &first, &second}) {
    program->signal(SIGTERM);
    EXPECT_EQ(program->exit_code(), 0) << program->output();
  }
  // What it could not close, where Redis was too slow for its stop, the next instance closes.
  for (auto said = second.output(); said.contains("stay open");) {
    Program next(directories[2], {"serve"}, environment(cluster));
    ASSERT_TRUE(
        eventually([&] { return streams::owns_all(call, kClusterPartitions, next.pid()); }, 60s));
    next.signal(SIGTERM);
    EXPECT_EQ(next.exit_code(), 0) << next.output();
    said = next.output();
  }
  EXPECT_EQ(streams::fed_sums(call, kClusterPartitions), publisher.sums());
  // A second may be closed for the silence of its cars while the publisher waits for the failover;
  // what comes later is late for it.
  streams::expect_exactly_once(call, kClusterPartitions, {"bucket", "sector"});
}

TEST_F(StreamsCluster, NamesInDifferentSlotsAreRefusedWithTheCure) {
  RedisCluster cluster;
  harness::TemporaryDirectory directory;
  auto settings = harness::kFreePorts;
  settings.push_back("REDIS_URL=" + cluster.urls());
  Program program(directory, {"serve"}, settings);
  EXPECT_TRUE(program.says("must be in one hash slot: give both names one {tag}"))
      << program.output();
}

TEST_F(StreamsCluster, NamesWithATagMakeOnePartition) {
  RedisCluster cluster;
  harness::TemporaryDirectory directory;
  auto settings = harness::kFreePorts;
  for (const auto& more : {"REDIS_URL=" + cluster.urls(), std::string("INGEST_FROM=0"),
                           std::string("TELEMETRY_STREAM={car}telemetry"),
                           std::string("AGG_STREAM={car}aggregates")}) {
    settings.push_back(more);
  }
  Program program(directory, {"serve"}, settings);
  RedisServers servers({.seeds = parse_redis_urls(cluster.urls()).value()});
  const auto call = caller(servers);
  for (const auto& point : streams::drive(1, 20, 1, 1'757'032'100'000)) {
    call({"XADD", "{car}telemetry", "*", "data", point.json()});
  }
  EXPECT_TRUE(eventually([&] { return streams::rollups(call, "{car}aggregates").size() >= 2; }))
      << program.output();
}

}  // namespace
}  // namespace slipstream
