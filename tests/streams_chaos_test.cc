// A group of instances over several partitions, while instances and Redis are killed and stopped at
// random moments: in the end each entry is in exactly one rollup of each window.
// SLIPSTREAM_CHAOS_ROUNDS and SLIPSTREAM_CHAOS_SEED ask for more, or for the same again.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>
#include <random>
#include <set>
#include <thread>

#include "environment.h"
#include "harness.h"
#include "model/point.h"
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
using streams::telemetry_stream;

constexpr std::uint32_t kChaosPartitions = 8;
constexpr const char* kLeaseMs = "2000";

/// Adds points, and marks among them, to their partitions' streams, through whatever happens to
/// Redis, until stopped.
class Feeder {
 public:
  Feeder(const RedisAddress& address, std::uint64_t seed)
      : address_(address), points_(streams::drive(seed, 400'000, 40, kBegin)) {
    thread_ = std::thread([this] { run(); });
  }
  ~Feeder() { stop(); }
  void stop() {
    stopping_ = true;
    if (thread_.joinable()) thread_.join();
  }
  std::size_t added() const { return added_; }

 private:
  static constexpr std::size_t kPerWrite = 50;
  static constexpr std::size_t kPointsPerMark = 410;  // no more than are read of a server at once

  void run() {
    RedisStats stats;
    std::unique_ptr<RedisConnection> connection;
    while (!stopping_ && next_ + kPerWrite <= points_.size()) {
      if (!connection) {
        auto opened = RedisConnection::open(address_, {.connect_timeout_ms = 20'000}, stats);
        if (!opened) {
          std::this_thread::sleep_for(20ms);
          continue;
        }
        connection = std::move(*opened);
      }
      // What may or may not be there is not sent again: the streams say what was added.
      for (std::size_t i = 0; i < kPerWrite; ++i, ++next_) {
        const FedPoint& point = points_[next_];
        const auto partition =
            static_cast<std::uint32_t>(series_hash(point.track, point.chassis) % kChaosPartitions);
        const std::string json = point.json();
        connection->commands().command({"XADD", telemetry_stream(partition), "*", "data", json});
        if (next_ % kPointsPerMark != 0) continue;
        const std::string mark =
            fmt::format(R"({{"type":"mark","track":"{}","text":"m{}"}})", point.track, next_);
        connection->commands().command({"XADD", telemetry_stream(partition), "*", "data", mark});
      }
      while (connection && connection->outstanding() > 0) {
        const auto reply = connection->receive(redis_deadline_in(30s));
        if (!reply) connection.reset();
        if (reply && !reply->is_error()) ++added_;
      }
      std::this_thread::sleep_for(5ms);  // about 10,000 a second
    }
  }

  const RedisAddress address_;
  const std::vector<FedPoint> points_;
  std::size_t next_ = 0;
  std::atomic<std::size_t> added_{0};
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

/// One instance of the group; killed and started again in the same directory.
class Instance {
 public:
  explicit Instance(const RedisServer& redis) {
    environment_ = harness::kFreePorts;
    for (auto& setting :
         {"REDIS_URL=" + redis.url(), fmt::format("STREAM_PARTITIONS={}", kChaosPartitions),
          std::string("INGEST_FROM=0"), fmt::format("LEASE_MS={}", kLeaseMs)}) {
      environment_.push_back(setting);
    }
    start();
  }
  void start() { program_ = std::make_unique<Program>(directory_, serve_, environment_); }
  void kill() {
    program_->signal(SIGKILL);
    program_->exit_code();
  }
  void pause() { program_->signal(SIGSTOP); }
  void resume() { program_->signal(SIGCONT); }
  /// The signal would just end a program that has not got as far as to serve.
  int stop() {
    EXPECT_NE(program_->port(), 0);
    program_->signal(SIGTERM);
    return program_->exit_code();
  }
  std::multiset<std::string> marks() const { return streams::stored_marks(program_->port()); }
  pid_t process() const { return program_->pid(); }
  std::string output() const { return program_->output(); }
  std::string state() const {
    return program_->output() + harness::http(program_->port(), "GET", "/api/health").body + '\n';
  }

 private:
  const std::vector<std::string> serve_ = {"serve"};
  harness::TemporaryDirectory directory_;
  std::vector<std::string> environment_;
  std::unique_ptr<Program> program_;
};

std::vector<pid_t> processes_of(const std::vector<std::unique_ptr<Instance>>& instances) {
  std::vector<pid_t> all;
  for (const auto& instance : instances) all.push_back(instance->process());
  return all;
}

/// Every partition has a lease of one of the instances that answer.
bool all_owned(RedisServer& redis, const std::set<std::string>& not_by = {}) {
  for (std::uint32_t p = 0; p < kChaosPartitions; ++p) {
    const std::string token = streams::lease(redis, telemetry_stream(p));
    if (token.empty() || not_by.contains(token)) return false;
  }
  return true;
}

std::set<std::string> leases(RedisServer& redis) {
  std::set<std::string> tokens;
  for (std::uint32_t p = 0; p < kChaosPartitions; ++p) {
    tokens.insert(streams::lease(redis, telemetry_stream(p)));
  }
  return tokens;
}

/// What the last one could not close, where Redis was too slow for its stop, the next instance
/// closes.
void stop_all(RedisServer& redis, const std::vector<std::unique_ptr<Instance>>& instances) {
  for (const auto& instance : instances) EXPECT_EQ(instance->stop(), 0) << instance->output();
  for (auto said = instances.back()->output(); said.contains("stay open");) {
    Instance next(redis);
    ASSERT_TRUE(eventually([&] {
      return streams::owns_all(streams::caller(redis), kChaosPartitions, next.process());
    })) << next.state();
    EXPECT_EQ(next.stop(), 0) << next.output();
    said = next.output();
  }
}

/// For a test that failed: what Redis knows of the partitions.
std::string state_of(RedisServer& redis) {
  std::string text;
  for (std::uint32_t p = 0; p < kChaosPartitions; ++p) {
    const std::string stream = telemetry_stream(p);
    const auto group = redis.call({"XINFO", "GROUPS", stream});
    text += fmt::format("{}: lag {}, pending {}, lease {}, fence {}, owners", p,
                        group.view()[0].member("lag").integer(),
                        group.view()[0].member("pending").integer(), streams::lease(redis, stream),
                        redis.text({"GET", stream + ".ingestors.fence"}));
    const auto owners = redis.call({"SMEMBERS", stream + ".ingestors.owners"});
    for (std::size_t i = 0; i < owners.view().size(); ++i) {
      text += fmt::format(" {}", owners.view()[i].text());
    }
    const auto consumers = redis.call({"XINFO", "CONSUMERS", stream, "ingestors"});
    for (std::size_t i = 0; i < consumers.view().size(); ++i) {
      text += fmt::format("; {} has {}", consumers.view()[i].member("name").text(),
                          consumers.view()[i].member("pending").integer());
    }
    text += '\n';
  }
  return text;
}

class StreamsChaos : public testing::Test {
 protected:
  void SetUp() override { SLIPSTREAM_NEEDS_REDIS(); }

  /// All is caught up, all stop: each entry is in exactly one rollup of each window, and each mark
  /// in every store once.
  static void finish(RedisServer& redis, const std::vector<std::unique_ptr<Instance>>& instances,
                     Feeder& feeder) {
    feeder.stop();
    ASSERT_TRUE(eventually(
        [&] { return streams::all_acknowledged(streams::caller(redis), kChaosPartitions); }, 60s))
        << state_of(redis) << instances[0]->state() << instances[1]->state();
    ASSERT_TRUE(eventually(
        [&] { return streams::has_members(streams::caller(redis), processes_of(instances)); },
        60s));
    const auto marks = streams::fed_marks(streams::caller(redis), kChaosPartitions);
    EXPECT_FALSE(marks.empty());
    for (const auto& instance : instances) {
      EXPECT_TRUE(eventually([&] { return instance->marks().size() >= marks.size(); }));
      EXPECT_EQ(instance->marks(), marks);
    }
    stop_all(redis, instances);
    std::printf("%zu entries\n", feeder.added());
    streams::expect_exactly_once(streams::caller(redis), kChaosPartitions);
  }

  const std::uint64_t seed_ =
      harness::from_environment("SLIPSTREAM_CHAOS_SEED", std::random_device{}());
  const std::uint64_t rounds_ = harness::from_environment("SLIPSTREAM_CHAOS_ROUNDS", 6);
  std::mt19937_64 random_{seed_};
};

TEST_F(StreamsChaos, KilledAndStoppedInstances) {
  SCOPED_TRACE(fmt::format("SLIPSTREAM_CHAOS_SEED={} SLIPSTREAM_CHAOS_ROUNDS={}", seed_, rounds_));
  RedisServer redis;
  std::vector<std::unique_ptr<Instance>> instances;
  for (int i = 0; i < 3; ++i) instances.push_back(std::make_unique<Instance>(redis));
  ASSERT_TRUE(eventually([&] { return all_owned(redis); })) << instances[0]->state();
  Feeder feeder(redis.address(), seed_);
  for (std::uint64_t round = 0; round < rounds_; ++round) {
    Instance& instance = *instances[random_() % instances.size()];
    std::this_thread::sleep_for(std::chrono::milliseconds(100 + random_() % 900));
    if (random_() % 2 == 0) {
      instance.kill();
      ASSERT_TRUE(eventually([&] { return all_owned(redis); }));
      instance.start();
    } else {
      instance.pause();
      // Long enough for its partitions to be taken, sometimes; it must not matter.
      std::this_thread::sleep_for(std::chrono::milliseconds(random_() % 5'000));
      instance.resume();
    }
  }
  finish(redis, instances, feeder);
}

TEST_F(StreamsChaos, KilledStoppedAndStarvedRedis) {
  SCOPED_TRACE(fmt::format("SLIPSTREAM_CHAOS_SEED={} SLIPSTREAM_CHAOS_ROUNDS={}", seed_, rounds_));
  RedisServer redis({.append_only = true});
  std::vector<std::unique_ptr<Instance>> instances;
  for (int i = 0; i < 2; ++i) instances.push_back(std::make_unique<Instance>(redis));
  ASSERT_TRUE(eventually([&] { return all_owned(redis); })) << instances[0]->state();
  Feeder feeder(redis.address(), seed_);
  for (std::uint64_t round = 0; round < rounds_; ++round) {
    std::this_thread::sleep_for(std::chrono::milliseconds(100 + random_() % 900));
    switch (round % 4) {
      case 0:
        redis.kill9();
        std::this_thread::sleep_for(std::chrono::milliseconds(random_() % 1'500));
        redis.restart();
        break;
      case 1:
        redis.pause();
        std::this_thread::sleep_for(std::chrono::milliseconds(random_() % 10'000));
        redis.resume();
        break;
      case 2:
        redis.call({"CONFIG", "SET", "maxmemory", "1mb"});
        std::this_thread::sleep_for(std::chrono::milliseconds(random_() % 1'500));
        redis.call({"CONFIG", "SET", "maxmemory", "0"});
        break;
      default:
        for (int i = 0; i < 5; ++i) {
          redis.call({"CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"});
          std::this_thread::sleep_for(std::chrono::milliseconds(random_() % 200));
        }
    }
  }
  finish(redis, instances, feeder);
}

TEST_F(StreamsChaos, ADeadInstancesPartitionsAreTakenAndGivenBackOnesMove) {
  RedisServer redis;
  std::vector<std::unique_ptr<Instance>> instances;
  for (int i = 0; i < 3; ++i) instances.push_back(std::make_unique<Instance>(redis));
  const auto shares = [&] {
    std::map<std::string, int> count;
    for (const auto& token : leases(redis)) ++count[token.substr(0, token.find('/'))];
    std::multiset<int> sizes;
    for (const auto& [instance, partitions] : count) {
      if (!instance.empty()) sizes.insert(partitions);
    }
    return sizes;
  };
  EXPECT_TRUE(eventually([&] { return shares() == std::multiset<int>{2, 3, 3}; }));
  instances[1]->kill();
  EXPECT_TRUE(eventually([&] { return shares() == std::multiset<int>{4, 4}; }));
  EXPECT_EQ(instances[0]->stop(), 0);
  EXPECT_TRUE(eventually([&] { return shares() == std::multiset<int>{8}; }));
  instances[1]->start();
  EXPECT_TRUE(eventually([&] { return shares() == std::multiset<int>{4, 4}; }));
}

}  // namespace
}  // namespace slipstream
