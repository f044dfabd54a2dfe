#pragma once
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>

namespace slipstream {

/// Wakes one sleeping thread. A notify that comes before the wait is not lost.
/// Threads: notify() from any; wait_for() from one.
class Signal {
 public:
  void notify() {
    if (pending_.exchange(true, std::memory_order_seq_cst)) return;
    if (!sleeping_.load(std::memory_order_seq_cst)) return;
    // Who is about to sleep is asleep then; woken with the mutex held, it would at once wait for
    // it.
    mutex_.lock();
    mutex_.unlock();
    wake_.notify_one();
  }

  void wait_for(std::chrono::nanoseconds limit) {
    if (!pending_.exchange(false, std::memory_order_seq_cst)) {
      std::unique_lock lock(mutex_);
      sleeping_.store(true, std::memory_order_seq_cst);
      wake_.wait_for(lock, limit, [this] { return pending_.load(std::memory_order_seq_cst); });
      sleeping_.store(false, std::memory_order_seq_cst);
      pending_.exchange(false, std::memory_order_seq_cst);
    }
  }

 private:
  std::atomic<bool> pending_{false};
  std::atomic<bool> sleeping_{false};
  std::mutex mutex_;  // guards the wait only
  std::condition_variable wake_;
};

}  // namespace slipstream
