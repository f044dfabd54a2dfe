#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "base/counters.h"
#include "model/ingest_stats.h"
#include "model/sinks.h"
#include "pipeline/observer_list.h"
#include "pipeline/pipeline_stats.h"
#include "pipeline/point_completer.h"

namespace slipstream {

/// What live points need; all of it outlives them.
struct LiveParts {
  const Clock& clock;
  IngestStats& ingest;
  PipelineStats& stats;
  Schema& schema;
  AcceptedSink& accepted;
  std::size_t max_series = SeriesTable::kMaxSeries;
};

/// One partition's points on their way to this instance's clients alone, since another one folds
/// them, or they are folded when they come out of the log: completes them, and hands them to the
/// observers and to the broadcast. There are no windows, and nothing is kept over a restart: so
/// observers with a state are left to whoever folds the partition, and let go here.
/// Threads: one at a time.
class LivePoints {
 public:
  LivePoints(const LiveParts& parts, PartitionObservers observers);
  /// Takes its series out of the statistics.
  ~LivePoints();
  LivePoints(const LivePoints&) = delete;
  LivePoints& operator=(const LivePoints&) = delete;

  void take(PointBatchPtr batch);
  void mark(const Mark& mark) { observers_.marked(mark, false); }
  /// Turns the observers' clock; to be called often.
  void tick();

 private:
  static constexpr std::int64_t kTickNs = 50 * kNsPerMs;

  const LiveParts parts_;
  ObserverList observers_;
  PointCompleter completer_;
  std::vector<std::uint32_t> evicted_;
  std::int64_t published_series_ = 0;
  SteadyTime last_tick_ = kNever;
};

}  // namespace slipstream
