#pragma once
#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "model/rejection.h"
#include "net/address.h"
#include "source/rejection_log.h"

namespace slipstream {

/// Per sender (Address::sender(): of IPv6 the /64 network; ports do not count): how many errors may
/// still be logged this minute, and how many points may come this second. Bounded: when it is full,
/// the sender heard of longest ago of a few is forgotten. Any thread; it locks for each datagram
/// only where there is a limit of points, and else for refusals alone.
class PeerTable {
 public:
  static constexpr std::size_t kMaxPeers = 4096;
  static constexpr std::uint32_t kReportsPerMinute = 10;
  static constexpr std::size_t kMaxSampleBytes = 200;

  /// Borrows the log.
  PeerTable(std::string_view source, std::uint32_t points_per_second, RejectionLog& log)
      : source_(source), points_per_second_(points_per_second), log_(log) {}

  /// Hands the rejection to the log if its address has reports left.
  void report(const Address& address, const Rejection& rejection, std::string_view sample,
              SteadyTime now);
  /// Whether the address may send now. Always, where no limit is set.
  bool may_send(const Address& address, SteadyTime now) {
    return points_per_second_ == 0 || has_allowance(address, now);
  }
  /// Whole seconds until the address may send again, if nothing comes in between.
  std::int64_t seconds_to_wait(const Address& address, SteadyTime now);
  /// Takes the points off the address's allowance, which may go below zero: what came at once is
  /// owed in full.
  void spend(const Address& address, std::size_t points, SteadyTime now) {
    if (points_per_second_ != 0) take_off(address, points, now);
  }
  std::size_t size() const;

 private:
  struct Peer {
    SteadyTime last_seen;
    SteadyTime minute_began;
    std::uint32_t reports = 0;
    std::uint64_t suppressed = 0;
    double tokens = 0;
    SteadyTime refilled;
  };

  bool has_allowance(const Address& address, SteadyTime now);
  void take_off(const Address& address, std::size_t points, SteadyTime now);
  std::optional<std::uint64_t> take_report(const Address& address, SteadyTime now);
  Peer& peer_locked(const Address& source, SteadyTime now);
  double refill_locked(const Address& address, SteadyTime now);
  void evict_locked();

  const std::string source_;
  const std::uint32_t points_per_second_;
  RejectionLog& log_;
  mutable std::mutex mutex_;  // guards all below
  boost::unordered_flat_map<Address, Peer, AddressHash> peers_;
};

/// The start of `text` as one printable line.
std::string printable_sample(std::string_view text, std::size_t limit = PeerTable::kMaxSampleBytes);

}  // namespace slipstream
