#pragma once
#include <cstdint>

#include "base/clock.h"
#include "redis/backoff.h"

namespace slipstream {

/// When to try again what has failed: after a wait that grows, or at once where a server that did
/// not answer has been reached since, by whomever. `returns` is RedisServers::returns().
/// Threads: one.
class RedisRetry {
 public:
  bool is_due(ArrivalTime now, std::uint64_t returns) const {
    return now.ns >= at_ns_ || returns != returns_;
  }
  void failed(ArrivalTime now, std::uint64_t returns) {
    at_ns_ = now.ns + backoff_.next().count() * kNsPerMs;
    returns_ = returns;
  }
  /// The next wait is a short one again.
  void succeeded() { backoff_.reset(); }
  /// Not waiting any more, however often it has failed.
  void hurry() { at_ns_ = 0; }

 private:
  Backoff backoff_;
  std::int64_t at_ns_ = 0;
  std::uint64_t returns_ = 0;
};

}  // namespace slipstream
