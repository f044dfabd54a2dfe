#pragma once
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cluster/cluster.h"
#include "cluster/outputs_collector.h"
#include "cluster/partition_feed.h"

namespace slipstream {

/// What a partition remembers from one feed to the next, whether it is owned or followed.
struct PartitionMemory {
  std::uint64_t rollups_seen = 0;  ///< the newest stored rollup or mark that the store was given
  /// What stands up to here is not broadcast: clients have seen it as it came in or along with
  /// another owner, or it is older than this instance. Empty: that is not known yet.
  std::optional<EntryPlace> told;

  // Work that threw. It is done again an entry at a time; the entries that throw again are dead.
  bool is_suspicious = false;
  Culprits culprits;
};

/// Folds one partition that this instance owns: takes the checkpoint up, folds what the feed gives,
/// and commits what came of it. It
///   - paces the commits: at once when all is read, else when enough was folded or time has passed;
///   - turns the windows' clock only when all that was written has been read, and after a stall or
///     a change of owners only once senders had time to be heard of again;
///   - hands points on to the broadcast that no client of ours knows of yet;
///   - hands rollups and marks on to the store once they are committed, others' from before
///     included;
///   - closes what was opened under other definitions;
///   - finds the entries that a worker fails at, which become dead letters.
/// It knows nothing of what keeps the log. Whatever goes wrong ends it: the next one begins at the
/// last commit.
/// Threads: one at a time.
class PartitionRunner {
 public:
  /// `number`: of the stream's partition. All but the feed outlives it.
  PartitionRunner(std::unique_ptr<PartitionFeed> feed, const ClusterParts& parts,
                  const ClusterOptions& options, std::uint32_t number, PartitionMemory& memory);
  ~PartitionRunner();

  /// Goes on where the owner before ended, with the entries that it left.
  FeedStatus begin();
  /// Waits up to 50 ms for the next answer, and folds it.
  FeedStatus step();
  /// Commits what is folded; with `close`, open windows too. The last step.
  FeedStatus finish(bool close);

  /// Why the last call was kLost.
  const std::string& error() const { return error_; }
  /// It has read, and all that it had to commit is committed.
  bool is_well() const { return is_well_; }

 private:
  static constexpr std::chrono::milliseconds kSlice{50};
  static constexpr std::chrono::seconds kCallLimit{5};
  static constexpr std::chrono::milliseconds kFinishLimit{1'000};
  static constexpr std::size_t kMaxUncommitted = 32'768;  ///< entries

  FeedStatus catch_up_rollups();
  FeedStatus start_partition(Loaded loaded);
  FeedStatus settle_layout(Loaded& loaded);
  std::unique_ptr<Partition> make_partition(const std::vector<WindowDefinition>& definitions,
                                            PipelineStats& stats, PartitionObservers observers);
  FeedStatus take_over();

  void ask();
  /// Answers outstanding are taken, and nothing new is asked for.
  FeedStatus drain(Deadline deadline);
  FeedStatus on_turn(const FeedTurn& turn);
  FeedStatus fold_entries();
  FeedStatus fold(EntryBatch& entries);
  Work work_of(EntryBatch& entries, bool is_silent);
  void process(Partition& partition, Work work);
  void tick();

  bool has_uncommitted() const;
  bool commit_is_due() const;
  void stage_commit();
  void stage(PartitionCommit commit);
  void after_commit();
  void trace_commit(std::int64_t took_ns) const;
  /// Of all that is folded; with nothing outstanding.
  FeedStatus commit_now(std::chrono::milliseconds limit);

  FeedStatus lost(std::string why);
  /// Takes over why the feed is lost.
  FeedStatus told_by_feed(FeedStatus status);
  Deadline in(std::chrono::milliseconds wait) const {
    return std::chrono::steady_clock::now() + wait;
  }
  ArrivalTime now() const { return parts_.clock.now(); }
  SteadyTime steady() const { return parts_.clock.steady(); }

  const std::unique_ptr<PartitionFeed> feed_;
  const ClusterParts& parts_;
  const ClusterOptions& options_;
  const std::uint32_t number_;
  const std::string layout_;
  PartitionMemory& memory_;
  std::string error_;

  OutputsCollector collector_;
  std::unique_ptr<Partition> partition_;
  LogOffset position_ = 0;  ///< pieces of work folded so far

  // Folded, and not in a commit yet.
  std::size_t folded_entries_ = 0;
  std::uint64_t folded_points_ = 0;
  std::vector<DeadEntry> dead_;
  SteadyTime first_folded_ = kNever;

  std::optional<PartitionCommit> staged_;      ///< the next commit
  std::optional<PartitionCommit> committing_;  ///< sent, not answered
  SteadyTime committing_since_ = kNever;

  bool is_well_ = false;
  bool is_drained_ = false;
  bool is_finishing_ = false;  ///< nothing new is asked for
  SteadyTime last_tick_;
  SteadyTime tick_from_ = kNever;
};

}  // namespace slipstream
