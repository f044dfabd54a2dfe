#pragma once
#include <cstdint>
#include <optional>

#include "model/outputs.h"
#include "window/window_set.h"

namespace slipstream {

/// Keeps a partition from handing its rollups over twice. After a restart the log is folded again
/// from a checkpoint, which gives once more what was handed over before: as long as the log is
/// whole, the same rollups with the same ids and numbers, which are told by their place in it.
///
/// Where entries of the log cannot be read any more (a gap), the fold goes another way than the
/// first time, and it cannot be told which of the windows that are open there were closed in the
/// part that is missing, or behind it:
///   - all are closed at the gap, with what they hold. Where the first run has closed one at the
///     same point, it gets the same id, by which the store drops it;
///   - what is opened behind the gap gets ids and numbers that no earlier run can have given, until
///     the entries are met that none had. So it has no id to be known by: where it is closed at a
///     further gap, its rollup names those that it may repeat (Rollup::may_repeat);
///   - the state behind the gap is kept, since the fold from before it does not lead there again.
///
/// Threads: the partition's.
class ReplayGuard {
 public:
  /// An earlier run got to `state`, and has handed over what came of the entries before it, or of
  /// further ones where the state says so. `sequence`: the number of the state's newest rollup.
  void begin(const PartitionState& state, std::uint64_t sequence);
  /// The fold is set to a state of this place, from which it goes on.
  void restarted(LogOffset at);

  /// The rollups that came of the entries before this one were handed over, in this run or before.
  LogOffset handed_over() const { return handed_over_.until; }
  /// What came of the entries before `position` is out: this is the newest rollup.
  void hand_over(LogOffset position, std::uint64_t sequence);

  /// To be called before the entry at `offset` is folded. True where it ends a replay that gave
  /// less than was handed over, since then all numbers have changed.
  bool meet(LogOffset offset, WindowSet& windows) const;
  /// The entries from `from` on cannot be read. Closes what is open, where rollups of entries
  /// behind were handed over before.
  void meet_gap(LogOffset from, WindowSet& windows, RollupBatch& closed);

  /// The state behind the newest gap, and the number of its newest rollup.
  void keep_state_behind_gap(PartitionState state, std::uint64_t sequence);
  /// That state, where one with this number and place is older, and the fold would meet the gap
  /// again; nullptr: there is none such, and it is not needed any more.
  const PartitionState* state_in_place_of(std::uint64_t sequence, LogOffset position);

 private:
  /// From here on neither numbers nor ids are those of what was handed over.
  void skip_numbers(WindowSet& windows) const;

  struct HandedOver {
    LogOffset until = 0;
    std::uint64_t sequence = 0;  ///< of the newest rollup
  };
  struct BehindGap {
    std::uint64_t sequence;
    PartitionState state;
  };
  HandedOver handed_over_;
  LogOffset restarted_at_ = 0;
  bool has_met_gap_ = false;  ///< since then, with rollups handed over from behind it
  std::optional<BehindGap> behind_gap_;
};

}  // namespace slipstream
