#pragma once
#include <chrono>
#include <cstdint>
#include <string>

#include "base/error.h"
#include "cli/server_counts.h"

namespace slipstream {

/// Asks a server what it counted of what it is sent by UDP, where nobody answers. It is asked every
/// so many items, so that no more are on their way than it keeps up with. One thread.
class UdpCheck {
 public:
  /// An item is a point, or a datagram that may be a part of one or hold several.
  enum class Items : std::uint8_t { kPoints, kDatagrams };

  UdpCheck(const BodySender::Server& server, Items items) : server_(server), items_(items) {}
  /// Counts from here on. Errors: it does not answer.
  Result<void> begin();

  /// So many items are sent so far: waits while too many of them are on their way.
  Result<void> after(std::uint64_t sent);
  /// Waits until all have come, or no more do.
  Result<void> after_all(std::uint64_t sent) { return wait_until_at_most(sent, 0); }

  /// Points that the server refused, and items that did not get to it.
  std::uint64_t refused(std::uint64_t sent) const;
  std::string outcome(std::uint64_t sent) const;

 private:
  Result<void> ask();
  Result<void> wait_until_at_most(std::uint64_t sent, std::uint64_t on_their_way);
  UdpCounts since() const;
  std::uint64_t accounted_for() const;
  std::uint64_t on_their_way(std::uint64_t sent) const;
  std::uint64_t missing(std::uint64_t sent) const;
  /// Datagrams of games are large: as many as the kernel's smallest buffer holds.
  std::uint64_t most_on_their_way() const { return items_ == Items::kPoints ? 1'000 : 60; }

  static constexpr std::chrono::milliseconds kBetween{5};
  static constexpr std::chrono::seconds kPatience{2};  ///< without one more that came

  ServerCounts server_;
  const Items items_;
  UdpCounts before_;
  UdpCounts now_;
  std::uint64_t given_up_ = 0;  ///< of those: waited for in vain
};

}  // namespace slipstream
