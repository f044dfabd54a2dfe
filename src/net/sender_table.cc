#include "net/sender_table.h"

#include <algorithm>

namespace slipstream {
namespace {
constexpr std::chrono::seconds kWholeAgain{1};
}

SenderTable::Sender& SenderTable::find(const Address& address, Time now) {
  forget_idle(now);
  auto [found, added] = senders_.try_emplace(address);
  Sender& sender = found->second;
  if (added) {
    sender.allowance = limits_.requests_per_second;
    sender.refilled = now;
  }
  return sender;
}

bool SenderTable::open(const Address& address, Time now) {
  if (limits_.connections == 0) return true;
  Sender& sender = find(address, now);
  if (sender.connections >= limits_.connections) return false;
  ++sender.connections;
  return true;
}

void SenderTable::close(const Address& address, Time now) {
  if (limits_.connections == 0) return;
  const auto found = senders_.find(address);
  if (found == senders_.end() || found->second.connections == 0) return;
  --found->second.connections;
  release(address, found->second, now);
}

bool SenderTable::may_request(const Address& address, Time now) {
  if (limits_.requests_per_second == 0) return true;
  Sender& sender = find(address, now);
  const double limit = limits_.requests_per_second;
  const std::chrono::duration<double> passed = now - sender.refilled;
  sender.allowance = std::min(limit, sender.allowance + std::max(0.0, passed.count()) * limit);
  sender.refilled = std::max(sender.refilled, now);
  const bool may = sender.allowance >= 1;
  if (may) sender.allowance -= 1;
  release(address, sender, now);
  return may;
}

void SenderTable::release(const Address& address, Sender& sender, Time now) {
  if (sender.connections > 0 || sender.is_queued) return;
  sender.is_queued = true;
  idle_.emplace_back(now, address);
}

void SenderTable::forget_idle(Time now) {
  while (!idle_.empty()) {
    const bool is_crowded = idle_.size() >= kMaxIdle;
    if (!is_crowded && now - idle_.front().first < kWholeAgain) return;
    const Address address = idle_.front().second;
    idle_.pop_front();
    const auto found = senders_.find(address);
    Sender& sender = found->second;
    sender.is_queued = false;
    if (sender.connections > 0) continue;
    if (!is_crowded && now - sender.refilled < kWholeAgain) {
      release(address, sender, sender.refilled);
    } else {
      senders_.erase(found);
    }
  }
}

}  // namespace slipstream
