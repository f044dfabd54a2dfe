#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <boost/unordered/unordered_flat_map.hpp>

#include "model/point.h"
#include "pipeline/sequence_tracker.h"

namespace slipstream {

/// What a partition knows of a series beyond its windows.
struct SeriesState {
  std::string track;
  std::string chassis;
  ArrivalTime last_arrival;
  std::int16_t lap = 0;          ///< the last good one
  std::int32_t sector = 0;       ///< the last known one ...
  std::int16_t sector_lap = -1;  ///< ... and the lap it was in
  SequenceTracker sequence;
  bool in_use = false;
};

/// Numbers the series of a partition, densely, so that others keep theirs in vectors. Bounded: when
/// it is full, the series seen longest ago give up their places. One thread.
class SeriesTable {
 public:
  explicit SeriesTable(std::size_t max_series) : max_series_(max_series) {}

  /// The number of the point's series; a new one gets one. Before, evicted numbers are appended to
  /// `evicted`, whose windows are to be closed.
  std::uint32_t find_or_add(const PointBatch& batch, const Point& point,
                            std::vector<std::uint32_t>& evicted);
  SeriesState& operator[](std::uint32_t number) { return states_[number]; }
  std::size_t size() const { return by_hash_.size(); }

 private:
  void evict_oldest(std::vector<std::uint32_t>& evicted);

  const std::size_t max_series_;
  boost::unordered_flat_map<std::uint64_t, std::uint32_t> by_hash_;
  std::vector<SeriesState> states_;
  std::vector<std::uint64_t> hashes_;  ///< by number: its key in by_hash_
  std::vector<std::uint32_t> free_;
};

}  // namespace slipstream
