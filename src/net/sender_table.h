#pragma once
#include <boost/unordered/unordered_flat_map.hpp>
#include <chrono>
#include <cstdint>
#include <deque>

#include "net/address.h"

namespace slipstream {

struct SenderLimits {
  std::uint32_t connections = 0;          ///< open at once; 0: any number
  std::uint32_t requests_per_second = 0;  ///< and as many at once after silence; 0: no limit
};

/// How many connections each sender (Address::sender()) has, and how many requests it may still
/// send this second. Bounded: besides those with connections at most kMaxIdle are remembered, and
/// none for longer than it takes its allowance to be whole again. One thread.
class SenderTable {
 public:
  using Time = std::chrono::steady_clock::time_point;
  static constexpr std::size_t kMaxIdle = 4'096;

  explicit SenderTable(SenderLimits limits) : limits_(limits) {}

  /// Takes a connection. False: the sender has as many as it may; nothing was taken.
  bool open(const Address& sender, Time now);
  /// Gives one back that open() took.
  void close(const Address& sender, Time now);
  /// Takes a request off the sender's allowance. False: there is none left.
  bool may_request(const Address& sender, Time now);
  std::size_t size() const { return senders_.size(); }

 private:
  struct Sender {
    std::uint32_t connections = 0;
    double allowance = 0;
    Time refilled;
    bool is_queued = false;
  };
  Sender& find(const Address& address, Time now);
  void release(const Address& address, Sender& sender, Time now);
  void forget_idle(Time now);

  const SenderLimits limits_;
  boost::unordered_flat_map<Address, Sender, AddressHash> senders_;
  std::deque<std::pair<Time, Address>> idle_;  ///< to be looked at in turn; each once
};

}  // namespace slipstream
