#pragma once
#include <cstdint>
#include <expected>
#include <functional>
#include <limits>
#include <span>
#include <string_view>
#include <vector>

#include "model/mark.h"
#include "model/observer.h"
#include "model/outputs.h"
#include "model/point.h"
#include "model/rollup.h"
#include "model/stored_alerts.h"
#include "model/stored_laps.h"
#include "model/stored_marks.h"
#include "model/stored_rollups.h"

namespace slipstream {

/// The joints between rooms: who produces calls these, app/ plugs in who consumes.

/// A mark among batches that are handed over together: behind so many of them.
struct MarkAmong {
  std::size_t after = 0;
  MarkPtr mark = {};
};

/// The batches of one body and the marks among them, taken together or not at all, also by the log.
struct Body {
  std::vector<PointBatchPtr> batches = {};
  std::vector<MarkAmong> marks = {};             ///< in their order
  Durability durability = Durability::kFsynced;  ///< that its sender will wait for
  const AnsweredKey* key = nullptr;              ///< goes into the log with the points
  SampledTracePtr sampled = {};                  ///< of the body; its batches have it too
};

/// Calls back with each batch and each mark, in their order.
template <typename Batches, typename Marks, typename OnBatch, typename OnMark>
void for_each_in_order(Batches& batches, const Marks& marks, OnBatch on_batch, OnMark on_mark) {
  std::size_t given = 0;
  for (const MarkAmong& one : marks) {
    for (; given < one.after; ++given) on_batch(batches[given]);
    on_mark(one.mark);
  }
  for (; given < batches.size(); ++given) on_batch(batches[given]);
}

enum class Refusal : std::uint8_t {
  kFull,       ///< too much waits for the log
  kQueueFull,  ///< a partition's queue has no room
  kNoMemory,
  kLogUnavailable,  ///< nothing can be made as durable as asked at the moment
  kTooManyMarks,    ///< they would never be taken together
};

/// Where sources hand their batches over, none of them empty, each of one source's points.
/// Implemented by the pipeline.
/// Threads: any.
class PointSink {
 public:
  virtual ~PointSink() = default;
  virtual std::uint32_t partitions() const = 0;
  /// Takes the batch and leaves nullptr, or leaves it untouched when there is no room for it.
  virtual bool offer(PointBatchPtr& batch) = 0;
  /// The same for each of several, whose threads are then woken once for all.
  virtual void offer_each(std::span<PointBatchPtr> batches) {
    for (PointBatchPtr& batch : batches) offer(batch);
  }
  /// Takes all of the batches and marks or none of them. The place in the log behind them. Who
  /// offers batches and marks one after the other has them in that order in the log, and every
  /// partition sees them so.
  virtual std::expected<LogOffset, Refusal> offer_all(Body& body) = 0;
  /// How many bytes of points (PointBatch::bytes()) a body may have to be taken now; kNoLimit: any.
  virtual std::size_t room_bytes() const { return kNoLimit; }
  static constexpr std::size_t kNoLimit = std::numeric_limits<std::size_t>::max();
  /// Calls `done` once all before `offset` is as durable as asked (true), or cannot be made so for
  /// now (false): at once, or later from another thread. Must not block.
  virtual void when_durable(LogOffset offset, Durability durability,
                            std::function<void(bool)> done) = 0;
};

/// Takes accepted points for good. Must not block: what it cannot take it drops and counts.
/// Threads: every worker.
class AcceptedSink {
 public:
  virtual ~AcceptedSink() = default;
  virtual void accept(PointBatchPtr batch) = 0;
};

/// Takes closed windows that are committed, each once, in the order of their rows.
/// Threads: the store's.
class RollupSink {
 public:
  virtual ~RollupSink() = default;
  /// `rows[i]` is where the store has `rollups[i]`; 0: it does not keep that.
  virtual void accept(const RollupBatch& rollups, std::span<const RollupRow> rows) = 0;
};

/// Takes marks that are committed, each once, in the order of their rows. Must not block.
/// Threads: the store's.
class StoredMarkSink {
 public:
  virtual ~StoredMarkSink() = default;
  virtual void accept(std::span<const StoredMark> marks) = 0;
};

/// Takes laps that are committed, once each is closed and again with each revision, in the order of
/// their rows. Must not block.
/// Threads: the store's.
class StoredLapSink {
 public:
  virtual ~StoredLapSink() = default;
  virtual void accept(std::span<const StoredLap> laps) = 0;
};

/// Takes what alerts were raised and cleared, once it is committed, each once, in the order of
/// their rows. Must not block. Threads: the store's.
class StoredAlertSink {
 public:
  virtual ~StoredAlertSink() = default;
  virtual void accept(std::span<const StoredAlert> alerts) = 0;
};

/// Tells sectors by distance. Threads: any; answers stay valid for the life of the process.
class SectorMap {
 public:
  virtual ~SectorMap() = default;
  virtual std::int32_t sector_at(std::string_view track, double lapdist_m) const = 0;
};

}  // namespace slipstream
