#include "app/log_indexer.h"

#include <pthread.h>
#include <sys/resource.h>

#include <algorithm>

#include "ops/logging.h"

namespace slipstream {

void LogIndexer::start() {
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void LogIndexer::run(const std::stop_token& stop) {
  pthread_setname_np(pthread_self(), "log-index");
  setpriority(PRIO_PROCESS, 0, 19);  // of this thread alone; where it is refused, the pauses do
  while (!stop.stop_requested()) {
    const auto done = tend(stop);
    if (stop.stop_requested()) return;
    if (!done && !is_failing_.load(std::memory_order_relaxed)) {
      log_warn("the index of a part of the log cannot be made now",
               {{"why", done.error().message}});
    }
    is_failing_.store(!done, std::memory_order_relaxed);
    if (done && *done) continue;
    wait_for_next_look(stop, done ? options_.between_looks : options_.after_error);
  }
}

Result<bool> LogIndexer::tend(const std::stop_token& stop) {
  const auto segments = log_.synced_segments();
  const MayRead may = [&](std::size_t bytes) { return may_read(stop, bytes); };
  auto done = indexes_.tend(segments, may);
  if (!done || *done || pinned_ == nullptr || segments.empty()) return done;
  if (auto gone = pinned_->let_go(); !gone) return std::unexpected(gone.error());
  return pinned_->tend(segments.front(), may);
}

bool LogIndexer::may_read(const std::stop_token& stop, std::size_t bytes) {
  if (step_left_ == 0) {
    wait(stop, options_.pause);
    step_left_ = options_.step_bytes;
  }
  step_left_ -= std::min(step_left_, bytes);
  return !stop.stop_requested();
}

void LogIndexer::look_now() {
  {
    const std::lock_guard lock(mutex_);
    is_wanted_ = true;
  }
  stopped_.notify_all();
}

void LogIndexer::wait_for_next_look(const std::stop_token& stop, std::chrono::milliseconds time) {
  std::unique_lock lock(mutex_);
  stopped_.wait_for(lock, stop, time, [this] { return is_wanted_; });
  is_wanted_ = false;
}

void LogIndexer::wait(const std::stop_token& stop, std::chrono::milliseconds time) {
  std::unique_lock lock(mutex_);
  stopped_.wait_for(lock, stop, time, [] { return false; });
}

}  // namespace slipstream
