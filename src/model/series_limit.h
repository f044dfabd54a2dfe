#pragma once
#include <boost/unordered/unordered_flat_map.hpp>
#include <cstddef>
#include <cstdint>
#include <mutex>

#include "base/clock.h"

namespace slipstream {

/// Bounds how many series with tags one machine has, so that a tag whose values never end (a
/// request's number, a time) is refused instead of filling the windows' memory. A series counts for
/// an hour behind its last point. Of points without tags nothing is asked.
/// Threads: any.
class SeriesLimit {
 public:
  static constexpr std::size_t kMaxPerMachine = 10'000;
  static constexpr std::size_t kMaxInAll = 1'000'000;
  static constexpr std::int64_t kKeptNs = 3'600 * kNsPerSecond;

  explicit SeriesLimit(std::size_t max_per_machine = kMaxPerMachine,
                       std::size_t max_in_all = kMaxInAll)
      : max_per_machine_(max_per_machine), max_in_all_(max_in_all) {}

  /// Whether a point of that series, which arrives now, is taken: the series is known, or there is
  /// room for one more. `machine` and `series` are their hashes (series_hash()).
  bool admit(std::uint64_t machine, std::uint64_t series, ArrivalTime now);
  /// A series from before a restart, however many there are.
  void restore(std::uint64_t machine, std::uint64_t series, ArrivalTime last);

  std::size_t max_per_machine() const { return max_per_machine_; }
  std::size_t size() const;

 private:
  struct Machine {
    boost::unordered_flat_map<std::uint64_t, std::int64_t> last_ns_by_series;
    std::int64_t looked_ns = 0;  ///< for series whose hour is over
  };

  bool make_room(Machine& machine, std::int64_t now_ns);
  void make_room_in_all(std::int64_t now_ns);
  std::size_t forget_old(Machine& machine, std::int64_t now_ns);

  const std::size_t max_per_machine_;
  const std::size_t max_in_all_;
  mutable std::mutex mutex_;  // guards all below
  boost::unordered_flat_map<std::uint64_t, Machine> machines_;
  std::size_t size_ = 0;
  std::int64_t looked_ns_ = 0;
};

}  // namespace slipstream
