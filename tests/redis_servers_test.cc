// One server, or a master and its replica, through RedisServers: pool, breaker, calls.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "redis/servers.h"
#include "redis_server.h"

namespace slipstream {
namespace {

using namespace std::chrono_literals;
using harness::RedisServer;
using harness::soon;
using harness::text_of;
using testing::HasSubstr;
using testing::StartsWith;

class RedisServersTest : public testing::Test {
 protected:
  void SetUp() override { SLIPSTREAM_NEEDS_REDIS(); }

  static RedisServersOptions at(const std::string& urls) {
    return {.seeds = parse_redis_urls(urls).value(),
            .connection = {.connect_timeout_ms = 20'000},
            .pool_wait_ms = 10};
  }
};

TEST_F(RedisServersTest, OneServerHasAllKeys) {
  RedisServer server;
  RedisServers servers(at(server.url()));
  EXPECT_EQ(servers.place_of("key"), "");
  EXPECT_EQ(text_of(servers.call("key", {"SET", "key", "x"}, soon())), "OK");
  EXPECT_FALSE(servers.is_cluster());
  EXPECT_EQ(servers.place_of("key"), server.address().text());
  auto connection = servers.connect("key", "ingest-0");
  ASSERT_TRUE(connection) << connection.error().message;
  EXPECT_THAT(server.text({"CLIENT", "LIST"}), HasSubstr("name=slipstream:ingest-0 "));

  auto states = servers.states();
  ASSERT_EQ(states.size(), 2u);
  EXPECT_EQ(states[0].name, "ingest-0");
  EXPECT_EQ(states[0].node, server.address().text());
  EXPECT_EQ(states[0].connected, 1);
  EXPECT_EQ(states[0].breaker, CircuitBreaker::State::kClosed);
  EXPECT_EQ(states[1].name, "pool");
  EXPECT_EQ(states[1].connected, 1);
  connection->reset();
  EXPECT_EQ(servers.states()[0].connected, 0);
  EXPECT_EQ(servers.states()[0].reconnects, 0u);
}

TEST_F(RedisServersTest, ThePoolIsBoundedAndReusesItsConnections) {
  RedisServer server;
  auto options = at(server.url());
  options.pool_size = 2;
  RedisServers servers(options);
  const auto id = [](RedisConnection& connection) {
    return connection.call({"CLIENT", "ID"}, soon())->integer();
  };
  auto one = servers.borrow("key");
  auto two = servers.borrow("key");
  ASSERT_TRUE(one && two);
  const auto id_of_two = id(**two);
  EXPECT_NE(id(**one), id_of_two);
  const auto none = servers.borrow("key");
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().message,
            "Redis: none of the pool's 2 connections became free within 10 ms");
  two->release();
  {
    const auto again = servers.borrow("key").value();
    EXPECT_EQ(id(*again), id_of_two);
    // A reply that is still to come must not be the next borrower's.
    again->commands().command({"BLPOP", "list", "0"});
  }
  const auto fresh = servers.borrow("key").value();
  EXPECT_NE(id(*fresh), id_of_two);
  EXPECT_EQ(servers.states()[0].connected, 2);
}

TEST_F(RedisServersTest, ThreadsShareThePool) {
  RedisServer server;
  auto options = at(server.url());
  options.pool_size = 3;
  options.pool_wait_ms = 20'000;
  RedisServers servers(options);
  std::vector<std::thread> threads;
  threads.reserve(6);
  for (int t = 0; t < 6; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 200; ++i) {
        EXPECT_TRUE(servers.call("count", {"INCR", "count"}, soon()));
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(server.text({"GET", "count"}), "1200");
  EXPECT_LE(servers.states()[0].connected, 3);
}

TEST_F(RedisServersTest, TheBreakerOpensAndCloses) {
  using State = CircuitBreaker::State;
  RedisServer server({.append_only = true});
  ManualClock clock(1'000'000 * kNsPerSecond);
  RedisServers servers(at(server.url()), clock);
  auto connection = servers.connect("key", "ingest-0");
  ASSERT_TRUE(connection);
  server.kill9();
  EXPECT_TRUE((*connection)->call({"PING"}, soon()).error().is_lost());
  EXPECT_EQ(servers.states()[0].connected, 0);
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(servers.states()[0].breaker, State::kClosed);
    const auto refused = servers.connect("key", "ingest-0");
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().message, HasSubstr("Connection refused"));
  }
  EXPECT_EQ(servers.states()[0].breaker, State::kOpen);
  EXPECT_EQ(servers.states()[0].failures, 5);
  EXPECT_EQ(servers.returns(), 0u);
  EXPECT_THAT(servers.states()[0].last_error, HasSubstr("Connection refused"));

