#include "redis/nodes.h"

#include <fmt/format.h>

#include <utility>

namespace slipstream {

RedisNodes::Node& RedisNodes::at(const RedisAddress& address) {
  const std::lock_guard lock(mutex_);
  auto& node = nodes_[address.text()];
  if (!node) node = std::make_unique<Node>(address, breaker_, clock_);
  return *node;
}

Result<std::unique_ptr<RedisConnection>> RedisNodes::open(Node& node, std::string_view link) {
  const auto text = node.address.text();
  if (!is_hurrying_ && !node.breaker.allow()) {
    const std::lock_guard lock(mutex_);
    return fail(
        fmt::format("{}: circuit breaker open after {} failures in a row, next try in {} ms; "
                    "last error: {}",
                    text, node.breaker.failures(), node.breaker.retry_in_ms(), last_errors_[text]));
  }
  auto options = connection_;
  options.connect_timeout_ms = connect_timeout_ms_;
  if (!link.empty()) options.name += fmt::format(":{}", link);
  auto connection = RedisConnection::open(node.address, options, stats_);
  if (!connection) {
    node.breaker.failure();
    note_failure(link, text, connection.error().message);
    const std::lock_guard lock(mutex_);
    last_errors_[text] = connection.error().message;
    return connection;
  }
  if (node.breaker.success()) returns_.add();
  if (link.empty()) return connection;
  opened(link, text);
  (*connection)->on_end([this, name = std::string(link), text](std::string_view lost) {
    ended(name, text, lost);
  });
  return connection;
}

void RedisNodes::hurry(std::chrono::milliseconds connect_limit) {
  connect_timeout_ms_ = connect_limit.count();
  is_hurrying_ = true;
}

void RedisNodes::note_failure(std::string_view link, const std::string& node,
                              const std::string& error) {
  const std::lock_guard lock(mutex_);
  if (!link.empty()) link_of(link, node).state.last_error = error;
}

RedisNodes::Link& RedisNodes::link_of(std::string_view name, const std::string& node) {
  const auto [found, is_new] =
      links_.try_emplace(name == kPool ? fmt::format("{} {}", name, node) : std::string(name));
  auto& state = found->second.state;
  if (is_new) {
    state.name = name;
    state.since = clock_.moment();
  }
  state.node = node;
  return found->second;
}

void RedisNodes::opened(std::string_view name, const std::string& node) {
  const std::lock_guard lock(mutex_);
  auto& link = link_of(name, node);
  if (link.state.connected++ == 0) link.state.since = clock_.moment();
  if (std::exchange(link.is_reconnect, false)) {
    ++link.state.reconnects;
    stats_.reconnects.add();
  }
}

void RedisNodes::ended(std::string_view name, const std::string& node, std::string_view lost) {
  const std::lock_guard lock(mutex_);
  auto& link =
      links_.find(name == kPool ? fmt::format("{} {}", name, node) : std::string(name))->second;
  if (--link.state.connected == 0) link.state.since = clock_.moment();
  if (lost.empty()) return;
  link.state.last_error = lost;
  last_errors_[node] = lost;
  link.is_reconnect = true;
}

std::vector<RedisConnectionState> RedisNodes::states() const {
  const std::lock_guard lock(mutex_);
  std::vector<RedisConnectionState> out;
  for (const auto& [key, link] : links_) {
    out.push_back(link.state);
    if (const auto node = nodes_.find(link.state.node); node != nodes_.end()) {
      out.back().breaker = node->second->breaker.state();
      out.back().failures = node->second->breaker.failures();
    }
  }
  return out;
}

}  // namespace slipstream
