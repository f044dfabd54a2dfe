#include "pipeline/replay_guard.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "base/check.h"

namespace slipstream {

void ReplayGuard::begin(const PartitionState& state, std::uint64_t sequence) {
  handed_over_ = {state.offset, sequence};
  if (state.committed_offset) {
    handed_over_ = {std::max(state.offset, *state.committed_offset),
                    std::max(sequence, state.sequence)};
  }
}

void ReplayGuard::restarted(LogOffset at) {
  restarted_at_ = at;
  has_met_gap_ = false;
}

void ReplayGuard::hand_over(LogOffset position, std::uint64_t sequence) {
  handed_over_.until = std::max(handed_over_.until, position);
  handed_over_.sequence = std::max(handed_over_.sequence, sequence);
}

bool ReplayGuard::meet(LogOffset offset, WindowSet& windows) const {
  if (offset < handed_over_.until) return false;
  // What was folded again may give less than the first time, though nothing of the log is missing.
  const bool gave_less = windows.sequence() < handed_over_.sequence;
  if (gave_less) skip_numbers(windows);
  windows.earlier_rollups().clear();
  return gave_less;
}

void ReplayGuard::meet_gap(LogOffset from, WindowSet& windows, RollupBatch& closed) {
  if (from >= handed_over_.until) return;
  CHECK(closed.empty(), "only what the gap closes may name what it repeats");
  const std::vector<SequenceRange> may_repeat = windows.earlier_rollups().ranges();
  if (!std::exchange(has_met_gap_, true)) {
    windows.earlier_rollups().add({windows.sequence(), handed_over_.sequence});
  }
  skip_numbers(windows);
  windows.close_all(closed);
  for (RollupPtr& rollup : closed) {
    const auto doubtful = std::make_shared<Rollup>(*rollup);
    doubtful->may_repeat = may_repeat;
    rollup = doubtful;
  }
}

void ReplayGuard::skip_numbers(WindowSet& windows) const {
  windows.skip_numbers_of(handed_over_.sequence,
                          std::max(handed_over_.until, restarted_at_) - restarted_at_);
}

void ReplayGuard::keep_state_behind_gap(PartitionState state, std::uint64_t sequence) {
  CHECK(state.offset > restarted_at_, "a gap is passed forwards");
  CHECK(
      !behind_gap_ || behind_gap_->state.offset < state.offset || behind_gap_->sequence <= sequence,
      "numbers go on behind each gap");
  behind_gap_ = {sequence, std::move(state)};
}

const PartitionState* ReplayGuard::state_in_place_of(std::uint64_t sequence, LogOffset position) {
  if (!behind_gap_) return nullptr;
  if (std::pair(sequence, position) < std::pair(behind_gap_->sequence, behind_gap_->state.offset)) {
    return &behind_gap_->state;
  }
  behind_gap_.reset();
  return nullptr;
}

}  // namespace slipstream
