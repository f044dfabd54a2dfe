#pragma once
#include <boost/unordered/unordered_flat_map.hpp>
#include <cstddef>
#include <cstdint>
#include <mutex>

#include "base/clock.h"

namespace slipstream {

/// Bounds how many series with tags one machine has, so that a tag whose values never end (a
/// request's number, a time) is refused instead of filling the windows' memory. A series counts for
/// an hour behind its last point. Of points without tags nothing is asked. All machines together
/// are bounded, too, in number and in bytes of tags. Threads: any.
class SeriesLimit {
 public:
  static constexpr std::size_t kMaxPerMachine = 10'000;
  static constexpr std::size_t kMaxInAll = 1'000'000;
  static constexpr std::size_t kMaxBytesInAll = std::size_t{256} << 20;
  static constexpr std::int64_t kKeptNs = 3'600 * kNsPerSecond;

  explicit SeriesLimit(std::size_t max_per_machine = kMaxPerMachine,
                       std::size_t max_in_all = kMaxInAll,
                       std::size_t max_bytes_in_all = kMaxBytesInAll)
      : max_per_machine_(max_per_machine),
        max_in_all_(max_in_all),
        max_bytes_in_all_(max_bytes_in_all) {}

  enum class Answer : std::uint8_t { kTaken, kMachineFull, kAllFull };

  /// Of a point that arrives now: it is taken where the series is known, or there is room for one
  /// more. `machine` and `series` are their hashes (series_hash()), `bytes` the tags' size.
  Answer admit(std::uint64_t machine, std::uint64_t series, std::size_t bytes, ArrivalTime now);
  /// A series that was taken before, however many there are.
  void restore(std::uint64_t machine, std::uint64_t series, std::size_t bytes, ArrivalTime last);

  std::size_t max_per_machine() const { return max_per_machine_; }
  std::size_t size() const;

 private:
  struct Series {
    std::int64_t last_ns = 0;
    std::size_t bytes = 0;
  };
  struct Machine {
    boost::unordered_flat_map<std::uint64_t, Series> series;
    std::int64_t looked_ns = 0;  ///< for series whose hour is over
  };

  bool is_full_in_all(std::size_t bytes) const;
  bool make_room(Machine& machine, std::int64_t now_ns);
  void make_room_in_all(std::int64_t now_ns);
  void forget_old(Machine& machine, std::int64_t now_ns);
  void add(Machine& machine, std::uint64_t series, std::size_t bytes, ArrivalTime last);

  const std::size_t max_per_machine_;
  const std::size_t max_in_all_;
  const std::size_t max_bytes_in_all_;
  mutable std::mutex mutex_;  // guards all below
  boost::unordered_flat_map<std::uint64_t, Machine> machines_;
  std::size_t size_ = 0;
  std::size_t bytes_ = 0;
  std::int64_t looked_ns_ = 0;
};

}  // namespace slipstream
