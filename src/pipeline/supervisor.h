#pragma once
#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/counters.h"
#include "log/log.h"
#include "model/sinks.h"
#include "pipeline/replay.h"

namespace slipstream {

class Partition;

/// Any thread.
struct SupervisorStats {
  Counter restarts;
  Counter dead_points;
};

/// Restarts a partition whose work threw: its state is loaded from its checkpoint, and the log is
/// folded again up to where it failed. Work that fails twice is left out: it goes to the dead
/// letters, and every later replay passes over it.
/// Threads: restart() from the partition's worker; a mutex guards what workers share.
class Supervisor {
 public:
  using LoadState = std::function<Result<std::optional<PartitionState>>(PartitionId)>;
  using DeadLetters = std::function<void(const DeadRange&)>;
  using Warn = std::function<void(const std::string&)>;

  struct Parts {
    Log* log;
    Schema& schema;
    BatchPool& pool;
    OutputSink& outputs;
    LoadState load;
    DeadLetters dead_letters;
    Warn warn;
    ReadAhead ahead = ReadAhead::kYes;  ///< of what recover() folds
  };
  /// `dead`: what earlier runs left out.
  Supervisor(Parts parts, std::vector<DeadRange> dead);

  /// True: the partition works again. False: not yet, since the log is not yet written up to where
  /// it failed; ask again.
  bool restart(Partition& partition);

  /// Told how far a replay is, often.
  using Progress = std::function<void(LogOffset)>;
  /// At the start: folds the log from the partitions' places up to `end`, what they fail at twice
  /// left out; keys are committed again.
  Result<ReplaySummary> recover(const std::vector<Partition*>& partitions, LogOffset end,
                                const Progress& progress);

  /// Meanwhile the log is needed from a checkpoint on that may not be the newest any more.
  bool is_rebuilding() const { return rebuilding_.load() > 0; }
  const SupervisorStats& stats() const { return stats_; }

 private:
  static constexpr int kStrikes = 2;

  bool is_new(const DeadRange& failure);
  void forget(PartitionId partition);
  void settle(const DeadRange& failure);
  Result<void> rebuild(Partition& partition, LogOffset end);
  Result<void> load_and_fold(Partition& partition, LogOffset end);
  Result<ReplaySummary> fold_log(const std::vector<Partition*>& partitions, LogOffset end,
                                 const Progress& progress, decltype(ReplayTakers::key) take_key,
                                 ReadAhead ahead = ReadAhead::kNo);
  void fold(Partition& partition, Work& work);
  static void process(Partition& partition, Work& work);
  /// Something in the range failed before.
  bool is_suspect(PartitionId partition, LogOffset from, LogOffset to) const;
  bool is_dead(PartitionId partition, LogOffset at) const;

  const Parts parts_;
  SupervisorStats stats_;
  std::atomic<int> rebuilding_{0};  ///< partitions
  mutable std::mutex mutex_;        // guards all below
  std::vector<DeadRange> dead_;
  std::map<std::pair<PartitionId, LogOffset>, int> strikes_;
  std::set<PartitionId> settled_;  ///< partitions whose failure is counted, not yet rebuilt
};

}  // namespace slipstream
