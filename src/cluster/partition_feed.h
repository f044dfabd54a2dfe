#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cluster/entry_position.h"
#include "model/mark.h"
#include "model/outputs.h"
#include "model/point.h"
#include "model/rollup.h"

namespace slipstream {

/// How a step with a partition's log ended.
enum class FeedStatus {
  kWorked,
  kIdle,    ///< nothing came before the deadline, or there is nothing to be done
  kLost,    ///< the log cannot be reached, or is not as it must be: begin again with another feed
  kFenced,  ///< another instance owns the partition: nothing more may be committed
};

/// Until when a call may wait. One in the past: only what is there already.
using Deadline = std::chrono::steady_clock::time_point;

/// What an owner before left, to go on from.
struct Loaded {
  PartitionState state = {};
  std::string layout = {};  ///< the definitions it is of; empty: nothing has been committed yet
  /// The log begins anew: a position may come again for another entry.
  bool is_new = false;
  EntryPosition given_until = {};  ///< the newest entry that any owner has been given
  std::string name = {};           ///< of the checkpoint, for a message
};

/// What is no point, or ends its worker, to be kept among the dead letters.
struct DeadEntry {
  EntryPosition at = {};     ///< the entry it came in
  std::string reason = {};   ///< one of the rejections' names, or "worker_failed"
  std::string message = {};  ///< for a person
  std::vector<std::pair<std::string, std::string>> fields = {};
};

/// Entries that end their worker whenever they are folded, and why.
using Culprits = std::map<EntryPosition, std::string>;

/// A mark in an entry.
struct EntryMark {
  MarkPtr mark = {};     ///< nullptr: there is none
  bool is_copy = false;  ///< for observers: another partition has the one that is stored
};

/// Points of consecutive entries, or one mark: an entry with marks is given in several batches,
/// without others between them.
struct EntryBatch {
  PointBatchPtr batch = {};          ///< nullptr: it holds no point
  EntryMark mark = {};               ///< then there are no points
  bool is_own = false;               ///< this instance wrote the entries
  std::size_t entries = 0;           ///< how many end with it
  EntryPlace last = {};              ///< where it ends
  std::vector<DeadEntry> dead = {};  ///< what in them is no point and no mark
};

/// How entries are put together in a batch.
struct BatchRules {
  /// A batch ends behind this entry: none has entries up to it and entries behind it.
  std::optional<EntryPosition> boundary = {};
  bool one_by_one = false;             ///< one entry a batch
  const Culprits* culprits = nullptr;  ///< these are dead letters whole
};

/// Rollups and marks of one partition that are stored, both in the order of their numbers, which
/// they share.
struct StoredOutputs {
  RollupBatch rollups = {};
  std::vector<PlacedMark> marks = {};

  bool is_empty() const { return rollups.empty() && marks.empty(); }
};

/// What becomes permanent at once, or not at all: entries, and all that came of them.
struct PartitionCommit {
  std::vector<Output> outputs = {};  ///< of the partition, in order, its checkpoint at the end
  /// How many entries are acknowledged, counted from the oldest that was given and is not yet.
  std::size_t entries = 0;
  std::vector<DeadEntry> dead = {};
  std::string layout = {};  ///< the definitions that the checkpoint is of
};

/// What an answer of the log says beside its entries.
struct FeedTurn {
  bool has_committed = false;  ///< what was staged when it was asked for is permanent
  bool is_full = false;        ///< it holds as many entries as were asked for: there may be more
  bool is_drained = false;     ///< it holds all entries that there were
  /// What it brought holds, but the log is not as it must be: error() says why nothing follows.
  bool is_last = false;
};

/// A partition's input and its commit point in one, whoever keeps the log: Redis Streams, Kafka, or
/// a test's memory. It lives as long as one connection; whatever is lost, the next one begins at
/// the last commit, with the entries that were given and not acknowledged.
///
/// It goes by turns. ask() sends what is staged and asks for entries; read() waits for the answer;
/// next() makes batches of its entries, one by one. Between ask() and read() the log works: the
/// owner asks ahead, folds the entries of the answer before, and stages the next commit meanwhile.
/// A commit that was staged before ask() is permanent once read() says so; if the feed is lost
/// before that, it may or may not be, as a whole.
///
/// Exactly one owner: begin() fences all earlier owners, and all earlier feeds of this one. From
/// then on nothing that they have sent or will send changes anything, and they are given no
/// entries.
/// Threads: one at a time; interrupt() from any. Bounded: an answer holds a limited number of
/// entries, and one answer is asked for at a time.
class PartitionFeed {
 public:
  virtual ~PartitionFeed() = default;

  /// Fences every earlier owner, then tells the checkpoint. To be called first, once.
  virtual FeedStatus begin(Loaded& loaded) = 0;
  /// Stored rollups and marks of this partition behind the number `seen`, whoever made them: a page
  /// of them. `seen` becomes the number of the last one looked at, which may be none that can be
  /// read. An empty page: that was all.
  virtual FeedStatus stored_outputs(std::uint64_t& seen, StoredOutputs& page) = 0;
  /// Entries that this owner or an earlier one was given and has not acknowledged, to be made
  /// batches of by next(): a page of them, in order. False: that was all. While nothing is asked.
  virtual FeedStatus take_over(bool& has_any) = 0;

  /// Puts a commit together, to be sent with the next ask() or commit(). One at a time.
  virtual void stage(const PartitionCommit& commit) = 0;
  /// Sends what is staged, and asks for entries behind the last that was given. Where there are
  /// none, the log waits up to `wait` for new ones before it answers. The answer before must have
  /// been read; its batches may still be taken by next().
  virtual void ask(std::chrono::milliseconds wait) = 0;
  /// An answer is on its way.
  virtual bool is_asked() const = 0;
  /// Nothing but news is waited for: what is on its way holds no commit and takes no entries.
  virtual bool is_waiting_for_news() const = 0;
  /// The answer; kIdle: it is not there yet. All entries of the answer before have been taken.
  virtual FeedStatus read(FeedTurn& turn, Deadline deadline) = 0;
  /// The next batch of what read() or take_over() brought; false: that was all.
  virtual bool next(EntryBatch& batch, const BatchRules& rules) = 0;
  /// Sends what is staged by itself, and waits until it is permanent. While nothing is asked.
  virtual FeedStatus commit(Deadline deadline) = 0;

  /// Why the last call was kLost.
  virtual const std::string& error() const = 0;
  /// Ends a call that waits, or the next one that would.
  virtual void interrupt() = 0;
};

}  // namespace slipstream
