#include "redis/pool.h"

#include <fmt/format.h>

#include <algorithm>

namespace slipstream {

void RedisLease::release() {
  if (connection_) pool_->give_back(std::move(connection_));
}

Result<void> RedisPool::reserve() {
  std::unique_lock lock(mutex_);
  if (!freed_.wait_for(lock, wait_, [this] { return reserved_ < size_; })) {
    return fail(fmt::format("Redis: none of the pool's {} connections became free within {} ms",
                            size_, wait_.count()));
  }
  ++reserved_;
  return {};
}

void RedisPool::release() {
  {
    const std::lock_guard lock(mutex_);
    --reserved_;
  }
  freed_.notify_one();
}

Result<RedisLease> RedisPool::lease(RedisNodes::Node& node) {
  while (auto idle = take_idle(node.address)) {
    if (idle->is_open()) return RedisLease(*this, std::move(idle));
  }
  std::unique_ptr<RedisConnection> surplus;
  {
    const std::lock_guard lock(mutex_);
    if (reserved_ + idle_.size() > size_) {
      surplus = std::move(idle_.front());
      idle_.pop_front();
    }
  }
  surplus.reset();
  auto connection = nodes_.open(node, RedisNodes::kPool);
  if (!connection) return std::unexpected(connection.error());
  return RedisLease(*this, std::move(*connection));
}

std::unique_ptr<RedisConnection> RedisPool::take_idle(const RedisAddress& address) {
  const std::lock_guard lock(mutex_);
  const auto found = std::find_if(idle_.rbegin(), idle_.rend(),
                                  [&](const auto& idle) { return idle->address() == address; });
  if (found == idle_.rend()) return nullptr;
  auto connection = std::move(*found);
  idle_.erase(std::prev(found.base()));
  return connection;
}

void RedisPool::give_back(std::unique_ptr<RedisConnection> connection) {
  const bool is_good = connection->outstanding() == 0 && connection->is_open();
  if (!is_good) connection.reset();
  {
    const std::lock_guard lock(mutex_);
    --reserved_;
    if (is_good) idle_.push_back(std::move(connection));
  }
  freed_.notify_one();
}

}  // namespace slipstream
