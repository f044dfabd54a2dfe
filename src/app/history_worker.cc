#include "app/history_worker.h"

#include <pthread.h>
#include <sys/resource.h>

#include <chrono>
#include <utility>

namespace slipstream {
namespace {

constexpr int kNiceness = 5;  // whoever takes points comes first

}  // namespace

void HistoryWorker::start() {
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void HistoryWorker::stop() {
  thread_ = {};
}

bool HistoryWorker::post(Job job) {
  {
    const std::lock_guard lock(mutex_);
    if (jobs_.size() >= kMaxWaiting) {
      stats_.turned_away.add();
      return false;
    }
    jobs_.push_back(std::move(job));
    stats_.waiting.set(static_cast<std::int64_t>(jobs_.size()));
  }
  has_job_.notify_one();
  return true;
}

void HistoryWorker::run(const std::stop_token& stop) {
  pthread_setname_np(pthread_self(), "history");
  setpriority(PRIO_PROCESS, 0, kNiceness);  // of this thread alone
  while (true) {
    Job job;
    {
      std::unique_lock lock(mutex_);
      has_job_.wait(lock, stop, [this] { return !jobs_.empty(); });
      if (jobs_.empty()) return;
      job = std::move(jobs_.front());
      jobs_.pop_front();
      stats_.waiting.set(static_cast<std::int64_t>(jobs_.size()));
    }
    const auto begin = std::chrono::steady_clock::now();
    job(stop);
    stats_.queries.add();
    stats_.time.observe_ns(
        std::chrono::nanoseconds(std::chrono::steady_clock::now() - begin).count());
  }
}

}  // namespace slipstream
