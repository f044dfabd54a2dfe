#pragma once
#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "pipeline/partition.h"
#include "redis/connection.h"
#include "streams/commit.h"
#include "streams/entry_decoder.h"
#include "streams/outputs_collector.h"
#include "streams/stream_session.h"
#include "streams/streams.h"

namespace slipstream {

/// What a partition remembers from one session to the next.
struct SessionMemory {
  std::uint64_t rollups_seen = 0;  ///< the newest stored rollup that the store has been given
  bool had_group = false;          ///< a group that is missing now was lost with its stream
  std::optional<EntryId> told;     ///< our clients know of the entries up to here, or never will

  // Work that threw. It is done again an entry at a time; the entry that throws again is dead.
  bool is_suspicious = false;
  std::optional<EntryId> culprit;
  std::string why;
};

/// One partition, owned: from its checkpoint in Redis on, reads the group's entries, folds them,
/// and commits rollups, open windows and acknowledgements together.
///
/// It goes by turns. A turn is one transaction that commits what is folded and reads what is next;
/// it holds only while the connection WATCHes the fence and has seen the owner's token in it. Who
/// takes the partition over changes the fence: then a turn of the owner before does nothing, and
/// is given no entries. The next turn is sent before the entries of the last are folded, so that
/// the server has work, and the next commit is put together while it is at it. When all is read, a
/// plain XREAD waits for more. A session writes the fence anew when it begins: what the one before
/// sent on a connection that was given up may be done by the server late, and does nothing then.
///
/// Whatever goes wrong ends the session; the next one begins at the last commit, with the entries
/// that were delivered and not acknowledged.
/// Threads: one at a time.
class OwnerSession {
 public:
  OwnerSession(std::unique_ptr<RedisConnection> connection, const StreamParts& parts,
               const StreamOptions& options, std::uint32_t partition, std::string token,
               SessionMemory& memory);
  ~OwnerSession();

  /// Takes the checkpoint up, claims what owners before left pending, and folds it.
  SessionStep begin();
  /// Waits up to 50 ms for the next reply.
  SessionStep step();
  /// Commits what is folded; with `close`, open windows too. The last step.
  SessionStep finish(bool close);

  RedisConnection& connection() { return *connection_; }
  const std::string& error() const { return error_; }
  /// It has read, and all that it had to commit is committed.
  bool is_well() const { return is_well_; }

 private:
  enum class Expected {
    kQueued,
    kExec,
    kWatch,
    kType,
    kFence,
    kSummary,
    kGroups,
    kTrimmed,
    kNews,
  };
  /// What a key must be that commits write to, if it is there: a transaction does the rest of its
  /// commands where one fails.
  struct KeyType {
    std::string_view key;
    std::string_view type;
  };
  /// What the transaction on its way holds, in this order.
  struct Turn {
    bool commits = false;
    bool claims = false;
    bool reads = false;
  };
  struct Loaded {
    PartitionState state;
    std::string layout;  ///< empty: there was no checkpoint
    EntryId newest;
  };

  // owner_begin.cc
  SessionStep make_fence();
  SessionStep load(Loaded& loaded);
  SessionStep make_group(const Loaded& loaded);
  SessionStep catch_up_rollups();
  SessionStep start_partition(Loaded loaded);
  SessionStep settle_layout(Loaded& loaded);
  std::unique_ptr<Partition> make_partition(const std::vector<WindowDefinition>& definitions,
                                            PipelineStats& stats,
                                            std::unique_ptr<PointObserver> observer);
  SessionStep claim_all_of(const std::string& consumer);
  SessionStep claim_former_owners();
  SessionStep remove_former_owners();
  SessionStep read_pending();

