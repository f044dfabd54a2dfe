#pragma once
#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/circuit_breaker.h"
#include "base/clock.h"
#include "base/counters.h"
#include "redis/connection.h"

namespace slipstream {

/// What health tells of one connection, or of the pool's connections to one node.
struct RedisConnectionState {
  std::string node;   // address, without secrets
  std::string name;   // as given to RedisServers::connect(), or "pool"
  int connected = 0;  // connections open now
  CircuitBreaker::State breaker = CircuitBreaker::State::kClosed;
  int failures = 0;        // of the node, in a row
  std::string last_error;  // kept when things are well again
  std::uint64_t reconnects = 0;
  Moment since;  // of being connected, or of not being so
  /// The node serves keys, as far as known. What a failover has replaced does not.
  bool is_needed = true;
};

/// Every server this process has spoken to, each with its circuit breaker, and the connections to
/// them by name. Private to this room; RedisServers decides which server, this opens.
/// Threads: any. What it has opened must go before it does.
class RedisNodes {
 public:
  struct Node {
    Node(RedisAddress where, CircuitBreaker::Options options, const Clock& clock)
        : address(std::move(where)), breaker(options, clock) {}
    const RedisAddress address;
    CircuitBreaker breaker;
  };

  RedisNodes(RedisConnectionOptions connection, CircuitBreaker::Options breaker, RedisStats& stats,
             const Clock& clock)
      : connection_(std::move(connection)),
        breaker_(breaker),
        stats_(stats),
        clock_(clock),
        connect_timeout_ms_(connection_.connect_timeout_ms) {}

  /// The same one for the same address; lives as long as this does.
  Node& at(const RedisAddress& address);

  /// Through the node's breaker. `link` is the name it has in states(); with an empty one it is not
  /// listed there.
  Result<std::unique_ptr<RedisConnection>> open(Node& node, std::string_view link);
  /// What is opened from now on must be there so soon; breakers are not asked.
  void hurry(std::chrono::milliseconds connect_limit);
  /// For states(): there is to be a connection of this name, and this is why there is none.
  void note_failure(std::string_view link, const std::string& node, const std::string& error);

  std::vector<RedisConnectionState> states() const;
  /// How often a node's breaker has closed again.
  std::uint64_t returns() const { return returns_.value(); }

  /// The pool's connections are listed node by node, under this name.
  static constexpr std::string_view kPool = "pool";

 private:
  struct Link {
    RedisConnectionState state;
    bool is_reconnect = false;  // the next success is one
  };
  Link& link_of(std::string_view name, const std::string& node);  // with mutex_ held
  void opened(std::string_view name, const std::string& node);
  void ended(std::string_view name, const std::string& node, std::string_view lost);

  const RedisConnectionOptions connection_;
  const CircuitBreaker::Options breaker_;
  RedisStats& stats_;
  const Clock& clock_;
  std::atomic<std::int64_t> connect_timeout_ms_;
  std::atomic<bool> is_hurrying_{false};
  Counter returns_;
  mutable std::mutex mutex_;  // guards all below; not held while connecting
  std::map<std::string, std::unique_ptr<Node>, std::less<>> nodes_;
  std::map<std::string, std::string, std::less<>> last_errors_;  // by node
  std::map<std::string, Link, std::less<>> links_;
};

}  // namespace slipstream
