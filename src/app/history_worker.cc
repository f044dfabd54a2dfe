#include "app/history_worker.h"

#include <pthread.h>
#include <sys/resource.h>

#include <chrono>
#include <utility>

namespace slipstream {
namespace {

constexpr int kNiceness = 5;  // whoever takes points comes first

}  // namespace

void HistoryWorker::start(KeepUp keep_up, std::chrono::milliseconds period) {
  thread_ = std::jthread([this, keep_up = std::move(keep_up), period](const std::stop_token& stop) {
    run(stop, keep_up, period);
  });
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

HistoryWorker::Job HistoryWorker::wait(const std::stop_token& stop,
                                       std::optional<std::chrono::milliseconds> period) {
  std::unique_lock lock(mutex_);
  const auto is_there = [this] { return !jobs_.empty(); };
  const bool has_one = period ? has_job_.wait_for(lock, stop, *period, is_there)
                              : has_job_.wait(lock, stop, is_there);
  if (!has_one) return {};
  Job job = std::move(jobs_.front());
  jobs_.pop_front();
  stats_.waiting.set(static_cast<std::int64_t>(jobs_.size()));
  return job;
}

void HistoryWorker::run(const std::stop_token& stop, const KeepUp& keep_up,
                        std::chrono::milliseconds period) {
  using Steady = std::chrono::steady_clock;
  pthread_setname_np(pthread_self(), "history");
  setpriority(PRIO_PROCESS, 0, kNiceness);  // of this thread alone
  std::optional<Steady::time_point> last;
  while (true) {
    const bool is_asked = keep_up && last && Steady::now() - *last < kKeepUpFor;
    const Job job = wait(stop, is_asked ? std::optional(period) : std::nullopt);
    if (!job && stop.stop_requested()) return;
    if (!job) {
      keep_up(stop);
      continue;
    }
    const auto begin = Steady::now();
    job(stop);
    last = Steady::now();
    stats_.queries.add();
    stats_.time.observe_ns(std::chrono::nanoseconds(*last - begin).count());
  }
}

}  // namespace slipstream
