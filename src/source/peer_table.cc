#include "source/peer_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

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

PeerTable::Peer& PeerTable::peer(const Address& source, SteadyTime now) {
  const Address address = source.sender();
  auto found = peers_.find(address);
  if (found == peers_.end()) {
    if (peers_.size() >= kMaxPeers) evict();
    found = peers_.emplace(address, Peer{}).first;
    found->second.minute_began = now;
    found->second.refilled = now;
    found->second.tokens = points_per_second_;
  }
  found->second.last_seen = now;
  return found->second;
}

void PeerTable::evict() {
  // The oldest of the first few met: near enough to the oldest of all, and never a long search.
  constexpr int kLooked = 16;
  auto oldest = peers_.begin();
  auto it = peers_.begin();
  for (int i = 0; i < kLooked && it != peers_.end(); ++i, ++it) {
    if (it->second.last_seen < oldest->second.last_seen) oldest = it;
  }
  peers_.erase(oldest);
}

double PeerTable::refill(const Address& address, SteadyTime now) {
  Peer& p = peer(address, now);
  const double seconds =
      static_cast<double>(std::max<std::int64_t>(0, now.ns - p.refilled.ns)) * 1e-9;
  p.refilled = std::max(p.refilled, now);
  const double limit = points_per_second_;
  p.tokens = std::min(limit, p.tokens + seconds * limit);
  return p.tokens;
}

std::int64_t PeerTable::seconds_to_wait(const Address& address, SteadyTime now) {
  if (may_send(address, now)) return 0;
  const double missing = 1 - peer(address, now).tokens;
  return static_cast<std::int64_t>(std::ceil(missing / points_per_second_));
}

void PeerTable::spend(const Address& address, std::size_t points, SteadyTime now) {
  if (points_per_second_ != 0) peer(address, now).tokens -= static_cast<double>(points);
}

void PeerTable::report(const Address& address, const Rejection& rejection, std::string_view sample,
                       SteadyTime now) {
  Peer& p = peer(address, now);
  if (now.ns - p.minute_began.ns >= 60 * kNsPerSecond) {
    p.minute_began = now;
    p.reports = 0;
  }
  if (p.reports >= kReportsPerMinute) {
    ++p.suppressed;
    log_.leave_out(address, now);
    return;
  }
  if (!log_.take_line(address, now)) {
    ++p.suppressed;
    return;
  }
  ++p.reports;
  log_.write({source_, address.to_string(), rejection, printable_sample(sample), p.suppressed});
  p.suppressed = 0;
}

}  // namespace slipstream
