#include "base/circuit_breaker.h"

#include <algorithm>

namespace slipstream {

bool CircuitBreaker::allow() {
  const std::lock_guard lock(mutex_);
  if (state_ == State::kClosed) return true;
  if (clock_.steady() - since_ < options_.retry_after_ms * kNsPerMs) return false;
  enter(State::kHalfOpen);
  return true;
}

bool CircuitBreaker::success() {
  const std::lock_guard lock(mutex_);
  failures_ = 0;
  if (state_ == State::kClosed) return false;
  enter(State::kClosed);
  return true;
}

void CircuitBreaker::failure() {
  const std::lock_guard lock(mutex_);
  ++failures_;
  // Whoever was let in before it opened and fails now tells nothing new.
  if (state_ == State::kHalfOpen || (state_ == State::kClosed && failures_ >= options_.failures)) {
    enter(State::kOpen);
  }
}

CircuitBreaker::State CircuitBreaker::state() const {
  const std::lock_guard lock(mutex_);
  return state_;
}

int CircuitBreaker::failures() const {
  const std::lock_guard lock(mutex_);
  return failures_;
}

std::int64_t CircuitBreaker::retry_in_ms() const {
  const std::lock_guard lock(mutex_);
  if (state_ == State::kClosed) return 0;
  const std::int64_t waited_ms = (clock_.steady() - since_) / kNsPerMs;
  return std::clamp<std::int64_t>(options_.retry_after_ms - waited_ms, 0, options_.retry_after_ms);
}

void CircuitBreaker::enter(State state) {
  state_ = state;
  since_ = clock_.steady();
  times_[static_cast<int>(state)].add();
}

std::string_view to_text(CircuitBreaker::State state) {
  switch (state) {
    case CircuitBreaker::State::kClosed:
      return "closed";
    case CircuitBreaker::State::kOpen:
      return "open";
    case CircuitBreaker::State::kHalfOpen:
      return "half_open";
  }
  return "";
}

}  // namespace slipstream