  server.restart();
  clock.advance(4000 * kNsPerMs);
  const auto refused = servers.connect("key", "ingest-0");
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message,
              HasSubstr("circuit breaker open after 5 failures in a row, next try in 1000 ms; last "
                        "error: " +
                        server.address().text() + ": Connection refused"));
  EXPECT_THAT(text_of(servers.call("key", {"PING"}, soon())), HasSubstr("circuit breaker open"));

  clock.advance(1000 * kNsPerMs);
  connection = servers.connect("key", "ingest-0");
  ASSERT_TRUE(connection) << connection.error().message;
  EXPECT_EQ(servers.states()[0].breaker, State::kClosed);
  EXPECT_EQ(servers.states()[0].connected, 1);
  EXPECT_EQ(servers.states()[0].reconnects, 1u);
  EXPECT_EQ(servers.states()[0].since.wall, clock.now());
  EXPECT_EQ(servers.stats().reconnects.value(), 1u);
  EXPECT_EQ(servers.returns(), 1u);
}

TEST_F(RedisServersTest, AServerThatWasNeverThereIsInHealthToo) {
  RedisServer server;
  server.kill9();
  RedisServers servers(at(server.url()));
  EXPECT_FALSE(servers.connect("key", "ingest-0"));
  const auto states = servers.states();
  ASSERT_EQ(states.size(), 1u);
  EXPECT_EQ(states[0].node, server.address().text());
  EXPECT_EQ(states[0].connected, 0);
  EXPECT_THAT(states[0].last_error, HasSubstr("Connection refused"));
  server.restart();
  EXPECT_TRUE(servers.connect("key", "ingest-0"));
}

TEST_F(RedisServersTest, BrokenConnectionsOfThePoolAreReplaced) {
  RedisServer server;
  RedisServers servers(at(server.url()));
  EXPECT_EQ(text_of(servers.call("key", {"PING"}, soon())), "PONG");
  server.kill9();
  server.restart();
  EXPECT_EQ(text_of(servers.call("key", {"PING"}, soon(), RedisServers::OnLoss::kRetry)), "PONG");
  EXPECT_EQ(servers.states()[0].connected, 1);
  EXPECT_EQ(servers.states()[0].reconnects, 1u);
}

TEST_F(RedisServersTest, ACallIsTriedUntilTheServerIsThereOrTheDeadlineIs) {
  using OnLoss = RedisServers::OnLoss;
  RedisServer server;
  auto options = at(server.url());
  options.breaker.retry_after_ms = 20;
  RedisServers servers(options);
  server.kill9();
  EXPECT_THAT(text_of(servers.call("key", {"PING"}, redis_deadline_in(50ms), OnLoss::kRetry)),
              StartsWith(server.address().text()));
  std::thread caller(
      [&] { EXPECT_EQ(text_of(servers.call("key", {"PING"}, soon(), OnLoss::kRetry)), "PONG"); });
  server.restart();
  caller.join();
}

TEST_F(RedisServersTest, OfAMasterAndItsReplicaTheMasterIsUsed) {
  RedisServer one({.arguments = {"--repl-diskless-sync-delay", "0"}});
  RedisServer two({.arguments = {"--repl-diskless-sync-delay", "0"}});
  const auto follow = [](RedisServer& replica, RedisServer& master) {
    replica.call({"REPLICAOF", "127.0.0.1", std::to_string(master.port())});
  };
  follow(one, two);
  auto options = at(one.url() + "," + two.url());
  options.refresh_interval_ms = 0;
  RedisServers servers(options);
  EXPECT_EQ(text_of(servers.call("key", {"SET", "key", "1"}, soon())), "OK");
  EXPECT_EQ(servers.place_of("key"), two.address().text());

  one.call({"REPLICAOF", "NO", "ONE"});
  follow(two, one);
  EXPECT_EQ(text_of(servers.call("key", {"SET", "key", "2"}, soon())), "OK");
  EXPECT_EQ(servers.place_of("key"), one.address().text());
  EXPECT_EQ(one.text({"GET", "key"}), "2");

  two.call({"REPLICAOF", "NO", "ONE"});
  one.kill9();
  EXPECT_EQ(text_of(servers.call("key", {"SET", "key", "3"}, soon(), RedisServers::OnLoss::kRetry)),
            "OK");
  EXPECT_EQ(servers.place_of("key"), two.address().text());
}

}  // namespace
}  // namespace slipstream
