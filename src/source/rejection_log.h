#pragma once
#include <boost/unordered/unordered_flat_set.hpp>
#include <cstdint>
#include <functional>
#include <mutex>
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

/// What was refused within about a minute and is not in the log by itself.
struct LeftOutReport {
  std::uint64_t refusals = 0;
  std::size_t addresses = 0;  ///< that they came from (Address::sender())
  bool are_more = false;      ///< addresses than were counted
};

/// The one way of refusals to the log, for all sources: whoever is refused, and however many they
/// are, forged addresses of datagrams included, write no more than kLinesPerMinute lines, and one
/// that says how much was left out. A minute begins with the first refusal after the one before.
/// Bounded: kMaxCounted addresses are remembered, until the minute is over.
/// Threads: any. Lines are written by whoever calls.
class RejectionLog {
 public:
  static constexpr std::uint32_t kLinesPerMinute = 100;
  static constexpr std::size_t kMaxCounted = 4'096;

  struct Lines {
    std::function<void(const RejectionReport&)> refused = {};  ///< may be empty, as the other
    std::function<void(const LeftOutReport&)> left_out = {};
  };

  /// `not_logged` counts all that is left out.
  RejectionLog(Lines lines, Counter& not_logged)
      : lines_(std::move(lines)), not_logged_(not_logged) {}

  /// Takes one of the minute's lines for a refusal of that address, to be written by write().
  /// False: there is none left, and the refusal counts as left out.
  bool take_line(const Address& address, SteadyTime now);
  void write(const RejectionReport& report) const {
    if (lines_.refused) lines_.refused(report);
  }
  /// One that its address has no line left for.
  void leave_out(const Address& address, SteadyTime now);
  /// Says what was left out in a minute that is over. To be called now and then: where nothing is
  /// refused any more nobody else does.
  void tell(SteadyTime now);
  /// Says what has been left out so far.
  void finish();

 private:
  void begin_minute_if_due(SteadyTime now);
  void count_left_out(const Address& address);
  void tell_left_out();

  const Lines lines_;
  Counter& not_logged_;
  std::mutex mutex_;  // guards all below
  SteadyTime minute_began_ = kNever;
  std::uint32_t taken_ = 0;
  std::uint64_t left_out_ = 0;
  boost::unordered_flat_set<Address, AddressHash> addresses_;
  bool are_more_addresses_ = false;
};

}  // namespace slipstream
