#pragma once
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "cluster/partition_feed.h"
#include "model/schema.h"
#include "simulation/points.h"
#include "simulation/random.h"

namespace slipstream::simulation {

/// Faults that a log must not have, for the tests that see whether they are found.
struct PlantedFaults {
  bool commits_twice = false;    ///< a commit is done again when its answer is lost
  bool commits_in_part = false;  ///< at times a commit's entries are not acknowledged with it
  bool ignores_fence = false;    ///< owners before may commit
  bool no_grace = false;         ///< of the runner: windows' time passes at once after a stall
};

/// A mark, and how many points of its entry stand before it.
struct SimMark {
  std::string text;
  std::size_t after = 0;
  bool is_copy = false;  ///< another log has the one that is stored
};

struct MemoryEntry {
  EntryPosition at;
  SteadyTime written;
  std::vector<SimPoint> points;  ///< of these
  std::vector<SimMark> marks;    ///< and marks; neither: it is no entry of ours
  int writer = -1;               ///< the instance that wrote it; -1: somebody else
  std::string layout = {};       ///< the definitions that it was folded under, once acknowledged
  std::uint64_t layouts = 0;     ///< how often they had changed by then
};

/// Whoever was given it keeps it, whatever the log does.
using MemoryEntryPtr = std::shared_ptr<MemoryEntry>;

/// What a feed has asked for.
struct MemoryRequest {
  std::uint64_t fence = 0;  ///< the version that it holds for
  std::optional<PartitionCommit> commit = {};
  std::vector<EntryPosition> acks = {};
  std::size_t count = 0;  ///< entries to read
  std::chrono::milliseconds wait{0};
  SteadyTime sent = {};
};
struct MemoryAnswer {
  FeedStatus status = FeedStatus::kWorked;
  FeedTurn turn = {};
  std::vector<MemoryEntryPtr> entries = {};
};

/// One partition's log, in memory: entries, the owner's fence, and what is committed. It outlives
/// every instance. One thread.
class MemoryLog {
 public:
  /// Told of each commit as it becomes permanent.
  using OnCommit = std::function<void(const PartitionCommit&, bool is_of_another_layout)>;

  MemoryLog(const Clock& clock, Random& random, const PlantedFaults& faults, OnCommit on_commit)
      : clock_(clock), random_(random), faults_(faults), on_commit_(std::move(on_commit)) {}

  void write(std::vector<SimPoint> points, int writer, std::vector<SimMark> marks = {});
  /// The partition is the owner's with this token: what any other has under way does nothing.
  void take(std::string token);

  /// While it cannot be reached nothing is done; requests wait.
  bool is_reachable = true;
  /// Requests on connections that were given up, which the server may yet do.
  void do_late();

  bool is_at_rest() const { return given_ == entries_.size() && pending_.empty(); }
  const std::vector<MemoryEntryPtr>& entries() const { return entries_; }
  /// Forgets entries that are accounted for.
  void forget_entries();
  const RollupBatch& rollups() const { return rollups_; }
  const std::vector<PlacedMark>& marks() const { return marks_; }
  /// How often the definitions have changed.
  std::uint64_t layouts() const { return layouts_; }
  const std::vector<DeadEntry>& dead() const { return dead_; }

 private:
  friend class MemoryFeed;

  MemoryAnswer execute(const MemoryRequest& request);
  /// What was under way when its connection ended, and is done in its turn.
  void do_abandoned();
  void apply(const MemoryRequest& request);

  const Clock& clock_;
  Random& random_;
  const PlantedFaults& faults_;
  const OnCommit on_commit_;
  std::vector<MemoryEntryPtr> entries_;
  EntryPosition newest_;
  EntryPosition newest_given_;
  std::size_t given_ = 0;                            ///< of entries_
  std::map<EntryPosition, MemoryEntryPtr> pending_;  ///< given, not acknowledged
  std::string token_;
  std::uint64_t fence_ = 0;  ///< counts its writings
  std::string layout_;
  std::string windows_;
  std::map<std::uint32_t, std::string> series_;
  std::uint64_t layouts_ = 0;
  RollupBatch rollups_;
  std::vector<PlacedMark> marks_;
  std::vector<DeadEntry> dead_;
  std::vector<MemoryRequest> abandoned_;
  std::vector<MemoryRequest> late_;
};

/// A connection to the log, that fails at times. When it ends with a request under way, that may be
/// done, or not, or later.
class MemoryFeed final : public PartitionFeed {
 public:
  struct Parts {
    MemoryLog& log;
    const Clock& clock;
    Random& random;
    Schema& schema;
    BatchPool& pool;
    const unsigned& failing_per_mille;  ///< of calls
  };
  MemoryFeed(const Parts& parts, std::string token, int instance, std::uint32_t partition);
  ~MemoryFeed() override;

  FeedStatus begin(Loaded& loaded) override;
  FeedStatus stored_outputs(std::uint64_t& seen, StoredOutputs& page) override;
  FeedStatus take_over(bool& has_any) override;
  void stage(const PartitionCommit& commit) override;
  void ask(std::chrono::milliseconds wait) override;
  bool is_asked() const override { return asked_.has_value(); }
  bool is_waiting_for_news() const override { return asked_ && asked_->wait.count() > 0; }
  FeedStatus read(FeedTurn& turn, Deadline deadline) override;
  bool next(EntryBatch& batch, const BatchRules& rules) override;
  FeedStatus commit(Deadline deadline) override;
  const std::string& error() const override { return error_; }
  void interrupt() override {}

 private:
  FeedStatus lost(std::string why);
  bool fails();
  /// The connection ends; what is under way is done, or not, or later.
  void abandon(MemoryRequest request);
  FeedStatus read_news(FeedTurn& turn);
  void add(const MemoryEntry& entry);
  void add_mark(const MemoryEntry& entry, std::uint32_t number);
  void push_open(EntryPlace last);

  const Parts parts_;
  const std::string token_;
  const int instance_;
  const std::uint32_t partition_;
  const std::size_t count_;         ///< entries a read
  const std::size_t batch_points_;  ///< then a batch ends
  std::uint64_t fence_ = 0;
  std::string error_;
  bool is_lost_ = false;
  std::optional<MemoryRequest> staged_;
  std::optional<MemoryRequest> asked_;
  std::optional<MemoryAnswer> answer_;
  bool is_drained_ = false;
  EntryPosition taken_over_;
  std::deque<MemoryEntryPtr> page_;
  std::deque<EntryBatch> batches_;
  EntryBatch open_;  ///< goes on with the next entry
  std::vector<EntryPosition> in_hand_;
};

}  // namespace slipstream::simulation
