#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bounded_queue.h"
#include "model/ingest_stats.h"
#include "model/sinks.h"
#include "pipeline/dirty_set.h"
#include "pipeline/observer_list.h"
#include "pipeline/pipeline_stats.h"
#include "pipeline/point_completer.h"
#include "pipeline/replay_guard.h"
#include "pipeline/work.h"
#include "window/window_set.h"

namespace slipstream {

/// What a partition works with; all of it outlives the partition.
struct PartitionContext {
  const Clock& clock;
  IngestStats& ingest;
  PipelineStats& stats;
  Schema& schema;
  AcceptedSink& accepted;
  OutputSink& outputs;
  std::vector<WindowDefinition> definitions;
  static constexpr std::int64_t kCheckpointIntervalMs = 2'000;
  std::size_t max_series = SeriesTable::kMaxSeries;
  std::int64_t checkpoint_interval_ms = kCheckpointIntervalMs;  ///< 0: none but on demand
  QueueLimits queue;
  std::function<void(const std::string&)> warn = {};  ///< may be empty
};

/// A partition owns every open window of the series hashed to it: it completes the points, folds
/// them, and hands over what closes. What it makes of its work is a pure function of it: the same
/// log gives the same rollups, with the same ids and sequence numbers; but handed over is each only
/// once.
/// Threads: offer through queue() from any; all else on one at a time: its worker's; a stream's
/// partition's; at a start and a stop, when no worker runs, that of whoever recovers or stops.
class Partition {
 public:
  Partition(PartitionId id, PartitionContext context, PartitionObservers observers);
  /// Takes its share of what is open out of the statistics.
  ~Partition();
  Partition(const Partition&) = delete;
  Partition& operator=(const Partition&) = delete;

  PartitionId id() const { return id_; }
  BoundedQueue<Work>& queue() { return queue_; }
  const BoundedQueue<Work>& queue() const { return queue_; }

  /// Does up to `budget` pieces of queued work; returns how many. None while its outputs have no
  /// room. Where it throws, work_in_hand() is what it threw at, and the state is void until
  /// reset().
  std::size_t poll(std::size_t budget);
  void process(Work& work);
  /// Turns the observers' clock, and hands over a checkpoint when one is due.
  void tick();
  /// When tick() has something to do, unless work comes; kNever: at once, or there is work that
  /// could not be done yet.
  SteadyTime next_tick() const;
  /// Hands over what changed since the checkpoint before.
  void checkpoint();

  /// Its worker failed at these entries; it does nothing until it is reset.
  void fail(DeadRange failure) { failure_ = std::move(failure); }
  const std::optional<DeadRange>& failure() const { return failure_; }

  /// Starts from what an earlier run of the program left; its counts are not counted again.
  Result<void> begin(const PartitionState& state);
  /// Starts anew within this run, from `state`; nullptr: from nothing. What is folded again
  /// afterwards gives the same rollups, which are not handed over again. Where this run has passed
  /// a gap and `state` is of before it, the state that was taken behind the gap is used instead.
  Result<void> reset(const PartitionState* state);
  /// The rollups that came of the entries before this one were handed over, in this run or before.
  LogOffset handed_over() const { return guard_.handed_over(); }
  /// In a replay: entries [from, to) of the log cannot be read (ReplayGuard tells what that means).
  /// A whole checkpoint is handed over, so that the next run does not meet this gap again.
  void pass_gap(LogOffset from, LogOffset to);
  /// All its entries of the log before this one are folded.
  LogOffset position() const { return position_; }
  /// The number of its last rollup.
  std::uint64_t sequence() const { return windows_->sequence(); }
  bool has_open_windows() const;
  /// What the next checkpoint has to write.
  std::size_t changed_series() const { return dirty_.size(); }
  /// What it is at, or would do next of what it took from the queue; nullptr: nothing.
  Work* work_in_hand() { return next_ < taken_.size() ? &taken_[next_] : nullptr; }
  /// Passes the work's place in the log without doing it.
  void pass(const Work& work) { position_ = work.end(); }
  /// Leaves the work in hand undone, and passes its place in the log.
  void skip_work_in_hand();

 private:
  void fold(Work& work);
  void trace_fold(const Work& work, SteadyTime begin);
  void pass_on(Work& work, SteadyTime begin);
  void mark(const Work& work);
  void all_changed();
  void publish(std::unique_ptr<Checkpoint> checkpoint = nullptr);
  Result<void> restore(const PartitionState& state);
  std::unique_ptr<Checkpoint> take_checkpoint();
  void publish_counts();
  void forget_evicted();
  std::string save_series(std::uint32_t number) const;
  Result<void> restore_series(std::uint32_t number, std::string_view bytes);

  static constexpr std::int64_t kTickNs = 50 * kNsPerMs;
  static constexpr std::int64_t kCheckpointShare = 20;  ///< at most 1/20 of the time goes there
  static constexpr std::size_t kMostSampled = 64;
  const PartitionId id_;
  PartitionContext context_;
  ObserverList observers_;
  BoundedQueue<Work> queue_;
  std::optional<PointCompleter> completer_;
  std::optional<WindowSet> windows_;
  DirtySet dirty_;
  LogOffset position_ = 0;
  ReplayGuard guard_;
  LogOffset checkpointed_ = 0;
  std::optional<DeadRange> failure_;
  std::vector<WindowCounts> published_;
  std::int64_t published_series_ = 0;
  RollupBatch closed_;
  std::vector<PlacedMark> marks_;  ///< of the work at hand, where they are to be stored
  ToldLaps told_;                  ///< likewise
  std::vector<Alert> alerts_;      ///< likewise; also those that were handed over before
  /// Of what is folded and not handed over to be committed; of more the commits are not traced.
  std::vector<SampledTracePtr> sampled_;
  std::vector<Work> taken_;
  std::size_t next_ = 0;  ///< of what was taken
  std::vector<std::uint32_t> evicted_;
  SteadyTime last_tick_ = kNever;
  SteadyTime checkpoint_at_ = kNever;
};

}  // namespace slipstream
