#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/counters.h"
#include "model/outputs.h"
#include "store/sqlite.h"

namespace slipstream {

/// What one transaction makes permanent.
struct Commit {
  RollupBatch rollups = {};   ///< for the store
  RollupBatch outgoing = {};  ///< for the outbox
  struct Newest {
    std::uint64_t sequence = 0;
    LogOffset position = 0;  ///< of its output
  };
  std::map<PartitionId, Newest> newest = {};                   ///< by partition: its newest rollup
  std::map<PartitionId, std::uint64_t> stream_sequences = {};  ///< of streams: newest stored one's
  struct At {
    LogOffset position;
    const Checkpoint* checkpoint;
  };
  std::vector<std::pair<PartitionId, At>> checkpoints = {};  ///< by partition, in order
  std::vector<AnsweredKey> keys = {};
  std::vector<DeadRange> dead = {};
  std::vector<PlacedMark> marks = {};
  ToldLaps laps = {};
  std::vector<std::pair<std::string, std::string>> track_lines = {};  ///< by name
  std::vector<Alert> alerts = {};
  ArrivalTime now = {};  ///< what goes to other systems waits from then on

  /// Nothing that must be written now: numbers alone can wait, since a replay gives them again.
  bool is_empty() const {
    return rollups.empty() && outgoing.empty() && checkpoints.empty() && keys.empty() &&
           dead.empty() && marks.empty() && laps.empty() && track_lines.empty() && alerts.empty();
  }
};

/// Where the last run got to.
struct StoredState {
  std::optional<std::string> layout;  ///< of windows and partitions; none: a new store
  std::vector<PartitionState> partitions;
  std::map<PartitionId, std::uint64_t> stream_sequences;
  std::vector<AnsweredKey> keys;
  std::vector<DeadRange> dead;
};

/// The tables that hold what a restart needs, beside the rollups. Part of a transaction that the
/// caller has begun. One thread.
class CheckpointTables {
 public:
  static Result<CheckpointTables> prepare(Database& database);

  /// Counts the series' rows in `rows` as they are written.
  Result<void> write(const Commit& commit, Counter& rows);
  static Result<StoredState> load(Database& database);
  static Result<std::optional<PartitionState>> load_partition(Database& database,
                                                              PartitionId partition);
  /// Forgets all partitions' states; the new ones begin at `offset`, their rollups behind
  /// `sequence`.
  static Result<void> start_layout(Database& database, const std::string& layout,
                                   std::uint32_t partitions, LogOffset offset,
                                   std::uint64_t sequence);

 private:
  Result<void> write_checkpoint(PartitionId id, const Commit::At& at, Counter& rows);

  Statement set_newest_;
  Statement set_stream_sequence_;
  Statement set_checkpoint_;
  Statement put_series_;
  Statement remove_series_;
  Statement remove_all_series_;
  Statement put_key_;
  Statement put_dead_;
};

}  // namespace slipstream
