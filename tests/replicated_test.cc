// durability=replicated: what is answered when, and what a failover costs.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <thread>

#include "harness.h"
#include "redis_server.h"
#include "stream_log_testing.h"

namespace slipstream::stream_log {
namespace {

using namespace std::chrono_literals;
using harness::eventually;
using harness::metric;
using harness::RedisServerOptions;
using harness::Server;
using testing::HasSubstr;

class Replicated : public testing::Test {
 protected:
  void SetUp() override { SLIPSTREAM_NEEDS_REDIS(); }
};

bool is_linked(RedisServer& replica) {
  return eventually(
      [&] { return replica.text({"INFO", "replication"}).contains("master_link_status:up"); });
}

TEST_F(Replicated, IsAnsweredWhenAReplicaHasIt) {
  RedisServer redis({.arguments = {"--repl-diskless-sync-delay", "0"}});
  RedisServer replica({.arguments = {"--replicaof", "127.0.0.1", std::to_string(redis.port()),
                                     "--repl-timeout", "600"}});
  ASSERT_TRUE(is_linked(replica));
  Server server(environment(redis, false));
  const auto points = streams::drive(7, 100, 8, kBegin);
  const std::string query = "?durability=replicated";
  const auto answer = post(server.port(), body_of(points), "first", query);
  EXPECT_EQ(answer.status, 200u) << answer.body;
  EXPECT_EQ(in_streams(replica), names_of(points));

  replica.pause();
  const FedPoint later{.chassis = "later", .time_ms = kBegin};
  for (int i = 0; i < 2; ++i) {  // that it was asked before makes it no safer
    const auto late = post(server.port(), body_of({&later, 1}), "later", query);
    EXPECT_EQ(late.status, 503u) << late.body;
    EXPECT_THAT(late.body, HasSubstr("are not safe"));
  }
  EXPECT_EQ(post(server.port(), body_of({&later, 1}), "logged").status, 200u);
  replica.resume();
  EXPECT_EQ(post(server.port(), body_of({&later, 1}), "later", query).status, 200u);
  EXPECT_EQ(in_streams(replica).count(name_of(later)), 2u);
}

TEST_F(Replicated, WithoutReplicasIsRefused) {
  Server server;
  const auto answer =
      post(server.port(), R"({"track":"cota","chassis":"A"})", "", "?durability=replicated");
  EXPECT_EQ(answer.status, 400u);
  EXPECT_THAT(answer.body, HasSubstr("replicated"));
}

/// What a failover to a server that had received less looks like: the same place, and nothing
/// there.
class AfterALoss : public Replicated {
 protected:
  void SetUp() override {
    Replicated::SetUp();
    if (IsSkipped()) return;
    redis_.emplace(RedisServerOptions{.arguments = {"--repl-diskless-sync-delay", "0"}});
    replica_.emplace(RedisServerOptions{
        .arguments = {"--replicaof", "127.0.0.1", std::to_string(redis_->port())}});
    ASSERT_TRUE(is_linked(*replica_));
    server_.emplace(environment(*redis_, false));
  }
  void empty_the_master() {
    redis_->kill9();
    redis_->restart();
  }
  void lose() {
    empty_the_master();
    replica_->resume();
  }
  double entries() {
    std::size_t all = 0;
    for (std::uint32_t p = 0; p < kPartitions; ++p) {
      all += streams::entries(*redis_, telemetry_stream(p)).size();
    }
    return static_cast<double>(all);
  }
  unsigned answer_to(std::span<const FedPoint> points, const std::string& key,
                     const std::string& durability = "replicated") {
    return post(server_->port(), body_of(points), key, "?durability=" + durability).status;
  }
  double figure(const std::string& name) { return metric(server_->port(), name); }

