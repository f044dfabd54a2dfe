#pragma once
#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/counters.h"
#include "model/rejection.h"
#include "net/address.h"

namespace slipstream {

/// What is told of a refused point.
struct RejectionReport {
  std::string_view source;   ///< "udp", "http"
  std::string_view address;  ///< without its port
  const Rejection& rejection;
  std::string_view sample;   ///< at most 200 bytes of what was refused
  std::uint64_t suppressed;  ///< reports of this address left out since the one before
};
using RejectionLogger = std::function<void(const RejectionReport&)>;

/// Per sender (Address::sender(): of IPv6 the /64 network; ports do not count): how many errors may
/// still be logged this minute, and how many points may come this second. Bounded: when it is full,
/// the sender heard of longest ago of a few is forgotten. One thread.
class PeerTable {
 public:
  static constexpr std::size_t kMaxPeers = 4096;
  static constexpr std::uint32_t kReportsPerMinute = 10;
  static constexpr std::size_t kMaxSampleBytes = 200;

  PeerTable(std::string_view source, std::uint32_t points_per_second, RejectionLogger logger,
            Counter& not_logged)
      : source_(source),
        points_per_second_(points_per_second),
        logger_(std::move(logger)),
        not_logged_(not_logged) {}

  /// Logs the rejection if its address has reports left.
  void report(const Address& address, const Rejection& rejection, std::string_view sample,
              ArrivalTime now);
  /// Whether the address may send now. Always, where no limit is set.
  bool may_send(const Address& address, ArrivalTime now) {
    return points_per_second_ == 0 || refill(address, now) >= 1;
  }
  /// Whole seconds until the address may send again, if nothing comes in between.
  std::int64_t seconds_to_wait(const Address& address, ArrivalTime now);
  /// Takes the points off the address's allowance, which may go below zero: what came at once is
  /// owed in full.
  void spend(const Address& address, std::size_t points, ArrivalTime now);
  std::size_t size() const { return peers_.size(); }

 private:
  struct Peer {
    ArrivalTime last_seen;
    ArrivalTime minute_began;
    std::uint32_t reports = 0;
    std::uint64_t suppressed = 0;
    double tokens = 0;
    ArrivalTime refilled;
  };

  Peer& peer(const Address& source, ArrivalTime now);
  double refill(const Address& address, ArrivalTime now);
  void evict();

  const std::string source_;
  const std::uint32_t points_per_second_;
  const RejectionLogger logger_;
  Counter& not_logged_;
  boost::unordered_flat_map<Address, Peer, AddressHash> peers_;
};

/// The start of `text` as one printable line.
std::string printable_sample(std::string_view text, std::size_t limit = PeerTable::kMaxSampleBytes);

}  // namespace slipstream
