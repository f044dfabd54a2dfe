#include "broadcast/rollup_memory.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <ranges>
#include <utility>

namespace slipstream {
namespace {

bool matches(const RollupQuery& query, const Rollup& rollup) {
  return (query.track.empty() || query.track == rollup.track) &&
         (query.chassis.empty() || query.chassis == rollup.chassis) &&
         query.tags.matches(rollup.tags) && (!query.lap || *query.lap == rollup.lap) &&
         (!query.from || rollup.last_time >= *query.from) &&
         (!query.to || rollup.last_time <= *query.to);
}

std::string place_of(std::uint64_t number) {
  return fmt::format("m{}", number);
}

bool parse_place(const std::string& text, std::uint64_t& number) {
  const char* const end = text.data() + text.size();
  return text.front() == 'm' && std::from_chars(text.data() + 1, end, number).ptr == end;
}

}  // namespace

void RollupMemory::accept(const RollupBatch& rollups, std::span<const RollupRow>) {
  const std::lock_guard lock(mutex_);
  for (const auto& rollup : rollups) {
    if (rollup->stored) continue;
    auto& kept = by_window_[rollup->window];
    kept.push_back({next_number_++, rollup});
    if (kept.size() > max_rollups_) kept.pop_front();
  }
}

Result<RollupPage> RollupMemory::query(const RollupQuery& query) const {
  // Numbers grow: what comes later in a page has a lower one.
  std::uint64_t before = std::numeric_limits<std::uint64_t>::max();
  std::uint64_t first = before;
  std::uint64_t last = 0;
  for (const auto& [text, number] :
       {std::pair(&query.cursor, &before), std::pair(&query.first, &first),
        std::pair(&query.last, &last)}) {
    if (!text->empty() && !parse_place(*text, *number)) {
      return fail("the cursor is not one that this window's pages gave", ErrorCode::kRefused);
    }
  }
  // Encoded without the mutex.
  const std::vector<Kept> found = find(query, std::min(before - 1, first), last);
  RollupPage page;
  std::size_t bytes = 0;
  for (const Kept& kept : found) {
    std::string rollup;
    append_rollup_json(rollup, *kept.rollup, fields_);
    bytes += rollup.size();
    if (page.rollups.size() == query.limit || (bytes > query.max_bytes && !page.rollups.empty())) {
      page.next = page.places.back();
      break;
    }
    page.rollups.push_back(std::move(rollup));
    page.places.push_back(place_of(kept.number));
  }
  return page;
}

/// Newest first, one more than the page may hold; numbers from `last` to `first`.
std::vector<RollupMemory::Kept> RollupMemory::find(const RollupQuery& query, std::uint64_t first,
                                                   std::uint64_t last) const {
  std::vector<Kept> found;
  const std::lock_guard lock(mutex_);
  const auto window = by_window_.find(query.window);
  if (window == by_window_.end()) return found;
  for (const Kept& kept : window->second | std::views::reverse) {
    if (kept.number > first || !matches(query, *kept.rollup)) continue;
    if (kept.number < last || found.size() > query.limit) break;
    found.push_back(kept);
  }
  return found;
}

}  // namespace slipstream