  std::optional<RedisServer> redis_;
  std::optional<RedisServer> replica_;
  std::optional<Server> server_;
};

TEST_F(AfterALoss, WhatReplicasDidNotHaveIsWrittenAgain) {
  ASSERT_EQ(answer_to(streams::drive(8, 200, 8, kBegin), "first"), 200u);
  const double first = entries();
  replica_->pause();
  const auto later = streams::drive(9, 300, 8, kBegin + 1'000'000);
  const auto with_key = std::span(later).first(100);
  for (int i = 0; i < 2; ++i) EXPECT_EQ(answer_to(with_key, "later"), 503u);
  EXPECT_EQ(answer_to(std::span(later).last(200), ""), 503u);
  empty_the_master();
  // As a replica that has just become the master, it takes nothing before it has one of its own.
  redis_->call({"CONFIG", "SET", "min-replicas-to-write", "1"});
  EXPECT_TRUE(eventually([&] { return figure("slipstream_redis_log_failing") >= 1; }));
  EXPECT_EQ(answer_to(with_key, "later"), 503u);
  replica_->resume();
  EXPECT_TRUE(eventually([&] { return answer_to(with_key, "later") == 200u; }, 60s));
  // What was sent without a key comes behind them, and nobody is told of it.
  EXPECT_TRUE(eventually([&] { return figure("slipstream_redis_log_backlog_bytes") == 0; }));
  EXPECT_TRUE(eventually([&] { return in_streams(*replica_) == names_of(later); }));
  EXPECT_EQ(in_streams(*replica_), names_of(later));
  EXPECT_EQ(figure("slipstream_redis_log_lost_entries_total"), first) << "all others were kept";
}

TEST_F(AfterALoss, WhoWaitsMeanwhileLosesNothing) {
  const auto points = streams::drive(10, 100, 8, kBegin);
  ASSERT_EQ(answer_to(std::span(points).first(50), ""), 200u);
  replica_->pause();
  const std::vector<FedPoint> rest(points.begin() + 50, points.end());
  std::thread poster(
      [&] { EXPECT_TRUE(eventually([&] { return answer_to(rest, "the rest") == 200u; })); });
  EXPECT_TRUE(eventually([&] { return figure("slipstream_redis_log_points_total") == 100; }));
  lose();
  poster.join();
  EXPECT_EQ(in_streams(*replica_), names_of(rest));
}

TEST_F(AfterALoss, AMasterThatStandsStillIsGivenUpThoughItOwesOnlyAWait) {
  const FedPoint point = warming_point(0);
  replica_->pause();
  EXPECT_EQ(answer_to({&point, 1}, ""), 503u);
  redis_->pause();
  EXPECT_TRUE(eventually([&] { return figure("slipstream_redis_log_failing") == 1; }, 60s));
  redis_->resume();
  EXPECT_TRUE(eventually([&] { return figure("slipstream_redis_log_failing") == 0; }, 60s));
}

TEST_F(AfterALoss, WhatWasNotKeptIsToldAndNeverCalledReplicated) {
  const std::vector<FedPoint> gone = {{.chassis = "gone", .time_ms = kBegin}};
  const std::vector<FedPoint> then = {{.chassis = "then", .time_ms = kBegin}};
  const std::vector<FedPoint> safe = {{.chassis = "safe", .time_ms = kBegin}};
  ASSERT_EQ(answer_to(safe, "safe"), 200u);
  ASSERT_EQ(answer_to(gone, "gone", "logged"), 200u);
  replica_->pause();
  lose();
  for (std::uint32_t p = 0; p < kPartitions; ++p) {  // it is found by what goes there next
    const FedPoint point = warming_point(p);
    EXPECT_TRUE(eventually([&] { return answer_to({&point, 1}, "", "logged") == 200u; }));
  }
  EXPECT_EQ(figure("slipstream_redis_log_lost_entries_total"), 2);
  EXPECT_EQ(answer_to(safe, "safe"), 200u) << "replicas had it";
  EXPECT_EQ(answer_to(gone, "gone", "logged"), 200u) << "as then";
  EXPECT_EQ(answer_to(gone, "gone"), 503u);
  EXPECT_TRUE(eventually([&] { return answer_to(then, "then") == 200u; }));
  EXPECT_EQ(in_streams(*replica_), names_of(then));
}

}  // namespace
}  // namespace slipstream::stream_log
