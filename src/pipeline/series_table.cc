#include "pipeline/series_table.h"

#include <algorithm>

namespace slipstream {

std::uint32_t SeriesTable::find_or_add(const PointBatch& batch, const Point& point,
                                       std::vector<std::uint32_t>& evicted) {
  const auto track = batch.track(point);
  const auto chassis = batch.chassis(point);
  std::uint64_t hash = point.series_hash;
  // Two names may share a hash, by chance or by design: the next free one serves.
  for (auto known = by_hash_.find(hash); known != by_hash_.end(); known = by_hash_.find(++hash)) {
    const SeriesState& state = states_[known->second];
    if (state.chassis == chassis && state.track == track) return known->second;
  }
  if (by_hash_.size() >= max_series_) evict_oldest(evicted);

  std::uint32_t number;
  if (free_.empty()) {
    number = static_cast<std::uint32_t>(states_.size());
    states_.emplace_back();
    hashes_.emplace_back();
  } else {
    number = free_.back();
    free_.pop_back();
  }
  SeriesState& state = states_[number];
  state.track = track;
  state.chassis = chassis;
  state.in_use = true;
  hashes_[number] = hash;
  by_hash_.emplace(hash, number);
  return number;
}

void SeriesTable::evict_oldest(std::vector<std::uint32_t>& evicted) {
  std::vector<std::uint32_t> in_use;
  in_use.reserve(by_hash_.size());
  for (const auto& [hash, number] : by_hash_) in_use.push_back(number);
  const std::size_t share = std::max<std::size_t>(1, in_use.size() / 16);
  const auto end = in_use.begin() + static_cast<std::ptrdiff_t>(share);
  std::ranges::nth_element(in_use, end - 1, {},
                           [&](std::uint32_t n) { return states_[n].last_arrival; });
  for (auto number = in_use.begin(); number != end; ++number) {
    by_hash_.erase(hashes_[*number]);
    states_[*number] = SeriesState{};
    free_.push_back(*number);
    evicted.push_back(*number);
  }
}

}  // namespace slipstream
