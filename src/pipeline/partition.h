#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "base/bounded_queue.h"
#include "base/counters.h"
#include "model/ingest_stats.h"
#include "model/sinks.h"
#include "pipeline/series_table.h"
#include "window/window_set.h"

namespace slipstream {

/// What a definition's windows did, over all partitions. Any thread.
struct WindowStats {
  Counter rollups_emitted;
  Counter late_points;
  Counter closed_points;
  Gauge open_points;
};

struct PipelineStats {
  explicit PipelineStats(std::size_t definitions) : windows(definitions) {}
  std::vector<WindowStats> windows;  ///< by definition
  LatencyHistogram ingest_to_rollup;
  LatencyHistogram processing;  ///< worker time a batch
  Counter batches;
  Counter folded_points;
  Gauge series;
};

/// What a partition works with; all of it outlives the partition.
struct PartitionContext {
  const Clock& clock;
  IngestStats& ingest;
  PipelineStats& stats;
  const SectorMap& sectors;
  const Schema& schema;
  AcceptedSink& accepted;
  std::vector<RollupSink*> rollups;
  std::vector<WindowDefinition> definitions;
  std::uint64_t run = 0;
  std::size_t max_series = 100'000;
  QueueLimits queue;
};

/// A partition owns every open window of the series hashed to it, and completes the points: repairs
/// laps, derives sectors. Threads: offer through queue() from any; all else on its worker's thread.
class Partition {
 public:
  Partition(std::uint32_t number, PartitionContext context,
            std::unique_ptr<PointObserver> observer);

  BoundedQueue<PointBatchPtr>& queue() { return queue_; }
  const BoundedQueue<PointBatchPtr>& queue() const { return queue_; }
  /// Folds up to `budget` queued batches; returns how many.
  std::size_t poll(std::size_t budget);
  /// Closes what is idle, at most every 50 ms.
  void tick();
  /// Closes all windows: the end.
  void close_all();

 private:
  void fold(PointBatchPtr batch);
  void complete(PointBatch& batch, Point& point, SeriesState& series);
  void repair_lap(PointBatch& batch, Point& point, const SeriesState& series);
  void add_sector_text(PointBatch& batch, Point& point);
  void publish_rollups();
  void forget(const std::vector<std::uint32_t>& evicted);

  static constexpr std::int64_t kTickNs = 50 * kNsPerMs;
  const std::uint32_t number_;
  PartitionContext context_;
  std::unique_ptr<PointObserver> observer_;  ///< may be nullptr
  BoundedQueue<PointBatchPtr> queue_;
  SeriesTable series_;
  WindowSet windows_;
  std::vector<WindowCounts> published_;
  RollupBatch closed_;
  std::vector<PointBatchPtr> taken_;
  std::vector<std::uint32_t> evicted_;
  std::string sector_member_;  ///< ,"sector":
  ArrivalTime last_tick_;
};

}  // namespace slipstream
