#pragma once
#include <cstdint>
#include <expected>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/circuit_breaker.h"
#include "base/clock.h"
#include "base/error.h"
#include "redis/connection.h"
#include "redis/nodes.h"
#include "redis/pool.h"

namespace slipstream {

struct RedisServersOptions {
  enum class Cluster { kAuto, kYes, kNo };

  /// One server, or some nodes of a cluster, from parse_redis_urls(). Several that are no cluster
  /// are a master and its replicas: the one that says it is the master is used.
  std::vector<RedisAddress> seeds{};
  Cluster cluster = Cluster::kAuto;  // kAuto: as the first server that answers says of itself
  RedisConnectionOptions connection{};
  CircuitBreaker::Options breaker{};       // one a node
  std::size_t pool_size = 10;              // connections that borrow() and call() may hold, in all
  std::int64_t pool_wait_ms = 1000;        // for a free one
  std::int64_t refresh_interval_ms = 200;  // at least, between two askings who serves what
};

/// Where keys live: one server or a cluster, found out at the first use; no network before it.
/// Gives connections to the server of a key, each through its node's circuit breaker. Threads: any.
/// Connections and leases given out must go before it does.
class RedisServers {
 public:
  explicit RedisServers(RedisServersOptions options, const Clock& clock = system_clock());
  ~RedisServers();
  RedisServers(const RedisServers&) = delete;
  RedisServers& operator=(const RedisServers&) = delete;

  /// A connection of one's own to the server that has `key`, not of the pool. Fails at once while
  /// the breaker is open. `name` says in states() and CLIENT LIST what it is for ("ingest-0"): one
  /// of a bounded set, not "pool", and the same when reconnecting. Waits for connect_timeout_ms,
  /// where servers are lost for that time a server.
  Result<std::unique_ptr<RedisConnection>> connect(std::string_view key, std::string_view name);

  /// A connection of the pool, for short commands about keys in `key`'s slot. Waits up to
  /// pool_wait_ms for a free one.
  Result<RedisLease> borrow(std::string_view key);

  enum class OnLoss {
    kFail,   // no server, or the connection was lost before the reply: the failure is the answer
    kRetry,  // try until the deadline: for what may be done twice
  };
  /// One command about `key`: follows MOVED and ASK, and asks again on TRYAGAIN, CLUSTERDOWN,
  /// LOADING and the like until the deadline, when the error it then has is the reply. After a
  /// failure of either kind it is unknown whether it was done.
  std::expected<RedisReply, RedisFailure> call(std::string_view key,
                                               std::span<const std::string_view> arguments,
                                               RedisDeadline deadline,
                                               OnLoss on_loss = OnLoss::kFail);
  std::expected<RedisReply, RedisFailure> call(std::string_view key,
                                               std::initializer_list<std::string_view> arguments,
                                               RedisDeadline deadline,
                                               OnLoss on_loss = OnLoss::kFail) {
    return call(key, std::span(arguments.begin(), arguments.size()), deadline, on_loss);
  }

  /// For callers with pipelines of their own, when is_redirect(reply): takes in what it says, so
  /// that the next connect() or borrow() goes to the right server.
  void learn(ReplyView reply, const RedisConnection& from);
  /// Asks who serves what, now, unless that was done within refresh_interval_ms.
  Result<void> refresh();

  /// As far as known: false before the first use.
  bool is_cluster() const;
  /// Who stops has no time and no later try: connections opened from now on must be there so soon,
  /// and are tried where the breaker is open, too.
  void hurry(std::chrono::milliseconds connect_limit);
  /// Where `key` is now, without secrets; empty if not known. Keys at one place may still be in
  /// different slots: for one transaction give them one hash tag.
  std::string place_of(std::string_view key) const;

  /// How often a server whose breaker was open has answered again: who waits for one may try now.
  std::uint64_t returns() const;
  std::vector<RedisConnectionState> states() const;
  const RedisStats& stats() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace slipstream
