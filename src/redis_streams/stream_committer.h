#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cluster/partition_feed.h"
#include "model/outputs.h"
#include "model/rollup_selection.h"
#include "model/schema.h"
#include "redis/command.h"
#include "redis/reply.h"
#include "redis_streams/entry_id.h"
#include "redis_streams/stream_names.h"

namespace slipstream {

/// Names of a checkpoint's members in its hash.
namespace checkpoint_member {
inline constexpr std::string_view kWindows = "windows";
inline constexpr std::string_view kLayout = "layout";
inline constexpr std::string_view kNewest = "newest";  ///< entry: where a lost group goes on
inline constexpr char kSeriesPrefix = 's';             ///< then the series' number
}  // namespace checkpoint_member

/// Writes a partition's commits: rollups, marks, checkpoint, dead letters and XACK, as commands for
/// one transaction. One thread.
class StreamCommitter {
 public:
  struct Options {
    std::string group;
    std::uint64_t maxlen = 200'000;              ///< of aggregates and rollups; dead letters stay
    std::vector<std::string> aggregate_windows;  ///< windows whose rollups go to the aggregates
    RollupSelection aggregate_selection = {};    ///< and what of them
  };
  StreamCommitter(StreamKeys keys, Options options, const FieldTable& fields);

  /// Queues the commands, to stand between MULTI and EXEC; returns how many. `acks`: the commit's
  /// entries; `newest`: of all that is acknowledged, this time and before.
  std::size_t queue(CommandBuffer& commands, const PartitionCommit& commit,
                    std::span<const EntryId> acks, EntryId newest);

 private:
  void queue_rollups(CommandBuffer& commands, const RollupBatch& rollups);
  void queue_marks(CommandBuffer& commands, const std::vector<PlacedMark>& marks);
  void queue_checkpoint(CommandBuffer& commands, const Checkpoint& checkpoint,
                        std::string_view layout, EntryId newest);
  void queue_dead(CommandBuffer& commands, const DeadEntry& dead) const;

  const StreamKeys keys_;
  const Options options_;
  const FieldTable& fields_;
  const std::string maxlen_;
  std::string payload_;
  bool has_aggregates_ = false;  ///< among what is queued
  bool has_rollups_ = false;     ///< likewise, stored ones, or marks
};

}  // namespace slipstream
