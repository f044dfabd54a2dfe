#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "base/counters.h"
#include "model/ingest_stats.h"
#include "model/sinks.h"
#include "pipeline/pipeline_stats.h"
#include "pipeline/point_completer.h"

namespace slipstream {

/// What live points need; all of it outlives them.
struct LiveParts {
  const Clock& clock;
  IngestStats& ingest;
  PipelineStats& stats;
  const Schema& schema;
  AcceptedSink& accepted;
  std::size_t max_series = SeriesTable::kMaxSeries;
};

/// One partition's points on their way to this instance's clients alone, since another one folds
/// them, or they are folded when they come out of the log: completes them, and hands them to the
/// observer and to the broadcast. There are no windows, and nothing is kept over a restart.
/// Threads: one at a time.
class LivePoints {
 public:
  /// `observer` may be nullptr.
  LivePoints(const LiveParts& parts, std::unique_ptr<PointObserver> observer);
  /// Takes its series out of the statistics.
  ~LivePoints();
  LivePoints(const LivePoints&) = delete;
  LivePoints& operator=(const LivePoints&) = delete;

  void take(PointBatchPtr batch);
  /// Turns the observer's clock; to be called often.
  void tick();

 private:
  static constexpr std::int64_t kTickNs = 50 * kNsPerMs;

  const LiveParts parts_;
  const std::unique_ptr<PointObserver> observer_;
  PointCompleter completer_;
  std::vector<std::uint32_t> evicted_;
  std::int64_t published_series_ = 0;
  SteadyTime last_tick_ = kNever;
};

}  // namespace slipstream
