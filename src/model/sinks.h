#pragma once
#include <cstdint>
#include <string_view>
#include <vector>

#include "model/point.h"
#include "model/rollup.h"

namespace slipstream {

/// The joints between rooms: who produces calls these, app/ plugs in who consumes.

/// Where sources hand their batches over, none of them empty, each of one source's points.
/// Implemented by the pipeline.
/// Threads: any.
class PointSink {
 public:
  virtual ~PointSink() = default;
  virtual std::uint32_t partitions() const = 0;
  /// Takes the batch and leaves nullptr, or leaves it untouched when its partition's queue is full.
  virtual bool offer(PointBatchPtr& batch) = 0;
  /// Takes all of the batches or none of them.
  virtual bool offer_all(std::vector<PointBatchPtr>& batches) = 0;
};

/// Looks at accepted points as their partition's worker passes them on; may not keep the batch.
/// Threads: the partition's worker.
class PointObserver {
 public:
  virtual ~PointObserver() = default;
  virtual void observe(const PointBatch& accepted) = 0;
  /// Called at least every 100 ms, points or not.
  virtual void tick(ArrivalTime now) = 0;
  /// The series with this number is forgotten; another one may get the number.
  virtual void forget(std::uint32_t series) = 0;
};

/// Takes accepted points for good. Must not block: what it cannot take it drops and counts.
/// Threads: every worker.
class AcceptedSink {
 public:
  virtual ~AcceptedSink() = default;
  virtual void accept(PointBatchPtr batch) = 0;
};

/// Takes closed windows. Threads: every worker.
class RollupSink {
 public:
  virtual ~RollupSink() = default;
  virtual void accept(const RollupBatch& rollups) = 0;
};

/// Tells sectors by distance. Threads: any; answers stay valid for the life of the process.
class SectorMap {
 public:
  virtual ~SectorMap() = default;
  virtual std::int32_t sector_at(std::string_view track, double lapdist_m) const = 0;
};

}  // namespace slipstream
