// The Redis client against a real cluster: three masters, each with a replica.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "redis/cluster_map.h"
#include "redis/servers.h"
#include "redis_server.h"

namespace slipstream {
namespace {

using namespace std::chrono_literals;
using harness::RedisCluster;
using harness::text_of;
using harness::wait_until;
using testing::StartsWith;
using OnLoss = RedisServers::OnLoss;

class RedisClusterTest : public testing::Test {
 protected:
  void SetUp() override { SLIPSTREAM_NEEDS_REDIS(); }

  static RedisDeadline soon() { return redis_deadline_in(60s); }
  static RedisServersOptions at(const std::string& urls) {
    return {.seeds = parse_redis_urls(urls).value(),
            .connection = {.connect_timeout_ms = 20'000},
            .breaker = {.retry_after_ms = 200}};
  }
};

TEST_F(RedisClusterTest, KeysAreFoundWhereverTheyAreAndGo) {
  RedisCluster cluster;
  RedisServers servers(at(cluster.node(4).url()));  // of a replica
  for (const auto key : {"", "a", "foo", "{foo}:1", "foo{}{bar}", "foo{{bar}}zap", "x{y", "\xff}{",
                         "slipstream.log.{12}", "{{}}", "}{", "{}"}) {
    EXPECT_EQ(redis_slot(key), cluster.node(0).call({"CLUSTER", "KEYSLOT", key}).view().integer())
        << key;
  }
  for (int i = 0; i < 100; ++i) {
    const auto key = "key" + std::to_string(i);
    ASSERT_EQ(text_of(servers.call(key, {"SET", key, key}, soon())), "OK");
    EXPECT_EQ(servers.place_of(key), cluster.node(cluster.master_of(key, 0)).address().text());
  }
  EXPECT_TRUE(servers.is_cluster());
  EXPECT_EQ(servers.stats().redirects.value(), 0u);
  EXPECT_EQ(servers.stats().map_refreshes.value(), 1u);

  // An empty slot goes to another master: MOVED.
  const std::string key = "moving";
  const auto slot = std::to_string(redis_slot(key));
  const auto from = cluster.master_of(key, 0);
  const auto to = (from + 1) % RedisCluster::kMasters;
  for (const auto i : {to, from}) {
    ASSERT_EQ(cluster.node(i).text({"CLUSTER", "SETSLOT", slot, "NODE", cluster.id_of(to)}), "OK");
  }
  EXPECT_EQ(text_of(servers.call(key, {"SET", key, "1"}, soon())), "OK");
  EXPECT_EQ(servers.stats().redirects.value(), 1u);
  EXPECT_EQ(servers.place_of(key), cluster.node(to).address().text());

  // It goes back, key by key: ASK for those that are not there any more, TRYAGAIN for both at once.
  ASSERT_EQ(cluster.node(from).text({"CLUSTER", "SETSLOT", slot, "IMPORTING", cluster.id_of(to)}),
            "OK");
  ASSERT_EQ(cluster.node(to).text({"CLUSTER", "SETSLOT", slot, "MIGRATING", cluster.id_of(from)}),
            "OK");
  const std::string other = "{" + key + "}other";
  EXPECT_EQ(text_of(servers.call(other, {"SET", other, "2"}, soon())), "OK");
  EXPECT_EQ(servers.stats().redirects.value(), 2u);
  EXPECT_EQ(text_of(servers.call(other, {"GET", other}, soon())), "2");
  EXPECT_EQ(text_of(servers.call(key, {"GET", key}, soon())), "1");
  EXPECT_THAT(text_of(servers.call(key, {"MGET", key, other}, redis_deadline_in(1s))),
              StartsWith("TRYAGAIN"));
  ASSERT_EQ(cluster.node(to).text({"MIGRATE", "127.0.0.1",
                                   std::to_string(cluster.node(from).port()), key, "0", "10000"}),
            "OK");
  for (const auto i : {from, to}) {
    ASSERT_EQ(cluster.node(i).text({"CLUSTER", "SETSLOT", slot, "NODE", cluster.id_of(from)}),
              "OK");
  }
  const auto both = servers.call(key, {"MGET", key, other}, soon());
  ASSERT_TRUE(both) << text_of(both);
  EXPECT_EQ(both->view()[0].text(), "1");
  EXPECT_EQ(both->view()[1].text(), "2");
}

TEST_F(RedisClusterTest, AKilledMastersReplicaIsFound) {
  RedisCluster cluster;
  RedisServers servers(at(cluster.urls()));
  const std::string key = "key";
  ASSERT_EQ(text_of(servers.call(key, {"SET", key, "1"}, soon())), "OK");
  const auto master = cluster.master_of(key, 0);
  const auto replica = master + RedisCluster::kMasters;
  wait_until("the replica has it", [&] {
    return cluster.node(master).call({"WAIT", "1", "1000"}).view().integer() == 1;
  });
  auto connection = servers.connect(key, "ingest-0");
  ASSERT_TRUE(connection) << connection.error().message;
  cluster.node(master).kill9();
  EXPECT_TRUE((*connection)->call({"GET", key}, soon()).error().is_lost());

  EXPECT_EQ(text_of(servers.call(key, {"GET", key}, soon(), OnLoss::kRetry)), "1");
  EXPECT_EQ(servers.place_of(key), cluster.node(replica).address().text());
  wait_until("the dedicated connection is there again", [&] {
    connection = servers.connect(key, "ingest-0");
    return connection.has_value();
  });
  EXPECT_EQ((*connection)->address(), cluster.node(replica).address());
  for (const auto& state : servers.states()) {
    if (state.name != "ingest-0") continue;
    EXPECT_EQ(state.node, cluster.node(replica).address().text());
    EXPECT_EQ(state.reconnects, 1u);
  }

  // The old master comes back as the replica of its replica; nothing changes for us.
  cluster.node(master).restart();
  cluster.wait_until_healthy();
  EXPECT_EQ(text_of(servers.call(key, {"SET", key, "2"}, soon())), "OK");
  EXPECT_EQ(servers.place_of(key), cluster.node(replica).address().text());
}

TEST_F(RedisClusterTest, AMasterThatOnlyStopsAnsweringIsReplacedToo) {
  RedisCluster cluster;
  auto options = at(cluster.urls());
  options.connection.connect_timeout_ms = 500;
  RedisServers servers(options);
  const std::string key = "key";
  ASSERT_EQ(text_of(servers.call(key, {"SET", key, "1"}, soon())), "OK");
  const auto master = cluster.master_of(key, 0);
  cluster.node(master).pause();
  wait_until("the replica answers", [&] {
    return text_of(servers.call(key, {"SET", key, "2"}, redis_deadline_in(500ms),
                                OnLoss::kRetry)) == "OK";
  });
  EXPECT_EQ(servers.place_of(key), cluster.node(master + RedisCluster::kMasters).address().text());
}

TEST_F(RedisClusterTest, APipelineLearnsFromARedirect) {
  RedisCluster cluster;
  RedisServers servers(at(cluster.urls()));
  const std::string key = "stream";
  auto connection = servers.connect(key, "sink");
  ASSERT_TRUE(connection) << connection.error().message;
  const auto master = cluster.master_of(key, 0);
  auto& replica = cluster.node(master + RedisCluster::kMasters);
  const auto add = [&] {
    auto& commands = (*connection)->commands();
    for (int i = 0; i < 3; ++i) commands.command({"XADD", key, "*", "n", std::to_string(i)});
    int added = 0;
    for (int i = 0; i < 3; ++i) {
      const auto reply = (*connection)->receive(soon());
      if (reply && !reply->is_error()) ++added;
      if (reply && is_redirect(*reply)) servers.learn(*reply, **connection);
    }
    return added;
  };
  EXPECT_EQ(add(), 3);
  ASSERT_EQ(replica.text({"CLUSTER", "FAILOVER"}), "OK");
  wait_until("the replica is the master", [&] {
    return cluster.node(master).text({"INFO", "replication"}).find("role:slave") !=
           std::string::npos;
  });
  EXPECT_EQ(add(), 0);
  EXPECT_EQ(servers.place_of(key), replica.address().text());
  connection = servers.connect(key, "sink");
  ASSERT_TRUE(connection) << connection.error().message;
  EXPECT_EQ((*connection)->address(), replica.address());
  EXPECT_EQ(add(), 3);
}

}  // namespace
}  // namespace slipstream
