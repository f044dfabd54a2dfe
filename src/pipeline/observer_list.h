#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "model/observer.h"

namespace slipstream {

/// The observers of one partition: tells each what it is to be told (PartitionObserver says what
/// that is), and puts their states into the partition's own numbers of a checkpoint.
/// Threads: the partition's.
class ObserverList {
 public:
  using Warn = std::function<void(const std::string&)>;

  explicit ObserverList(PartitionObservers observers);

  /// Work begins; of `closed`, which is the list of what it closes, nothing is told yet.
  void begin_work() { told_points_ = told_closed_ = 0; }
  /// Of the batch at hand all points before `end` are folded. To be called before a series is
  /// forgotten, behind a point that closed something, and at the end; for observers with a state.
  void folded(const PointBatch& batch, std::size_t end, const RollupBatch& closed);
  /// What a tick, a gap or a forgotten series closed; likewise.
  void closed(const RollupBatch& closed);

  /// For those without a state: live points, and rollups that are handed over.
  void accepted(const PointBatch& batch) {
    for (PartitionObserver* const observer : stateless_) observer->observe(batch);
  }
  /// In a replay those without a state are not told.
  void marked(const Mark& mark, bool is_replayed) {
    for (PartitionObserver* const observer : stateful_) observer->observe_mark(mark);
    if (is_replayed) return;
    for (PartitionObserver* const observer : stateless_) observer->observe_mark(mark);
  }
  void passed(ArrivalTime now) {
    for (PartitionObserver* const observer : stateful_) observer->observe_time(now);
  }
  void take_told(ToldLaps& into, bool is_checkpoint) {
    for (PartitionObserver* const observer : stateful_) observer->take_told(into, is_checkpoint);
  }
  void take_alerts(std::vector<Alert>& into) {
    for (PartitionObserver* const observer : stateful_) observer->take_alerts(into);
  }
  void handed_over(const RollupBatch& rollups) {
    if (rollups.empty()) return;
    for (PartitionObserver* const observer : stateless_) observer->observe_closed(rollups);
  }

  void tick(SteadyTime now) {
    for (const auto& observer : observers_) observer->tick(now);
  }
  SteadyTime next_tick() const {
    SteadyTime next = kForever;
    for (const auto& observer : observers_) next = std::min(next, observer->next_tick());
    return next;
  }
  void forget(std::uint32_t series) {
    for (const auto& observer : observers_) observer->forget(series);
  }

  /// Puts the states beside what is saved of the windows; without any, that stays as it is.
  void save(std::string& windows) const;
  /// Takes up the states that save() put there, and returns what it put them beside. An observer
  /// that has none there begins anew; a state whose observer is not here any more is let go, with
  /// a word of warning. Errors: damage.
  Result<std::string_view> restore(std::string_view saved, const Warn& warn);
  /// All begin anew.
  void clear();

 private:
  const PartitionObservers observers_;
  std::vector<PartitionObserver*> stateless_;
  std::vector<PartitionObserver*> stateful_;
  std::size_t told_points_ = 0;  ///< of the batch at hand
  std::size_t told_closed_ = 0;  ///< of what the work at hand closed
};

}  // namespace slipstream
