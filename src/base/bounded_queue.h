#pragma once
#include <algorithm>
#include <atomic>
#include <cstddef>
#include <deque>
#include <mutex>
#include <utility>
#include <vector>

#include "base/check.h"

namespace slipstream {

enum class OfferStatus { kTaken, kFull, kClosed };

struct QueueLimits {
  std::size_t items = 1024;
  std::size_t bytes = std::size_t{64} << 20;
};

/// A bounded queue of batches, never of single points: one lock a batch. A full queue is an answer,
/// not a wait; `item` is left untouched when it is not taken. An empty queue takes any one item,
/// so that an item larger than the byte limit is not refused for ever.
/// Threads: any may offer, any may take.
template <typename T>
class BoundedQueue {
 public:
  explicit BoundedQueue(QueueLimits limits = {}) : limits_(limits) {}

  OfferStatus offer(T& item, std::size_t bytes = 0) {
    const std::lock_guard lock(mutex_);
    if (closed_) return OfferStatus::kClosed;
    if (!items_.empty() &&
        (items_.size() >= limits_.items || queued_bytes_ + bytes > limits_.bytes)) {
      return OfferStatus::kFull;
    }
    push_locked(std::move(item), bytes);
    return OfferStatus::kTaken;
  }

  /// Takes the item whatever the limits: for what was admitted as a whole by has_room() before.
  OfferStatus force(T item, std::size_t bytes = 0) {
    const std::lock_guard lock(mutex_);
    if (closed_) return OfferStatus::kClosed;
    push_locked(std::move(item), bytes);
    return OfferStatus::kTaken;
  }

  /// For an item of so many bytes; an empty queue has room for any.
  bool has_room(std::size_t bytes = 0) const {
    const std::lock_guard lock(mutex_);
    if (closed_) return false;
    return items_.empty() || (items_.size() < limits_.items &&
                              queued_bytes_ + std::max<std::size_t>(bytes, 1) <= limits_.bytes);
  }

  /// Moves up to `limit` items to the end of `out`; returns how many.
  std::size_t take(std::vector<T>& out, std::size_t limit) {
    const std::lock_guard lock(mutex_);
    std::size_t taken = 0;
    for (; taken < limit && !items_.empty(); ++taken) {
      CHECK(queued_bytes_ >= items_.front().second, "an item goes with the bytes it came with");
      queued_bytes_ -= items_.front().second;
      out.push_back(std::move(items_.front().first));
      items_.pop_front();
    }
    CHECK(!items_.empty() || queued_bytes_ == 0, "an empty queue holds no bytes");
    depth_.store(items_.size(), std::memory_order_relaxed);
    return taken;
  }

  /// Offers are refused from now on; what is queued can still be taken.
  void close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }

  /// Items queued, as of a moment ago. Lock-free.
  std::size_t depth() const { return depth_.load(std::memory_order_relaxed); }
  std::size_t queued_bytes() const {
    const std::lock_guard lock(mutex_);
    return queued_bytes_;
  }
  const QueueLimits& limits() const { return limits_; }

 private:
  void push_locked(T&& item, std::size_t bytes) {
    items_.emplace_back(std::move(item), bytes);
    queued_bytes_ += bytes;
    depth_.store(items_.size(), std::memory_order_relaxed);
  }

  const QueueLimits limits_;
  mutable std::mutex mutex_;  // guards all below
  std::deque<std::pair<T, std::size_t>> items_;
  std::size_t queued_bytes_ = 0;
  bool closed_ = false;
  std::atomic<std::size_t> depth_{0};
};

}  // namespace slipstream
