#pragma once
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
  /// Called after a poll that left nothing. Must return within about 100 ms, sooner on wake().
  virtual void idle() = 0;
  /// Ends a running idle(). Callable from any thread.
  virtual void wake() = 0;
};

/// An agent that sleeps on a signal until somebody has work for it.
class SignalledAgent : public Agent {
 public:
  void idle() override { signal_.wait_for(std::chrono::milliseconds(kIdleMs)); }
  void wake() override { signal_.notify(); }

 protected:
  static constexpr int kIdleMs = 20;

 private:
  Signal signal_;
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
