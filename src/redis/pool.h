#pragma once
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>

#include "redis/nodes.h"

namespace slipstream {

class RedisPool;

/// A connection borrowed from the pool; gives it back when it goes. One that is lost, or has
/// replies outstanding, is closed instead. Leave no MULTI, WATCH or SELECT behind in it.
class RedisLease {
 public:
  RedisLease(RedisLease&& other) noexcept = default;
  RedisLease& operator=(RedisLease&&) = delete;
  ~RedisLease() { release(); }

  /// Gives it back now; the lease is of no use from then on.
  void release();

  RedisConnection& operator*() const { return *connection_; }
  RedisConnection* operator->() const { return connection_.get(); }

 private:
  friend class RedisPool;
  RedisLease(RedisPool& pool, std::unique_ptr<RedisConnection> connection)
      : pool_(&pool), connection_(std::move(connection)) {}

  RedisPool* pool_;
  std::unique_ptr<RedisConnection> connection_;
};

/// At most so many connections, to whatever servers, for short commands. Private to this room.
/// Threads: any. Leases must go before it does.
class RedisPool {
 public:
  RedisPool(RedisNodes& nodes, std::size_t size, std::chrono::milliseconds wait)
      : nodes_(nodes), size_(size), wait_(wait) {}

  /// Waits for one of the places, which lease() then needs, or else release().
  Result<void> reserve();
  void release();
  /// A connection that is there already, or a new one. An error leaves the place reserved.
  Result<RedisLease> lease(RedisNodes::Node& node);

 private:
  friend class RedisLease;
  std::unique_ptr<RedisConnection> take_idle(const RedisAddress& address);
  void give_back(std::unique_ptr<RedisConnection> connection);

  RedisNodes& nodes_;
  const std::size_t size_;
  const std::chrono::milliseconds wait_;
  std::mutex mutex_;  // guards all below
  std::condition_variable freed_;
  std::size_t reserved_ = 0;
  std::deque<std::unique_ptr<RedisConnection>> idle_;  // the longest unused first
};

}  // namespace slipstream
