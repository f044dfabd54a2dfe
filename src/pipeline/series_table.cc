#include "pipeline/series_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace slipstream {

std::uint32_t SeriesTable::find_or_add(const PointBatch& batch, const Point& point,
                                       std::string_view tags, std::vector<std::uint32_t>& evicted,
                                       std::uint32_t kept) {
  const auto track = batch.track(point);
  const auto chassis = batch.chassis(point);
  const std::uint64_t hash = series_hash(point.series_hash, tags);
  const std::uint32_t known = find(hash, track, chassis, tags);
  if (known != kNone) return known;
  if (size_ >= max_series_ && size_ > 0) evict_oldest(evicted, kept);

  auto number = numbers_end();
  if (free_.empty()) {
    states_.emplace_back();
    next_of_hash_.push_back(kNone);
  } else {
    number = *free_.begin();
    free_.erase(free_.begin());
  }
  SeriesState& state = states_[number];
  CHECK(!state.in_use, "a number is one series' at a time");
  state.name = {track, chassis, tags};
  state.hash = hash;
  link(number);
  CHECK(size_ <= std::max<std::size_t>(max_series_, kept == kNone ? 1 : 2),
        "the table keeps to its bound");
  return number;
}

Result<void> SeriesTable::restore(std::uint32_t number, SeriesState state) {
  const auto refuse = [number](std::string_view why) {
    return fail(fmt::format("saved series {}: {}", number, why));
  };
  if (number > kMaxNumber) return refuse("no such number");
  if (number < numbers_end() && states_[number].in_use) return refuse("its number is in use");
  if (find(state.hash, state.name.track(), state.name.chassis(), state.name.tags()) != kNone) {
    return refuse("it has another number already");
  }
  while (numbers_end() <= number) {
    free_.insert(free_.end(), numbers_end());
    states_.emplace_back();
    next_of_hash_.push_back(kNone);
  }
  free_.erase(number);
  states_[number] = std::move(state);
  link(number);
  return {};
}

std::uint32_t SeriesTable::find(std::uint64_t hash, std::string_view track,
                                std::string_view chassis, std::string_view tags) const {
  const auto first = first_of_hash_.find(hash);
  std::uint32_t number = first == first_of_hash_.end() ? kNone : first->second;
  const auto is_it = [&](const SeriesName& name) {
    return name.chassis() == chassis && name.track() == track && name.tags() == tags;
  };
  while (number != kNone && !is_it(states_[number].name)) number = next_of_hash_[number];
  return number;
}

void SeriesTable::link(std::uint32_t number) {
  states_[number].in_use = true;
  const auto [first, is_new] = first_of_hash_.emplace(states_[number].hash, number);
  next_of_hash_[number] = is_new ? kNone : std::exchange(first->second, number);
  ++size_;
}

void SeriesTable::unlink(std::uint32_t number) {
  const auto first = first_of_hash_.find(states_[number].hash);
  CHECK(states_[number].in_use, "only a series that is there is forgotten");
  CHECK(first != first_of_hash_.end(), "a series in use is found by its hash");
  std::uint32_t* at = &first->second;
  while (*at != number) at = &next_of_hash_[*at];
  *at = next_of_hash_[number];
  if (first->second == kNone) first_of_hash_.erase(first);
  states_[number] = SeriesState{};
  free_.insert(number);
  --size_;
}

/// A sixteenth goes at once, since finding the oldest looks at all.
void SeriesTable::evict_oldest(std::vector<std::uint32_t>& evicted, std::uint32_t kept) {
  std::vector<std::uint32_t> in_use;
  in_use.reserve(size_);
  for (std::uint32_t number = 0; number < numbers_end(); ++number) {
    if (states_[number].in_use && number != kept) in_use.push_back(number);
  }
  const std::size_t excess = size_ + 1 - std::min(size_, max_series_);
  const std::size_t share = std::min(in_use.size(), std::max(excess, size_ / 16));
  const auto end = in_use.begin() + static_cast<std::ptrdiff_t>(share);
  const auto age = [&](std::uint32_t n) { return std::pair(states_[n].last_arrival, n); };
  std::ranges::partial_sort(in_use, end, {}, age);
  std::for_each(in_use.begin(), end, [&](std::uint32_t number) { unlink(number); });
  evicted.insert(evicted.end(), in_use.begin(), end);
}

}  // namespace slipstream
