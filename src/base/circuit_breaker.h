#pragma once
#include <cstdint>
#include <mutex>
#include <string_view>

#include "base/clock.h"
#include "base/counters.h"

namespace slipstream {

/// Keeps from asking a server again and again that does not answer. Closed: all may try. Open,
/// after some failures in a row: nobody may, at once. Half open, after a while: one may try; its
/// success closes, its failure opens again. Contract: each allow() that said yes is followed by
/// success() or failure(); one that is not (its thread was stopped) counts as a failure after
/// `retry_after_ms`. Threads: any.
class CircuitBreaker {
 public:
  struct Options {
    int failures = 5;
    std::int64_t retry_after_ms = 5000;
  };
  enum class State { kClosed, kOpen, kHalfOpen };

  CircuitBreaker(Options options, const Clock& clock) : options_(options), clock_(clock) {}

  bool allow();
  /// Whether that closed it.
  bool success();
  void failure();

  State state() const;
  /// In a row, up to now.
  int failures() const;
  /// Until one may try again; 0 when closed.
  std::int64_t retry_in_ms() const;
  /// How often it came to be open, half open, closed.
  std::uint64_t times(State state) const { return times_[static_cast<int>(state)].value(); }

 private:
  void enter(State state);  // with mutex_ held

  const Options options_;
  const Clock& clock_;
  mutable std::mutex mutex_;  // guards all below but the counters
  State state_ = State::kClosed;
  int failures_ = 0;
  SteadyTime since_ = kNever;  // of the state
  Counter times_[3];
};

/// "closed", "open", "half_open".
std::string_view to_text(CircuitBreaker::State state);

}  // namespace slipstream
