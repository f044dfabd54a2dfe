#include "source/peer_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace slipstream {

std::string printable_sample(std::string_view text, std::size_t limit) {
  std::string sample;
  for (const char c : text.substr(0, limit)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7f) {
      sample += c;
    } else {
      sample += fmt::format("\\x{:02x}", byte);
    }
    if (sample.size() >= limit) break;
  }
  return sample.substr(0, limit);
}

std::size_t PeerTable::size() const {
  const std::lock_guard lock(mutex_);
  return peers_.size();
}

PeerTable::Peer& PeerTable::peer_locked(const Address& source, SteadyTime now) {
  const Address address = source.sender();
  auto found = peers_.find(address);
  if (found == peers_.end()) {
    if (peers_.size() >= kMaxPeers) evict_locked();
    found = peers_.emplace(address, Peer{}).first;
    found->second.minute_began = now;
    found->second.refilled = now;
    found->second.tokens = points_per_second_;
  }
  found->second.last_seen = now;
  return found->second;
}

void PeerTable::evict_locked() {
  // The oldest of the first few met: near enough to the oldest of all, and never a long search.
  constexpr int kLooked = 16;
  auto oldest = peers_.begin();
  auto it = peers_.begin();
  for (int i = 0; i < kLooked && it != peers_.end(); ++i, ++it) {
    if (it->second.last_seen < oldest->second.last_seen) oldest = it;
  }
  peers_.erase(oldest);
}

double PeerTable::refill_locked(const Address& address, SteadyTime now) {
  Peer& p = peer_locked(address, now);
  const double seconds =
      static_cast<double>(std::max<std::int64_t>(0, now.ns - p.refilled.ns)) * 1e-9;
  p.refilled = std::max(p.refilled, now);
  const double limit = points_per_second_;
  p.tokens = std::min(limit, p.tokens + seconds * limit);
  return p.tokens;
}

bool PeerTable::has_allowance(const Address& address, SteadyTime now) {
  const std::lock_guard lock(mutex_);
  return refill_locked(address, now) >= 1;
}

std::int64_t PeerTable::seconds_to_wait(const Address& address, SteadyTime now) {
  if (points_per_second_ == 0) return 0;
  const std::lock_guard lock(mutex_);
  const double missing = 1 - refill_locked(address, now);
  if (missing <= 0) return 0;
  return static_cast<std::int64_t>(std::ceil(missing / points_per_second_));
}

void PeerTable::take_off(const Address& address, std::size_t points, SteadyTime now) {
  const std::lock_guard lock(mutex_);
  peer_locked(address, now).tokens -= static_cast<double>(points);
}

void PeerTable::report(const Address& address, const Rejection& rejection, std::string_view sample,
                       SteadyTime now) {
  const auto suppressed = take_report(address, now);
  if (!suppressed) return;
  log_.write({source_, address.to_string(), rejection, printable_sample(sample), *suppressed});
}

/// How many of the address's were left out since the one before; nothing: this one is, too.
std::optional<std::uint64_t> PeerTable::take_report(const Address& address, SteadyTime now) {
  const std::lock_guard lock(mutex_);
  Peer& p = peer_locked(address, now);
  if (now.ns - p.minute_began.ns >= 60 * kNsPerSecond) {
    p.minute_began = now;
    p.reports = 0;
  }
  if (p.reports >= kReportsPerMinute) {
    ++p.suppressed;
    log_.leave_out(address, now);
    return std::nullopt;
  }
  if (!log_.take_line(address, now)) {
    ++p.suppressed;
    return std::nullopt;
  }
  ++p.reports;
  return std::exchange(p.suppressed, 0);
}

}  // namespace slipstream
