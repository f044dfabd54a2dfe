#pragma once
#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "cluster/partition_feed.h"
#include "codec/rollup_decoder.h"
#include "redis/connection.h"
#include "redis_streams/entry_decoder.h"
#include "redis_streams/stream_committer.h"
#include "redis_streams/stream_options.h"

namespace slipstream {

/// One partition's stream, read in a consumer group, with its checkpoint in Redis.
///
/// A turn is one transaction that commits what is staged and reads what is next; it holds only
/// while the connection WATCHes the fence and has seen the owner's token in it. Who takes the
/// partition over changes the fence: then a turn of the owner before does nothing, and is given no
/// entries. When all is read, a plain XREAD waits for more. A feed writes the fence anew when it
/// begins: what the one before sent on a connection that was given up may be done by the server
/// late, and does nothing then.
///
/// Beside its turns it looks at the group once a second:
///   - more entries are pending for this owner than have arrived, or some for an owner before: the
///     feed is lost, and the next one takes them over;
///   - some are pending for a consumer that never owned the partition: they are claimed after
///     claim_idle_ms;
///   - the stream is this group's own (is_log): what is acknowledged is trimmed.
/// Threads: one at a time; interrupt() from any.
class RedisFeed final : public PartitionFeed {
 public:
  /// `had_group`: kept from one feed to the next. All but the connection outlives it.
  RedisFeed(std::unique_ptr<RedisConnection> connection, const StreamParts& parts,
            const StreamOptions& options, std::uint32_t partition, std::string token,
            bool& had_group);
  ~RedisFeed() override;

  FeedStatus begin(Loaded& loaded) override;
  FeedStatus stored_outputs(std::uint64_t& seen, StoredOutputs& page) override;
  FeedStatus take_over(bool& has_any) override;
  void stage(const PartitionCommit& commit) override;
  void ask(std::chrono::milliseconds wait) override;
  bool is_asked() const override { return is_asked_; }
  bool is_waiting_for_news() const override {
    return !expected_.empty() && expected_.front() == Expected::kNews;
  }
  FeedStatus read(FeedTurn& turn, Deadline deadline) override;
  bool next(EntryBatch& batch, const BatchRules& rules) override;
  FeedStatus commit(Deadline deadline) override;
  const std::string& error() const override { return error_; }
  void interrupt() override { connection_->interrupt(); }

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
  /// Entries of a reply, to be made batches of.
  struct Page {
    ReplyView entries;
    bool again = false;              ///< they were delivered before
    bool is_claimed = false;         ///< of strangers
    std::set<EntryId> in_hand = {};  ///< of those: ours, which the runner has already
    std::size_t at = 0;              ///< the next one
  };

  // redis_feed_begin.cc
  FeedStatus make_fence();
  FeedStatus do_queued();
  FeedStatus load(Loaded& loaded);
  FeedStatus make_group(Loaded& loaded);
  FeedStatus claim_all_of(const std::string& consumer);
  FeedStatus claim_former_owners();
  FeedStatus remove_former_owners();

  // redis_feed.cc
  void queue_transaction(Turn turn);
  /// Ends a transaction of so many commands, MULTI included, and watches the fence for the next.
  void queue_exec(std::size_t queued);
  /// Asked for just before a commit can follow.
  void queue_types();
  void queue_watch_of_group();
  void queue_wait_for_news(std::chrono::milliseconds wait);
  FeedStatus on_reply(Expected expected, ReplyView reply);
  FeedStatus on_exec(ReplyView exec);
  void on_type(std::string_view type);
  FeedStatus on_turn();
  FeedStatus on_read(ReplyView reply);
  FeedStatus on_claimed(ReplyView reply);
  FeedStatus on_summary(ReplyView reply);
  void on_groups(ReplyView reply);
  void adapt_count(std::size_t taken, bool is_full);
  void take_entry(Page& page, const BatchRules& rules);
  /// Every reply outstanding.
  FeedStatus drain(Deadline deadline);
  FeedStatus lost(std::string why);
  FeedStatus failed(ReplyView error);
  /// A command and its reply, with nothing else outstanding; the reply may be an error.
  std::expected<ReplyView, RedisFailure> call(std::initializer_list<std::string_view> arguments);
  ArrivalTime now() const { return parts_.cluster.clock.now(); }
  SteadyTime steady() const { return parts_.cluster.clock.steady(); }

  static constexpr std::chrono::seconds kCallLimit{5};

  std::unique_ptr<RedisConnection> connection_;
  const StreamParts& parts_;
  const StreamOptions& options_;
  const std::uint32_t number_;  ///< of the stream's partition
  const StreamKeys keys_;
  const std::string token_;
  bool& had_group_;
  ClusterPartitionStats& stats_;
  std::string error_;

  std::set<std::string, std::less<>> former_owners_;
  bool has_claimed_ = false;        ///< what former owners left
  std::string taken_over_ = "0-0";  ///< the newest entry that take_over() has given
  EntryDecoder decoder_;
  RollupDecoder rollups_;
  StreamCommitter committer_;
  std::deque<Expected> expected_;
  const std::vector<KeyType> types_;
  std::size_t next_type_ = 0;  ///< the next reply is of this one
  std::string unusable_;       ///< why there can be no further turn
  Turn turn_;                  ///< on its way
  RedisReply exec_;            ///< its reply
  bool is_asked_ = false;
  std::optional<FeedTurn> answer_;

  std::deque<Page> pages_;
  std::vector<EntryId> in_hand_;  ///< the runner has them, and no commit that was sent
  EntryId newest_;                ///< of all that was in a commit
  CommandBuffer staged_;          ///< the next commit's commands
  std::size_t staged_entries_ = 0;
  bool is_staged_ = false;
  std::size_t delivered_ = 0;       ///< entries, less those in commits sent
  std::size_t delivered_then_ = 0;  ///< when the summary was asked for
  std::uint32_t count_;             ///< entries to ask for
  EntryId last_read_;
  EntryId news_;  ///< what a wait for news was ended by
  bool is_drained_ = false;
  bool wants_claim_ = false;  ///< strangers have entries pending
  bool is_draining_ = false;  ///< nothing new is asked for
  SteadyTime watch_at_ = kNever;
  std::string claim_cursor_ = "0-0";
};

}  // namespace slipstream
