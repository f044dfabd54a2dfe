// A partition that changes owners: how soon, what clients of the new one see, what stays behind.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <regex>
#include <set>
#include <thread>

#include "harness.h"
#include "program.h"
#include "redis_server.h"
#include "stream_feed.h"

namespace slipstream {
namespace {

using namespace std::chrono_literals;
using harness::eventually;
using harness::Program;
using harness::RedisServer;
using streams::FedPoint;
using streams::kBegin;
using streams::kTelemetry;
using testing::HasSubstr;
using testing::Not;

constexpr std::uint32_t kPartitions = 8;
constexpr const char* kPartitionsSetting = "STREAM_PARTITIONS=8";

std::vector<std::string> environment(const RedisServer& redis, std::vector<std::string> more) {
  auto all = harness::kFreePorts;
  all.push_back("REDIS_URL=" + redis.url());
  all.emplace_back("INGEST_FROM=0");
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

/// Points in turn to each partition.
void feed(RedisServer& redis, const std::vector<FedPoint>& points, std::size_t from,
          std::size_t to) {
  for (std::size_t i = from; i < to; ++i) {
    streams::add(redis, streams::telemetry_stream(static_cast<std::uint32_t>(i % kPartitions)),
                 {{"data", points[i].json()}});
  }
}

bool all_acknowledged(RedisServer& redis) {
  return streams::all_acknowledged(streams::caller(redis), kPartitions);
}

class StreamsTakeover : public testing::Test {
 protected:
  void SetUp() override { SLIPSTREAM_NEEDS_REDIS(); }
};

TEST_F(StreamsTakeover, WithTheDefaultLeaseIsDoneWithinTenSeconds) {
  RedisServer redis;
  harness::TemporaryDirectory directories[3];
  std::vector<std::unique_ptr<Program>> instances;
  for (const auto& directory : directories) {
    instances.push_back(std::make_unique<Program>(directory, std::vector<std::string>{"serve"},
                                                  environment(redis, {kPartitionsSetting})));
  }
  const auto of = [&](std::uint32_t p) {
    return streams::lease(redis, streams::telemetry_stream(p));
  };
  // All three have their share.
  ASSERT_TRUE(eventually([&] {
    std::set<std::string> owners;
    for (std::uint32_t p = 0; p < kPartitions; ++p) {
      owners.insert(of(p).substr(0, of(p).find('/')));
    }
    return owners.size() == 3 && !owners.contains("");
  }));
  const auto points = streams::drive(31, 8'000, 40, kBegin);
  feed(redis, points, 0, 4'000);
  instances[1]->signal(SIGKILL);
  instances[1]->exit_code();
  const auto killed = std::chrono::steady_clock::now();
  feed(redis, points, 4'000, 8'000);
  EXPECT_TRUE(eventually([&] { return all_acknowledged(redis); }, 10s));
  std::printf("taken over and caught up after %.1f s\n",
              std::chrono::duration<double>(std::chrono::steady_clock::now() - killed).count());
  ASSERT_TRUE(eventually([&] {
    return streams::has_members(streams::caller(redis), {instances[0]->pid(), instances[2]->pid()});
  }));
  for (const int i : {0, 2}) {
    instances[i]->signal(SIGTERM);
    EXPECT_EQ(instances[i]->exit_code(), 0) << instances[i]->output();
  }
  streams::expect_exactly_once(streams::caller(redis), kPartitions);
}

TEST_F(StreamsTakeover, ShowsEachPointToClientsOnceAndForgetsTheDead) {
  RedisServer redis;
  harness::TemporaryDirectory directories[2];
  std::vector<std::unique_ptr<Program>> instances;
  for (const auto& directory : directories) {
    instances.push_back(
        std::make_unique<Program>(directory, std::vector<std::string>{"serve"},
                                  environment(redis, {"LEASE_MS=3000", "BUCKET_IDLE_MS=600000"})));
  }
  const auto members = [&] { return streams::members(streams::caller(redis)).size(); };
  ASSERT_TRUE(
      eventually([&] { return members() == 2 && !streams::lease(redis, kTelemetry).empty(); }));
  const auto is_owner = [&](const Program& instance) {
    return streams::lease(redis, kTelemetry).contains(fmt::format("-{}-", instance.pid()));
  };
  // Shares may still move: the one of lower name has it in the end.
  ASSERT_TRUE(eventually([&] {
    const auto names = redis.call({"ZRANGE", "telemetry.stream.ingestors.instances", "0", "-1"});
    std::vector<std::string> all;
    for (std::size_t i = 0; i < names.view().size(); ++i) {
      all.emplace_back(names.view()[i].text());
    }
    return streams::lease(redis, kTelemetry).starts_with(*std::ranges::min_element(all));
  }));
  Program& owner = is_owner(*instances[0]) ? *instances[0] : *instances[1];
  Program& follower = is_owner(*instances[0]) ? *instances[1] : *instances[0];

  const auto points = streams::drive(32, 3'000, 5, kBegin);
  const auto seen = [&] {
    const auto recent = harness::http(follower.port(), "GET", "/api/recent/5000").body;
    static const std::regex kW(R"("w":(\d+))");
    std::vector<std::string> all;
    for (std::sregex_iterator w(recent.begin(), recent.end(), kW), end; w != end; ++w) {
      all.push_back((*w)[1]);
    }
    return all;
  };
  // The follower has begun to read along: what comes from now on it shows.
  const FedPoint probe{.chassis = "probe", .time_ms = kBegin, .speed = 1, .w = 1};
  ASSERT_TRUE(eventually([&] {
    streams::add(redis, kTelemetry, {{"data", probe.json()}});
    return !seen().empty();
  }));
  const std::size_t half = points.size() / 2;
  for (std::size_t i = 0; i < points.size(); ++i) {
    if (i == half) {
      ASSERT_TRUE(is_owner(owner));
      owner.signal(SIGKILL);
      owner.exit_code();
    }
    // The second half comes while nobody owns the partition, and after.
    if (i == half + half / 2) {
      ASSERT_TRUE(eventually([&] { return is_owner(follower); }));
    }
    streams::add(redis, kTelemetry, {{"data", points[i].json()}});
  }
  ASSERT_TRUE(eventually([&] { return streams::unacknowledged(redis, kTelemetry) == 0; }));
  std::vector<std::string> expected;
  for (const auto& point : points) expected.push_back(std::to_string(point.w));
  auto shown = seen();
  std::erase(shown, "1");
  EXPECT_EQ(shown.size(), expected.size());
  EXPECT_TRUE(std::ranges::is_permutation(shown, expected));

  EXPECT_TRUE(eventually([&] {
    return redis.call({"SCARD", "telemetry.stream.ingestors.owners"}).view().integer() == 1 &&
           redis.call({"XINFO", "CONSUMERS", kTelemetry, "ingestors"}).view().size() == 1;
  }));
}

TEST_F(StreamsTakeover, TheLastInstanceClosesWhatIsOpenThoughRedisStoodStillUntilThen) {
  RedisServer redis;
  harness::TemporaryDirectory directory;
  const auto points = streams::drive(34, 2'000, 20, kBegin);
  Program program(
      directory, {"serve"},
      environment(redis, {"BUCKET_IDLE_MS=600000", "LEASE_MS=1000", kPartitionsSetting}));
  feed(redis, points, 0, points.size());
  ASSERT_TRUE(eventually([&] { return all_acknowledged(redis); }));
  redis.pause();
  // Beats have failed, and connections so often that no more are tried.
  ASSERT_TRUE(eventually([&] {
    return harness::http(program.port(), "GET", "/api/health").body.contains(R"("breaker":"open")");
  }));
  redis.resume();
  program.signal(SIGTERM);
  EXPECT_EQ(program.exit_code(), 0) << program.output();
  EXPECT_THAT(program.output(), Not(HasSubstr("stay open")));
  streams::expect_exactly_once(streams::caller(redis), kPartitions);
}

TEST_F(StreamsTakeover, IsLeftToOthersWhereRedisHangsAtTheStop) {
  RedisServer redis;
  harness::TemporaryDirectory directory;
  const auto settings = environment(redis, {"BUCKET_IDLE_MS=600000", kPartitionsSetting});
  const auto points = streams::drive(33, 2'000, 20, kBegin);
  std::size_t fed = 0;
  // Redis hangs at the moment of the stop, or has for a while: connections are being tried again.
  for (const auto hangs_for : {0ms, 700ms, 2'500ms}) {
    Program program(directory, {"serve"}, settings);
    feed(redis, points, fed, fed + 400);
    ASSERT_TRUE(eventually([&] { return all_acknowledged(redis); }));
    feed(redis, points, fed + 400, fed + 500);
    fed += 500;
    redis.pause();
    std::this_thread::sleep_for(hangs_for);
    program.signal(SIGTERM);
    EXPECT_EQ(program.exit_code(), 0) << program.output();
    redis.resume();
  }
  Program program(directory, {"serve"}, settings);
  feed(redis, points, fed, points.size());
  ASSERT_TRUE(eventually([&] { return all_acknowledged(redis); }));
  program.signal(SIGTERM);
  EXPECT_EQ(program.exit_code(), 0) << program.output();
  streams::expect_exactly_once(streams::caller(redis), kPartitions);
}

}  // namespace
}  // namespace slipstream
