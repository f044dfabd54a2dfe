#include "base/agent.h"

#include <pthread.h>

namespace slipstream {

AgentThread::AgentThread(std::string name, Agent& agent)
    : name_(std::move(name)), agent_(agent), thread_([this] { run(); }) {}

AgentThread::~AgentThread() {
  stop(false);
}

void AgentThread::stop(bool drain) {
  if (!thread_.joinable()) return;
  drain_.store(drain, std::memory_order_relaxed);
  stopping_.store(true, std::memory_order_release);
  agent_.wake();
  thread_.join();
}

void AgentThread::run() noexcept {
  pthread_setname_np(pthread_self(), name_.substr(0, 15).c_str());
  while (!stopping_.load(std::memory_order_acquire)) {
    if (agent_.poll(kBudget) < kBudget) agent_.idle();
  }
  if (drain_.load(std::memory_order_relaxed)) {
    while (agent_.poll(kBudget) > 0) {
    }
  }
}

}  // namespace slipstream
