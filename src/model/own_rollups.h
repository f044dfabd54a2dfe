#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <mutex>
#include <unordered_set>

namespace slipstream {

/// Rollups that this instance has sent to the aggregates and not seen come back: its clients have
/// had them already when they were committed. By the beginnings of their window_ids, which are
/// hashes. Threads: any.
class OwnRollups {
 public:
  static constexpr std::size_t kMost = std::size_t{1} << 18;  ///< then the oldest are forgotten
  using Id = std::array<std::uint8_t, 16>;

  void add(const Id& id) {
    const std::lock_guard lock(mutex_);
    if (!ids_.insert(beginning(id)).second) return;
    order_.push_back(beginning(id));
    if (order_.size() <= kMost) return;
    ids_.erase(order_.front());
    order_.pop_front();
  }
  /// Whether it is one; it stays one, since several may look.
  bool contains(const Id& id) const {
    const std::lock_guard lock(mutex_);
    return ids_.contains(beginning(id));
  }

 private:
  static std::uint64_t beginning(const Id& id) {
    std::uint64_t value = 0;
    std::memcpy(&value, id.data(), sizeof value);
    return value;
  }

  mutable std::mutex mutex_;  // guards all below
  std::unordered_set<std::uint64_t> ids_;
  std::deque<std::uint64_t> order_;
};

}  // namespace slipstream
