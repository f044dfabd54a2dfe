#pragma once
#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "certificates.h"
#include "redis/connection.h"

/// At the top of a test that needs a real server; in SetUp() of a fixture.
#define SLIPSTREAM_NEEDS_REDIS()                                                                \
  if (!::slipstream::harness::RedisServer::is_installed())                                      \
  GTEST_SKIP() << "redis-server is not in PATH (Debian's package redis-server brings it); not " \
                  "tested against a real one"

namespace slipstream::harness {

struct RedisServerOptions {
  bool append_only = false;          // what it said yes to is there after kill9() and restart()
  std::string password{};            // of the default user
  std::vector<std::string> users{};  // as in an ACL file: "user car on >secret ~* +@all"
  bool unix_socket = false;
  bool tls = false;                      // beside the plain port
  std::string max_memory{};              // "10mb"
  int cluster_node_timeout_ms = 0;       // other than 0: a cluster's node
  std::vector<std::string> arguments{};  // more of redis-server's own: "--hz", "100"
};

/// A real redis-server on free ports of loopback with a directory of its own. The constructor
/// returns when it answers, and throws with its output when it does not. Nothing of it is left
/// behind at the end, nor after a crash of the test.
/// Threads: one, which outlives it.
class RedisServer {
 public:
  static bool is_installed();

  explicit RedisServer(RedisServerOptions options = {});
  ~RedisServer();
  RedisServer(const RedisServer&) = delete;
  RedisServer& operator=(const RedisServer&) = delete;

  /// Where to reach it as its default user.
  std::string url() const;
  std::string unix_url() const;
  std::string tls_url() const;  // by the name localhost
  std::uint16_t port() const { return port_; }
  std::uint16_t bus_port() const { return bus_port_; }  // of a cluster's node
  const Certificates& certificates() const { return certificates_; }
  RedisAddress address() const;

  /// One command as the default user, over a connection of the harness's own that is opened anew
  /// when it was lost; throws when there is no reply within 10 s.
  RedisReply call(std::initializer_list<std::string_view> arguments);
  /// The text of the reply to it.
  std::string text(std::initializer_list<std::string_view> arguments);

  void kill9();
  void stop();  // SIGTERM
  /// With the same ports and data; returns when it answers and has loaded them.
  void restart();
  /// SIGSTOP and SIGCONT: connections stay, nothing is answered.
  void pause();
  void resume();

  std::string output() const;

 private:
  bool start();  // false: a port was taken meanwhile
  void launch();
  bool is_ready();
  bool has_exited();
  void end(int signal);

  const RedisServerOptions options_;
  std::filesystem::path directory_;
  Certificates certificates_;
  std::uint16_t port_ = 0;
  std::uint16_t tls_port_ = 0;
  std::uint16_t bus_port_ = 0;
  pid_t pid_ = 0;
  RedisStats stats_;
  std::unique_ptr<RedisConnection> connection_;
};

/// A cluster of real servers, healthy when the constructor returns: masters first, then as many
/// replicas, the i-th of the i-th. A master that is gone is replaced after about `node_timeout_ms`.
class RedisCluster {
 public:
  static constexpr std::size_t kMasters = 3;

  explicit RedisCluster(int node_timeout_ms = 1500);

  RedisServer& node(std::size_t i) { return *nodes_[i]; }
  std::size_t size() const { return nodes_.size(); }
  /// Index of the master that serves the key, as `asked` sees it.
  std::size_t master_of(std::string_view key, std::size_t asked);
  std::string id_of(std::size_t i) { return nodes_[i]->text({"CLUSTER", "MYID"}); }
  /// All of them, joined by commas.
  std::string urls() const;
  /// Until every node (all must run) agrees that all slots are served and each master has its
  /// replica.
  void wait_until_healthy();

 private:
  std::vector<std::unique_ptr<RedisServer>> nodes_;
};

/// Tries until it holds; throws, saying what, when it does not within the limit.
void wait_until(std::string_view what, const std::function<bool()>& condition,
                std::chrono::milliseconds limit = std::chrono::seconds(60));

/// Long enough for any answer that will come.
inline RedisDeadline soon() {
  return redis_deadline_in(std::chrono::seconds(60));
}

/// What a call was answered, or why it failed.
inline std::string text_of(const std::expected<ReplyView, RedisFailure>& reply) {
  return reply ? std::string(reply->text()) : reply.error().message;
}
inline std::string text_of(const std::expected<RedisReply, RedisFailure>& reply) {
  return reply ? std::string(reply->view().text()) : reply.error().message;
}

}  // namespace slipstream::harness
