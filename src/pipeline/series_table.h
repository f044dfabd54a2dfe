#pragma once
#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <set>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "model/point.h"
#include "pipeline/series_state.h"

namespace slipstream {

/// Numbers the series of a partition, densely, so that others keep theirs in vectors. Bounded: when
/// it is full, the series seen longest ago give up their places. One thread.
///
/// Numbers and evictions follow from the series in use alone, not from how the table came to hold
/// them: a table restored from another's series goes on as that one does.
class SeriesTable {
 public:
  /// A saved number beyond is damage: nothing should be allocated for it.
  static constexpr std::uint32_t kMaxNumber = (1u << 24) - 1;

  /// How many there may be, unless settings say otherwise.
  static constexpr std::size_t kMaxSeries = 100'000;

  static constexpr std::uint32_t kNone = Point::kNoSeries;

  explicit SeriesTable(std::size_t max_series) : max_series_(max_series) {}

  /// The number of the series of the point's machine with those tags; a new one gets the smallest
  /// that is free. Before, evicted numbers are appended to `evicted`, oldest series first, whose
  /// windows are to be closed; `kept` is none of them.
  std::uint32_t find_or_add(const PointBatch& batch, const Point& point, std::string_view tags,
                            std::vector<std::uint32_t>& evicted, std::uint32_t kept = kNone);
  /// Puts a series back under its old number. There may be more than `max_series` of them, saved
  /// when that was higher: the next new series makes room.
  Result<void> restore(std::uint32_t number, SeriesState state);
  SeriesState& operator[](std::uint32_t number) { return states_[number]; }
  const SeriesState& operator[](std::uint32_t number) const { return states_[number]; }
  std::size_t size() const { return size_; }
  bool in_use(std::uint32_t number) const {
    return number < numbers_end() && !free_.contains(number);
  }
  /// All numbers in use are less.
  std::uint32_t numbers_end() const { return static_cast<std::uint32_t>(states_.size()); }

 private:
  std::uint32_t find(std::uint64_t hash, std::string_view track, std::string_view chassis,
                     std::string_view tags) const;
  void link(std::uint32_t number);
  void unlink(std::uint32_t number);
  void evict_oldest(std::vector<std::uint32_t>& evicted, std::uint32_t kept);

  const std::size_t max_series_;
  std::size_t size_ = 0;
  // Two names may share a hash, by chance or by design: series of one hash form a chain.
  boost::unordered_flat_map<std::uint64_t, std::uint32_t> first_of_hash_;
  std::vector<std::uint32_t> next_of_hash_;  // by number; kNone: the chain's last
  std::vector<SeriesState> states_;
  std::set<std::uint32_t> free_;  // of the numbers below numbers_end()
};

}  // namespace slipstream
