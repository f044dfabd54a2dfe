// One connection to a real server of each kind.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "redis/connection.h"
#include "redis_server.h"

namespace slipstream {
namespace {

using namespace std::chrono_literals;
using harness::RedisServer;
using harness::soon;
using harness::text_of;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class RedisConnectionTest : public testing::Test {
 protected:
  void SetUp() override { SLIPSTREAM_NEEDS_REDIS(); }

  Result<std::unique_ptr<RedisConnection>> open(const std::string& url,
                                                const RedisConnectionOptions& options = {
                                                    .connect_timeout_ms = 20'000}) {
    return RedisConnection::open(parse_redis_url(url).value(), options, stats_);
  }
  std::string error_of(const std::string& url,
                       const RedisConnectionOptions& options = {.connect_timeout_ms = 20'000}) {
    const auto connection = open(url, options);
    return connection ? "" : connection.error().message;
  }

  RedisStats stats_;
};

TEST_F(RedisConnectionTest, RepliesComeInTheOrderOfTheCommands) {
  RedisServer server;
  auto connection = open(server.url()).value();
  auto& commands = connection->commands();
  constexpr int kTimes = 2000;
  for (int i = 0; i < kTimes; ++i) {
    commands.command({"RPUSH", "list", "x"});
    commands.command({"GET", "nothing"});
    commands.command({"SET", "list", "x", "GET"});
    commands.command({"ECHO", std::to_string(i)});
    commands.command({"SET", "text", "x"});
    commands.command({"LRANGE", "list", "-1", "-1"});
  }
  EXPECT_EQ(connection->outstanding(), 6u * kTimes);
  ASSERT_TRUE(connection->flush(soon()));
  for (int i = 0; i < kTimes; ++i) {
    EXPECT_EQ(connection->receive(soon())->integer(), i + 1);
    EXPECT_TRUE(connection->receive(soon())->is_nil());
    const auto error = connection->receive(soon());
    EXPECT_TRUE(error->is_error());
    EXPECT_THAT(text_of(error), StartsWith("WRONGTYPE"));
    EXPECT_EQ(text_of(connection->receive(soon())), std::to_string(i));
    EXPECT_EQ(text_of(connection->receive(soon())), "OK");
    const auto list = connection->receive(soon());
    ASSERT_EQ(list->size(), 1u);
    EXPECT_EQ((*list)[0].text(), "x");
  }
  EXPECT_EQ(connection->outstanding(), 0u);
  const auto count = [&](const auto& counters, std::string_view name) {
    return counters[RedisStats::index_of(name)].value();
  };
  EXPECT_EQ(count(stats_.ok, "GET"), std::uint64_t{kTimes});
  EXPECT_EQ(count(stats_.ok, "SET"), std::uint64_t{kTimes});
  EXPECT_EQ(count(stats_.error, "SET"), std::uint64_t{kTimes});
  EXPECT_EQ(count(stats_.error, "GET"), 0u);
}

TEST_F(RedisConnectionTest, StreamsAreReadClaimedAndAcknowledgedInBulk) {
  RedisServer server;
  auto connection = open(server.url()).value();
  constexpr std::size_t kEntries = 20'000;
  auto& commands = connection->commands();
  commands.command({"XGROUP", "CREATE", "stream", "group", "$", "MKSTREAM"});
  for (std::size_t i = 0; i < kEntries; ++i) {
    commands.begin(5);
    commands.arg("XADD");
    commands.arg("stream");
    commands.arg_id(1, i + 1);
    commands.arg("data");
    commands.arg(i);
  }
  while (connection->outstanding() > 0) {
    const auto reply = connection->receive(soon());
    ASSERT_TRUE(reply && !reply->is_error()) << text_of(reply);
  }
  const auto read = connection->call(
      {"XREADGROUP", "GROUP", "group", "one", "COUNT", "1000000", "STREAMS", "stream", ">"},
      soon());
  ASSERT_TRUE(read);
  const auto entries = (*read)[0][1];
  ASSERT_EQ(entries.size(), kEntries);
  for (std::size_t i = 0; i < kEntries; ++i) {
    ASSERT_EQ(entries[i][0].text(), "1-" + std::to_string(i + 1));
    ASSERT_EQ(entries[i][1][1].integer(), static_cast<std::int64_t>(i));
  }
  const auto claimed = connection->call(
      {"XAUTOCLAIM", "stream", "group", "two", "0", "0-0", "COUNT", "100"}, soon());
  ASSERT_TRUE(claimed);
  EXPECT_EQ((*claimed)[1].size(), 100u);
  const auto full = connection->call({"XINFO", "STREAM", "stream", "FULL"}, soon());
  ASSERT_TRUE(full);
  EXPECT_EQ(full->member("groups")[0].member("consumers").size(), 2u);

  commands.begin(3 + kEntries);
  commands.arg("XACK");
  commands.arg("stream");
  commands.arg("group");
  for (std::size_t i = 0; i < kEntries; ++i) commands.arg_id(1, i + 1);
  EXPECT_EQ(connection->receive(soon())->integer(), std::int64_t{kEntries});
}

TEST_F(RedisConnectionTest, ATimeoutLeavesTheConnectionWholeAndTheReplyComesLater) {
  RedisServer server;
  auto connection = open(server.url()).value();
  connection->commands().command({"BLPOP", "list", "0"});
  for (int slice = 0; slice < 3; ++slice) {
    const auto none = connection->receive(redis_deadline_in(10ms));
    ASSERT_FALSE(none);
    EXPECT_TRUE(none.error().is_timeout());
    EXPECT_EQ(connection->outstanding(), 1u);
    EXPECT_TRUE(connection->is_open());
  }
  server.call({"RPUSH", "list", "late"});
  const auto reply = connection->receive(soon());
  ASSERT_TRUE(reply) << text_of(reply);
  EXPECT_EQ((*reply)[1].text(), "late");
}

TEST_F(RedisConnectionTest, ACallDropsTheRepliesOfCallsThatTimedOut) {
  RedisServer server;
  auto connection = open(server.url()).value();
  EXPECT_FALSE(connection->call({"BLPOP", "list", "0"}, redis_deadline_in(10ms)));
  EXPECT_FALSE(connection->call({"ECHO", "first"}, redis_deadline_in(10ms)));
  server.call({"RPUSH", "list", "late"});
  EXPECT_EQ(text_of(connection->call({"ECHO", "second"}, soon())), "second");
}

TEST_F(RedisConnectionTest, AnInterruptEndsTheWaitThatIsAndTheOneThatWillBe) {
  RedisServer server;
  auto connection = open(server.url()).value();
  connection->commands().command({"BLPOP", "list", "0"});
  ASSERT_TRUE(connection->flush(soon()));
  connection->interrupt();
  auto reply = connection->receive(RedisDeadline::max());
  ASSERT_FALSE(reply);
  EXPECT_TRUE(reply.error().is_timeout());

  std::thread stopper([&] { connection->interrupt(); });
  reply = connection->receive(RedisDeadline::max());
  stopper.join();
  ASSERT_FALSE(reply);
  EXPECT_TRUE(reply.error().is_timeout());
  server.call({"RPUSH", "list", "late"});
  EXPECT_EQ((*connection->receive(soon()))[1].text(), "late");
}

TEST_F(RedisConnectionTest, AKilledServerLosesTheConnectionForGood) {
  RedisServer server({.append_only = true});
  auto connection = open(server.url()).value();
  std::vector<std::string> ends;
  connection->on_end([&](std::string_view lost) { ends.emplace_back(lost); });
  ASSERT_EQ(text_of(connection->call({"SET", "kept", "yes"}, soon())), "OK");
  connection->commands().command({"BLPOP", "list", "0"});
  ASSERT_TRUE(connection->flush(soon()));
  server.kill9();
  auto reply = connection->receive(soon());
  ASSERT_FALSE(reply);
  EXPECT_TRUE(reply.error().is_lost());
  EXPECT_THAT(reply.error().message, StartsWith(server.address().text()));
  EXPECT_FALSE(connection->is_open());
  EXPECT_EQ(connection->outstanding(), 0u);
  EXPECT_EQ(error_of(server.url()), server.address().text() + ": Connection refused");

  server.restart();
  reply = connection->call({"GET", "kept"}, soon());
  ASSERT_FALSE(reply);
  EXPECT_TRUE(reply.error().is_lost());
  EXPECT_TRUE(connection->flush(soon()).error().is_lost());
  EXPECT_EQ(ends.size(), 1u);
  EXPECT_EQ(text_of(open(server.url()).value()->call({"GET", "kept"}, soon())), "yes");
  EXPECT_EQ(stats_.losses.value(), 1u);
}

TEST_F(RedisConnectionTest, AClosedConnectionIsFoundOutWithoutAsking) {
  RedisServer server;
  auto connection = open(server.url(), {.name = "to be killed"}).value();
  EXPECT_TRUE(connection->is_open());
  EXPECT_THAT(server.text({"CLIENT", "LIST"}), HasSubstr("name=to_be_killed "));
  server.call({"CLIENT", "KILL", "SKIPME", "yes"});
  harness::wait_until("the closing arrives", [&] { return !connection->is_open(); });
}

TEST_F(RedisConnectionTest, PasswordsAndUsersAreChecked) {
  RedisServer server({.password = "s3cret",
                      .users = {"user car on >p%40ss ~car:* +@all -client", "user off off >x"}});
  const auto at = [&](const std::string& user) {
    return "redis://" + user + "@127.0.0.1:" + std::to_string(server.port());
  };
  EXPECT_EQ(error_of(server.url()), "");
  EXPECT_THAT(error_of(at(":wrong")), HasSubstr("AUTH: WRONGPASS"));
  EXPECT_THAT(error_of(at("off:x")), HasSubstr("AUTH: WRONGPASS"));
  EXPECT_THAT(error_of("redis://127.0.0.1:" + std::to_string(server.port())), HasSubstr("NOAUTH"));
  for (const auto& wrong : {at("car:s3cret"), at("nobody:s3cret")}) {
    EXPECT_THAT(error_of(wrong), Not(HasSubstr("s3cret")));
  }
  // The user may not name its connections, and does without.
  auto connection = open(at("car:p%2540ss"));
  ASSERT_TRUE(connection) << connection.error().message;
  EXPECT_EQ(text_of((*connection)->call({"SET", "car:7", "x"}, soon())), "OK");
  const auto denied = (*connection)->call({"SET", "other", "x"}, soon());
  EXPECT_EQ(classify(*denied), ReplyError::kAccess);
}

TEST_F(RedisConnectionTest, DatabasesAreSelected) {
  RedisServer server;
  EXPECT_EQ(text_of(open(server.url() + "/3").value()->call({"SET", "key", "x"}, soon())), "OK");
  EXPECT_TRUE(open(server.url()).value()->call({"GET", "key"}, soon())->is_nil());
  EXPECT_EQ(text_of(open(server.url() + "?db=3").value()->call({"GET", "key"}, soon())), "x");
  EXPECT_THAT(error_of(server.url() + "/99"), HasSubstr("SELECT: ERR DB index is out of range"));
}

TEST_F(RedisConnectionTest, UnixSocketsWork) {
  RedisServer server({.password = "s3cret", .unix_socket = true});
  auto connection = open(server.unix_url() + "?db=1");
  ASSERT_TRUE(connection) << connection.error().message;
  EXPECT_EQ(text_of((*connection)->call({"PING"}, soon())), "PONG");
  EXPECT_THAT(error_of("unix:///nowhere/redis.sock"), HasSubstr("No such file"));
}

TEST_F(RedisConnectionTest, TlsIsVerified) {
  RedisServer server(
      {.password = "s3cret", .tls = true, .arguments = {"--bind", "127.0.0.1", "127.0.0.2"}});
  const auto& certificates = server.certificates();
  const RedisConnectionOptions good{.connect_timeout_ms = 20'000,
                                    .tls = {.ca_file = certificates.ca}};
  auto connection = open(server.tls_url(), good);
  ASSERT_TRUE(connection) << connection.error().message;
  const std::string large(3 << 20, 'x');
  EXPECT_EQ(text_of((*connection)->call({"ECHO", large}, soon())), large);
  (*connection)->commands().command({"BLPOP", "list", "0"});
  EXPECT_TRUE((*connection)->receive(redis_deadline_in(10ms)).error().is_timeout());
  server.call({"RPUSH", "list", "late"});
  EXPECT_EQ((*(*connection)->receive(soon()))[1].text(), "late");

  const auto by_host = [&](const std::string& host) {
    auto url = server.tls_url();
    return url.replace(url.find("localhost"), 9, host);
  };
  EXPECT_EQ(error_of(by_host("127.0.0.1"), good), "");
  EXPECT_THAT(error_of(by_host("127.0.0.2"), good), HasSubstr("certificate"));
  EXPECT_THAT(error_of(server.tls_url(), {.tls = {.ca_file = certificates.other_ca}}),
              HasSubstr("the server's certificate: "));
  EXPECT_THAT(error_of(server.tls_url()), HasSubstr("the server's certificate: "));
  EXPECT_EQ(
      error_of(by_host("127.0.0.2"), {.tls = {.ca_file = certificates.other_ca, .verify = false}}),
      "");
  EXPECT_THAT(error_of(server.tls_url(), {.tls = {.ca_file = "/nowhere.pem"}}),
              HasSubstr("/nowhere.pem"));

  server.kill9();
  EXPECT_TRUE((*connection)->call({"PING"}, soon()).error().is_lost());
}

TEST_F(RedisConnectionTest, APlainPortIsNoTlsAndTlsIsNoPlainPort) {
  RedisServer server({.tls = true});
  auto plain = server.tls_url();
  plain.replace(0, plain.find("://"), "redis");
  // Neither side need notice: each waits for more.
  const RedisConnectionOptions options{.connect_timeout_ms = 200};
  EXPECT_NE(error_of(plain, options), "");
  EXPECT_THAT(error_of("rediss://localhost:" + std::to_string(server.port()), options),
              HasSubstr("TLS"));
}

TEST_F(RedisConnectionTest, AServerThatDoesNotAnswerIsATimeoutEverywhere) {
  RedisServer server;
  auto connection = open(server.url()).value();
  server.pause();
  EXPECT_THAT(error_of(server.url(), {.connect_timeout_ms = 50}), HasSubstr("in time"));
  // More than the kernel takes for a server that does not read.
  const std::string large(32 << 20, 'x');
  connection->commands().command({"ECHO", large});
  for (int i = 0; i < 2; ++i) {
    const auto flushed = connection->flush(redis_deadline_in(20ms));
    ASSERT_FALSE(flushed);
    EXPECT_TRUE(flushed.error().is_timeout());
    connection->commands().command({"ECHO", std::to_string(i)});
  }
  EXPECT_TRUE(connection->receive(redis_deadline_in(20ms)).error().is_timeout());
  EXPECT_EQ(connection->outstanding(), 3u);
  server.resume();
  ASSERT_TRUE(connection->flush(soon()));
  EXPECT_EQ(text_of(connection->receive(soon())), large);
  EXPECT_EQ(text_of(connection->receive(soon())), "0");
  EXPECT_EQ(text_of(connection->receive(soon())), "1");
}

TEST_F(RedisConnectionTest, WhatTheServerSaysBeforeItClosesIsTold) {
  RedisServer server({.arguments = {"--maxclients", "2"}});
  auto connection = open(server.url()).value();  // beside the harness's
  EXPECT_THAT(error_of(server.url()), HasSubstr("max number of clients"));
}

TEST_F(RedisConnectionTest, MemoryThatIsUsedUpIsAnErrorReply) {
  RedisServer server({.max_memory = "3mb"});
  auto connection = open(server.url()).value();
  const std::string large(4 << 20, 'x');
  auto reply = connection->call({"SET", "key", large}, soon());
  if (reply && !reply->is_error()) reply = connection->call({"SET", "key2", "x"}, soon());
  ASSERT_TRUE(reply) << text_of(reply);
  EXPECT_TRUE(reply->is_error());
  EXPECT_THAT(text_of(reply), StartsWith("OOM"));
}

}  // namespace
}  // namespace slipstream