  // owner_session.cc
  void ask();
  void take_turn(Turn turn);
  void queue_transaction(Turn turn);
  void prepare(StreamCommit commit);
  /// Ends a transaction of so many commands, MULTI included, and watches the fence for the next.
  void queue_exec(std::size_t queued);
  /// Asked for just before a commit can follow.
  void queue_types();
  void queue_watch_of_group();
  void queue_wait_for_news();
  void prepare_commit();
  SessionStep on_reply(Expected expected, ReplyView reply);
  SessionStep on_exec(ReplyView exec);
  void on_type(std::string_view type);
  SessionStep on_turn();
  SessionStep on_read(ReplyView reply);
  SessionStep on_claimed(ReplyView reply);
  SessionStep on_summary(ReplyView reply);
  void on_groups(ReplyView reply);
  void after_commit();
  void adapt_count(std::size_t taken, bool is_full);
  /// Every reply outstanding; nothing new is asked for.
  SessionStep drain(std::chrono::milliseconds limit = kCallLimit);
  /// Of all that is folded; with nothing outstanding.
  SessionStep commit_now(std::chrono::milliseconds limit = kCallLimit);
  bool has_uncommitted() const;
  bool commit_is_due() const;

  /// `again`: they were delivered before; those in `except` are in hand already.
  SessionStep take_entries(ReplyView entries, bool again,
                           const std::set<EntryId>* except = nullptr);
  void take_entry(EntryId id, ReplyView fields);
  SessionStep fold(bool is_told, EntryId last);
  /// Our clients know of its points, or are not to hear of them any more.
  bool is_told(EntryId id) const { return memory_.told && id <= *memory_.told; }
  /// Time passes for the windows only when all that was written has been read: a machine is not
  /// idle whose points wait in the stream. After a stall, or a change of owners, its senders have
  /// five seconds to be heard of again.
  void tick();
  void process(Partition& partition, Work work);
  SessionStep lost(std::string why);
  SessionStep failed(ReplyView error);
  /// A command and its reply, with nothing else outstanding; the reply may be an error.
  std::expected<ReplyView, RedisFailure> call(std::initializer_list<std::string_view> arguments);
  ArrivalTime now() const { return parts_.clock.now(); }
  SteadyTime steady() const { return parts_.clock.steady(); }

  static constexpr std::chrono::seconds kCallLimit{5};
  static constexpr std::chrono::milliseconds kFinishLimit{1'000};
  static constexpr std::size_t kMaxUncommitted = 32'768;
  static constexpr std::int64_t kGraceNs = 5 * kNsPerSecond;

  std::unique_ptr<RedisConnection> connection_;
  const StreamParts& parts_;
  const StreamOptions& options_;
  const std::uint32_t number_;  ///< of the stream; the partition's own is behind kStreamPartitions
  const StreamKeys keys_;
  const std::string token_;
  const std::string layout_;
  SessionMemory& memory_;
  StreamPartitionStats& stats_;
  std::string error_;

  OutputsCollector collector_;
  std::unique_ptr<Partition> partition_;
  std::set<std::string, std::less<>> former_owners_;
  EntryId newest_;
  EntryDecoder decoder_;
  StreamCommitter committer_;
  std::deque<Expected> expected_;
  const std::vector<KeyType> types_;
  std::size_t next_type_ = 0;  ///< the next reply is of this one
  std::string wrong_type_;     ///< why there can be no further turn
  Turn turn_;                  ///< on its way
  RedisReply exec_;            ///< its reply
  LogOffset position_ = 0;     ///< pieces of work folded in this session

  std::vector<EntryId> folded_;  ///< not in a commit yet
  std::uint64_t folded_points_ = 0;
  StreamCommit preparing_;          ///< the next commit
  CommandBuffer prepared_;          ///< its commands; empty: there is none yet
  StreamCommit committing_;         ///< sent, or just committed
  std::size_t delivered_ = 0;       ///< entries, less those in commits sent
  std::size_t delivered_then_ = 0;  ///< when the summary was asked for
  std::uint32_t count_;             ///< entries to ask for
  EntryId last_read_;
  bool is_well_ = false;
  bool is_drained_ = false;
  bool wants_claim_ = false;   ///< strangers have entries pending
  bool is_finishing_ = false;  ///< nothing new is asked for
  SteadyTime first_folded_ = kNever;
  SteadyTime committing_since_ = kNever;
  SteadyTime watch_at_ = kNever;
  SteadyTime last_tick_;
  SteadyTime tick_from_ = kNever;
  std::string claim_cursor_ = "0-0";
};

}  // namespace slipstream
