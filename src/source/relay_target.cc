#include "source/relay_target.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace slipstream {

Result<std::unique_ptr<RelayTarget>> RelayTarget::open(RelayTargetOptions options) {
  const auto to = parse_host_port(options.to);
  if (!to) return std::unexpected(to.error());
  const auto endpoint = resolve_datagrams(*to);
  if (!endpoint) return std::unexpected(endpoint.error());
  std::unique_ptr<RelayTarget> target(new RelayTarget(std::move(options)));
  target->settle(*endpoint);
  return target;
}

Result<std::unique_ptr<RelayTarget>> RelayTarget::unresolved(RelayTargetOptions options,
                                                             std::string why) {
  if (const auto to = parse_host_port(options.to); !to) return std::unexpected(to.error());
  std::unique_ptr<RelayTarget> target(new RelayTarget(std::move(options)));
  target->still_unresolved(std::move(why));
  return target;
}

std::optional<Endpoint> RelayTarget::endpoint() const {
  const std::lock_guard lock(mutex_);
  return endpoint_;
}

void RelayTarget::settle(const Endpoint& endpoint) {
  const std::lock_guard lock(mutex_);
  endpoint_ = endpoint;
}

void RelayTarget::still_unresolved(std::string why) {
  const std::lock_guard lock(mutex_);
  why_unresolved_ = std::move(why);
}

std::size_t RelayTarget::admit(std::size_t datagrams, SteadyTime now) {
  std::size_t admitted = 0;
  {
    const std::lock_guard lock(mutex_);
    if (now - second_began_ >= kNsPerSecond) {
      second_began_ = now;
      left_ = options_.max_per_second;
    }
    admitted = std::min(datagrams, left_);
    left_ -= admitted;
  }
  if (admitted < datagrams) {
    last_limit_ns_.store(now.ns, std::memory_order_relaxed);
    dropped(RelayDrop::kLimit, datagrams - admitted, now);
  }
  return admitted;
}

bool RelayTarget::is_at_limit(SteadyTime now) const {
  return now - SteadyTime{last_limit_ns_.load(std::memory_order_relaxed)} < kNsPerSecond;
}

void RelayTarget::dropped(RelayDrop why, std::size_t datagrams, SteadyTime now) {
  dropped_[static_cast<std::size_t>(why)].add(datagrams);
  last_drop_.store(why, std::memory_order_relaxed);
  last_drop_ns_.store(now.ns, std::memory_order_relaxed);
}

std::uint64_t RelayTarget::dropped_in_all() const {
  std::uint64_t sum = 0;
  for (const auto& counter : dropped_) sum += counter.value();
  return sum;
}

std::string RelayTarget::trouble(SteadyTime now) const {
  {
    const std::lock_guard lock(mutex_);
    if (!endpoint_) return why_unresolved_;
  }
  if (now - SteadyTime{last_drop_ns_.load(std::memory_order_relaxed)} >= kTroubleNs) return {};
  switch (last_drop_.load(std::memory_order_relaxed)) {
    case RelayDrop::kLimit:
      return "more comes than max_per_second lets through: a flood, or relays that send to each "
             "other";
    case RelayDrop::kFull:
      return "this machine cannot send as fast as they come";
    case RelayDrop::kRefused:
      return "nobody listens there";
    case RelayDrop::kUnreachable:
      return "there is no way there";
    case RelayDrop::kTooLarge:
      return "datagrams that are too large to be sent there";
    case RelayDrop::kUnresolved:
      return "its name was not known until now";
  }
  return {};
}

}  // namespace slipstream
