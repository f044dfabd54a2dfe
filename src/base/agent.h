#pragma once
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <string>
#include <thread>

#include "base/signal.h"

namespace slipstream {

/// Work that a thread does in small steps, so that a test can do the steps itself, without threads.
class Agent {
 public:
  virtual ~Agent() = default;
  /// Does at most about `budget` units of work; returns how many it did: fewer when nothing is
  /// left.
  virtual std::size_t poll(std::size_t budget) = 0;
  /// Called after a poll that left nothing: returns when there may be something, at once on wake().
  virtual void idle() = 0;
  /// Ends a running idle(). Callable from any thread.
  virtual void wake() = 0;
};

/// An agent that sleeps on a signal until somebody has work for it.
class SignalledAgent : public Agent {
 public:
  void idle() override { signal_.wait_for(std::min(idle_limit(), kLongestIdle)); }
  void wake() override { signal_.notify(); }
  /// There is work that it has not been woken for. Any thread, as the next.
  void has_more() { has_more_.store(true); }
  /// Wakes it where there is.
  void wake_for_more() {
    if (has_more_.exchange(false)) wake();
  }

 protected:
  using Limit = std::chrono::nanoseconds;
  static constexpr Limit kShortIdle = std::chrono::milliseconds(20);
  static constexpr Limit kLongestIdle = std::chrono::seconds(1);

  /// How long nothing is to be done if nobody wakes it; as it is, something might be soon. Called
  /// on the agent's thread.
  virtual Limit idle_limit() { return kShortIdle; }

 private:
  Signal signal_;
  std::atomic<bool> has_more_{false};
};

/// Runs an agent on a named thread of its own until stopped; the destructor stops and joins.
/// An exception that leaves the agent ends the process: it is a broken invariant.
class AgentThread {
 public:
  AgentThread(std::string name, Agent& agent);
  ~AgentThread();
  AgentThread(const AgentThread&) = delete;
  AgentThread& operator=(const AgentThread&) = delete;

  /// Returns when the thread has ended. With `drain`, it polls on until nothing is left.
  void stop(bool drain = true);

 private:
  void run() noexcept;

  static constexpr std::size_t kBudget = 256;
  const std::string name_;
  Agent& agent_;
  std::atomic<bool> stopping_{false};
  std::atomic<bool> drain_{true};
  std::thread thread_;
};

}  // namespace slipstream
