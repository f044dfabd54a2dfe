#include "app/lost_ranges.h"

#include <algorithm>
#include <iterator>

namespace slipstream {
namespace {

/// Takes up `next`, where it goes on with what `range` is.
bool extend(LostRange& range, const LostRange& next) {
  if (range.to != next.from || range.file != next.file || range.why != next.why) return false;
  range.to = next.to;
  return true;
}

}  // namespace

std::vector<LostRange> LostRanges::add(const LostRange& range) {
  const std::lock_guard lock(mutex_);
  std::vector<LostRange> fresh;
  std::uint64_t at = range.from;
  auto known = ranges_.upper_bound(at);
  if (known != ranges_.begin()) at = std::max(at, std::prev(known)->second.to);
  for (; at < range.to; at = known->second.to, ++known) {
    const bool is_last = known == ranges_.end() || known->first >= range.to;
    const std::uint64_t to = is_last ? range.to : known->first;
    if (at < to) fresh.push_back({at, to, range.file, range.why});
    if (is_last) break;
  }
  for (const LostRange& part : fresh) insert(part);
  return fresh;
}

void LostRanges::insert(const LostRange& range) {
  entries_ += range.to - range.from;
  auto at = ranges_.emplace(range.from, range).first;
  if (at != ranges_.begin() && extend(std::prev(at)->second, at->second)) {
    at = std::prev(ranges_.erase(at));
  }
  const auto next = std::next(at);
  if (next != ranges_.end() && extend(at->second, next->second)) ranges_.erase(next);
}

std::vector<LostRange> LostRanges::list(std::size_t limit) const {
  const std::lock_guard lock(mutex_);
  std::vector<LostRange> list;
  for (const auto& [from, range] : ranges_) {
    if (list.size() == limit) break;
    list.push_back(range);
  }
  return list;
}

std::uint64_t LostRanges::entries() const {
  const std::lock_guard lock(mutex_);
  return entries_;
}

}  // namespace slipstream
