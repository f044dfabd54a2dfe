#pragma once
#include <cstdint>

#include "base/backoff.h"
#include "base/clock.h"

namespace slipstream {

/// When to try again what has failed: after a wait that grows, or at once where who did not answer
/// has been reached since, by whomever. `returns` counts how often that was
/// (RedisServers::returns() is one); always 0: nobody knows. Threads: one.
class Retry {
 public:
  explicit Retry(Backoff::Options backoff = {}) : backoff_(backoff) {}

  bool is_due(SteadyTime now, std::uint64_t returns) const {
    return now >= at_ || returns != returns_;
  }
  void failed(SteadyTime now, std::uint64_t returns) {
    at_ = now + backoff_.next().count() * kNsPerMs;
    returns_ = returns;
  }
  /// The next wait is a short one again.
  void succeeded() { backoff_.reset(); }
  /// Not waiting any more, however often it has failed.
  void hurry() { at_ = kNever; }

 private:
  Backoff backoff_;
  SteadyTime at_ = kNever;
  std::uint64_t returns_ = 0;
};

}  // namespace slipstream
