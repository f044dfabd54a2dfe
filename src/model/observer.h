#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "model/alert.h"
#include "model/lap.h"
#include "model/mark.h"
#include "model/point.h"
#include "model/rollup.h"

namespace slipstream {

/// What an observer knows of the points before, where a restart must not make it forget. It is
/// written whole with every checkpoint of its partition, so it is small: some kilobytes. The bytes
/// are the observer's own; they begin with a version of theirs.
class ObserverState {
 public:
  virtual ~ObserverState() = default;
  virtual void save(std::string& out) const = 0;
  /// Takes up what save() gave, in place of all that it knows. Errors: damage, an unknown version.
  virtual Result<void> restore(std::string_view bytes) = 0;
  /// As new: there is no checkpoint, or none that it was in.
  virtual void clear() = 0;
};

/// Looks at one partition's points and rollups beside its windows. It may keep neither the points
/// nor their batch. Where it throws, the partition's work has failed (Supervisor).
///
/// One without a state works for whoever looks on now: it is told of accepted points when they are
/// folded, never of what a replay reads again, likewise of marks; and of rollups when they are
/// handed over.
///
/// One with a state is a pure function of the log, as the windows are:
///   - it is told of every point that is folded, also in a replay, and of every rollup right behind
///     the point or tick that closed it, also where that rollup was handed over before;
///   - it is told of every mark behind the points that stand before it in the log, and before those
///     behind it;
///   - it is told of every tick of the log, which is the only time that it may know;
///   - how points are cut into calls is another with each replay, and must mean nothing to it;
///   - what it gives to others it may give again after a restart; its state may know neither the
///     time of day nor what tick() tells;
///   - what is to be committed beside the rollups it gives to take_told(), or take_alerts().
/// Its state goes back to the checkpoint together with the windows, and into nothing when the
/// layout changes.
/// Threads: the one that folds the partition (Partition).
class PartitionObserver {
 public:
  virtual ~PartitionObserver() = default;
  /// Its state's name in checkpoints: of all observers of a partition no two have the same.
  virtual std::string_view name() const = 0;
  /// Completed points of `batch`, in their order.
  virtual void observe(const PointBatch& batch, std::span<const Point> points) = 0;
  void observe(const PointBatch& batch) { observe(batch, batch.points); }
  /// Every partition's observers are told of every mark, whichever machine it is about; a stream's
  /// partition of those that instances took, and those that others wrote into its stream.
  virtual void observe_mark(const Mark& /*mark*/) {}
  /// The log's clock, in the order of the log; for those with a state.
  virtual void observe_time(ArrivalTime /*now*/) {}
  virtual void observe_closed(std::span<const RollupPtr> /*rollups*/) {}
  /// Called every 50 ms or so while the partition works, and at the latest some 50 ms after the
  /// time that next_tick() tells.
  virtual void tick(SteadyTime now) = 0;
  /// kForever: a tick is of no use before points come again.
  virtual SteadyTime next_tick() const { return kNever; }
  /// The series with this number is forgotten; another one may get the number.
  virtual void forget(std::uint32_t series) = 0;
  /// Adds what has come to be told since the last call; for those with a state. Called behind each
  /// piece of work, and before a checkpoint (`is_checkpoint`), for what only has to be told now and
  /// then.
  virtual void take_told(ToldLaps& /*into*/, bool /*is_checkpoint*/) {}
  /// Adds the alerts that were raised or cleared since the last call; for those with a state. What
  /// is told again after a restart is known by its id.
  virtual void take_alerts(std::vector<Alert>& /*into*/) {}
  /// nullptr: it has none.
  virtual ObserverState* state() { return nullptr; }
};
using PartitionObservers = std::vector<std::unique_ptr<PartitionObserver>>;

}  // namespace slipstream
