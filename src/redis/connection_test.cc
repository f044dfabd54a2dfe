#include "redis/connection.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <latch>
#include <thread>

namespace slipstream {
namespace {

using testing::HasSubstr;

/// Takes one connection, answers its introduction, then says what it is given, byte by byte, and
/// closes. It need not be Redis. With `until` it reads on when it is told to, and says nothing
/// before it has read that.
class Peer {
 public:
  explicit Peer(std::string says, std::string greeting = "+OK\r\n", std::string until = {})
      : greeting_(std::move(greeting)), says_(std::move(says)), until_(std::move(until)) {
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(bind(listener_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(listen(listener_, 1), 0);
    EXPECT_EQ(getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size), 0);
    address_.port = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  ~Peer() {
    read_on();
    thread_.join();
    close(listener_);
  }

  const RedisAddress& address() const { return address_; }
  void read_on() {
    if (!may_read_.try_wait()) may_read_.count_down();
  }

 private:
  static void say(int fd, const std::string& text) {
    for (const char c : text) {
      if (send(fd, &c, 1, MSG_NOSIGNAL) != 1) break;
    }
  }
  void serve() {
    const int fd = accept(listener_, nullptr, nullptr);
    char bytes[4096];
    EXPECT_GT(recv(fd, bytes, sizeof bytes, 0), 0);
    say(fd, greeting_);
    if (!until_.empty()) may_read_.wait();
    for (std::string heard; !until_.empty() && !heard.contains(until_);) {
      heard.erase(0, heard.size() - std::min(heard.size(), until_.size()));
      const auto size = recv(fd, bytes, sizeof bytes, 0);
      if (size <= 0) break;
      heard.append(bytes, static_cast<std::size_t>(size));
    }
    say(fd, says_);
    shutdown(fd, SHUT_WR);
    while (recv(fd, bytes, sizeof bytes, 0) > 0) {
    }
    close(fd);
  }

  const std::string greeting_;
  const std::string says_;
  const std::string until_;
  std::latch may_read_{1};
  int listener_ = -1;
  RedisAddress address_;
  std::thread thread_;
};

RedisDeadline soon() {
  return redis_deadline_in(std::chrono::seconds(60));
}

class ConnectionTest : public testing::Test {
 protected:
  std::unique_ptr<RedisConnection> open(const Peer& peer) {
    return RedisConnection::open(peer.address(), {.connect_timeout_ms = 20'000}, stats_).value();
  }
  static void ask(RedisConnection& connection, int times) {
    for (int i = 0; i < times; ++i) connection.commands().command({"GET", "key"});
  }
  static std::string loss(RedisConnection& connection) {
    const auto reply = connection.receive(soon());
    return !reply && reply.error().is_lost() ? reply.error().message : "(not lost)";
  }

  RedisStats stats_;
};

TEST_F(ConnectionTest, RepliesThatComeByteByByteArePutTogether) {
  Peer peer("$5\r\nhello\r\n*2\r\n:1\r\n*1\r\n$-1\r\n-ERR no\r\n");
  auto connection = open(peer);
  ask(*connection, 3);
  EXPECT_EQ(connection->receive(soon())->text(), "hello");
  EXPECT_TRUE((*connection->receive(soon()))[1][0].is_nil());
  EXPECT_EQ(connection->receive(soon())->text(), "ERR no");
  EXPECT_THAT(loss(*connection), HasSubstr("closed by the server"));
}

TEST_F(ConnectionTest, CommandsQueuedDuringALongWriteGoOutWhileRepliesAreAwaited) {
  Peer peer("+1\r\n+2\r\n", "+OK\r\n", "the second");
  auto connection = open(peer);
  const std::string large(64 << 20, 'x');  // more than sockets hold
  connection->commands().command({"SET", "key", large});
  ASSERT_FALSE(connection->flush(RedisDeadline::min()));
  connection->commands().command({"ECHO", "the second"});
  EXPECT_TRUE(connection->receive(RedisDeadline::min()).error().is_timeout());
  peer.read_on();
  EXPECT_EQ(connection->receive(soon())->text(), "1");
  EXPECT_EQ(connection->receive(soon())->text(), "2");
}

TEST_F(ConnectionTest, WhatIsNoRedisIsLost) {
  Peer peer("HTTP/1.1 400 Bad Request\r\n");
  auto connection = open(peer);
  ask(*connection, 2);
  EXPECT_THAT(loss(*connection), HasSubstr("no Redis protocol"));
  EXPECT_FALSE(connection->is_open());
  EXPECT_EQ(stats_.error[RedisStats::index_of("GET")].value(), 2u);
}

TEST_F(ConnectionTest, AReplyToNothingIsLost) {
  Peer peer("+OK\r\n+OK\r\n");
  auto connection = open(peer);
  ask(*connection, 1);
  EXPECT_TRUE(connection->receive(soon()));
  EXPECT_THAT(loss(*connection), HasSubstr("a reply to no command"));
}

TEST_F(ConnectionTest, AReplyThatBreaksOffIsLost) {
  Peer peer("*2\r\n:1\r\n$100\r\nhalf of");
  auto connection = open(peer);
  ask(*connection, 1);
  EXPECT_THAT(loss(*connection), HasSubstr("closed by the server"));
}

TEST_F(ConnectionTest, IsNotOpenedToWhatDoesNotGreet) {
  for (const auto greeting : {"", "HTTP/1.1 400 Bad Request\r\n", "-ERR go away\r\n"}) {
    Peer peer("", greeting);
    const auto connection =
        RedisConnection::open(peer.address(), {.connect_timeout_ms = 20'000}, stats_);
    ASSERT_FALSE(connection) << greeting;
    EXPECT_THAT(connection.error().message, HasSubstr(peer.address().text()));
  }
  EXPECT_EQ(stats_.connect_failures.value(), 3u);
  EXPECT_EQ(stats_.losses.value(), 0u);
}

TEST_F(ConnectionTest, ANameThatIsNoneIsAnError) {
  const auto connection = RedisConnection::open({.host = "no host.invalid"}, {}, stats_);
  ASSERT_FALSE(connection);
  EXPECT_THAT(connection.error().message, HasSubstr("redis://no host.invalid:6379: "));
}

}  // namespace
}  // namespace slipstream
