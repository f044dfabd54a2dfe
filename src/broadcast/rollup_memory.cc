#include "broadcast/rollup_memory.h"

#include <fmt/format.h>

#include <charconv>
#include <limits>
#include <vector>

namespace slipstream {
namespace {

bool matches(const RollupQuery& query, const Rollup& rollup) {
  return (query.track.empty() || query.track == rollup.track) &&
         (query.chassis.empty() || query.chassis == rollup.chassis) &&
         (!query.lap || *query.lap == rollup.lap) &&
         (!query.from || rollup.last_time >= *query.from) &&
         (!query.to || rollup.last_time <= *query.to);
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
  std::uint64_t before = std::numeric_limits<std::uint64_t>::max();
  if (!query.cursor.empty()) {
    const char* const end = query.cursor.data() + query.cursor.size();
    if (query.cursor.front() != 'm' ||
        std::from_chars(query.cursor.data() + 1, end, before).ptr != end) {
      return fail("the cursor is not one that this window's pages gave");
    }
  }
  std::vector<RollupPtr> found;
  std::uint64_t last_number = 0;
  bool more = false;
  {
    const std::lock_guard lock(mutex_);
    const auto window = by_window_.find(query.window);
    if (window == by_window_.end()) return RollupPage{};
    for (auto kept = window->second.rbegin(); kept != window->second.rend(); ++kept) {
      if (kept->number >= before || !matches(query, *kept->rollup)) continue;
      if (found.size() == query.limit) {
        more = true;
        break;
      }
      found.push_back(kept->rollup);
      last_number = kept->number;
    }
  }
  RollupPage page;
  for (const auto& rollup : found) {
    append_rollup_json(page.rollups.emplace_back(), *rollup, fields_);
  }
  if (more) page.next = fmt::format("m{}", last_number);
  return page;
}

}  // namespace slipstream
