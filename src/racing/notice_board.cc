#include "racing/notice_board.h"

#include <utility>

namespace slipstream {
namespace {

/// How long it has to hold, and not to hold. The figures of pace are of some twenty seconds, less
/// than a lap: in fast corners and slow ones they are others.
struct Patience {
  std::int64_t raise_ns;
  std::int64_t clear_ns;
};
Patience patience_of(std::string_view type) {
  if (type == "performance") return {10 * kNsPerSecond, 60 * kNsPerSecond};
  if (type == "gap_analysis") return {2 * kNsPerSecond, 5 * kNsPerSecond};
  return {0, 10 * kNsPerSecond};
}

}  // namespace

std::vector<Notice> NoticeBoard::update(std::vector<Notice> holding, Moment now) {
  std::vector<Notice> changes;
  for (auto& notice : holding) {
    Key key{notice.track, notice.chassis, notice.data.first};
    const auto [found, is_new] = states_.try_emplace(std::move(key));
    State& state = found->second;
    if (is_new) state.since = now.steady;
    state.held = now.steady;
    state.notice = std::move(notice);
    const Severity severity = state.notice.severity;
    const Patience patience = patience_of(state.notice.type);
    if (state.raised && severity >= *state.raised) state.was_as_severe = now.steady;
    const bool is_due = !state.raised ? now.steady - state.since >= patience.raise_ns
                                      : severity > *state.raised ||
                                            now.steady - state.was_as_severe >= patience.clear_ns;
    if (!is_due) continue;
    state.raised = severity;
    state.was_as_severe = now.steady;
    changes.push_back(state.notice);
  }
  for (auto entry = states_.begin(); entry != states_.end();) {
    State& state = entry->second;
    const std::int64_t clear_ns = patience_of(state.notice.type).clear_ns;
    const bool holds = state.held == now.steady;
    if (holds || (state.raised && now.steady - state.held < clear_ns)) {
      ++entry;
      continue;
    }
    if (state.raised) {
      state.notice.is_cleared = true;
      state.notice.timestamp_ms = now.wall.ns / kNsPerMs;
      changes.push_back(std::move(state.notice));
    }
    entry = states_.erase(entry);
  }
  return changes;
}

}  // namespace slipstream
