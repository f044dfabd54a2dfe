#pragma once
#include <atomic>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "base/agent.h"
#include "base/bounded_queue.h"
#include "base/counters.h"
#include "model/sinks.h"
#include "store/rollup_store.h"

namespace slipstream {

/// Any thread.
struct StoreWriterStats {
  Counter written;   ///< stored rollups
  Counter repeated;  ///< rollups, marks and alerts that came again, and were dropped
  Counter commits;
  Counter failed_writes;  ///< transactions that failed; they are tried again
  Counter checkpoints;
  Counter marks;       ///< stored
  Counter laps;        ///< closed ones, and their revisions
  Counter alerts;      ///< raised, and cleared
  Gauge waiting;       ///< outputs not yet committed
  Gauge waiting_rows;  ///< of the store, in them
  Gauge failing;       ///< 1 while the last write failed
  LatencyHistogram commit_time;
  LatencyHistogram ingest_to_rollup;  ///< receipt of a rollup's last point to its commit
};

struct StoreWriterOptions {
  std::size_t queue_bytes = std::size_t{256} << 20;  ///< then partitions stop until there is room
  std::int64_t commit_interval_ms = 50;              ///< between transactions
  bool has_log = true;  ///< positions are places in a log that outlives the program
};

/// Commits what came of the log, many outputs in one transaction, once the log is durable up to
/// where they came from; then passes the rollups on.
///
/// Nobody gets a rollup twice. One that was committed before may come again where the log lacks
/// something, or where another instance has folded a stream. It is dropped
///   - by its number: it is not above the newest that is committed of its partition;
///   - by its id: the store has it;
///   - where a stored rollup that it may repeat (Rollup::may_repeat) is of its time.
/// Rollups of streams that are not stored have no number and always pass. A mark is told by its
/// place in the log, of a stream by its number among the stored rollups; a lap by its key and
/// revision; an alert by its occurrence.
///
/// What some other system is to get is put into the store's outbox in the same transaction. Rollups
/// that another instance made it puts there itself.
///
/// While the store fails (a full disk), outputs wait and are tried again every second; when too
/// many wait, partitions stop. Where its file is damaged they wait likewise, but are not tried
/// again: the log keeps what they came of, and a store that is rebuilt gets them at the next start.
/// Threads: accept(), has_room() and edit_session() from any; poll() on one.
class StoreWriter final : public SignalledAgent, public OutputSink {
 public:
  using Warn = std::function<void(const std::string&)>;
  using DurableOffset = std::function<LogOffset()>;

  StoreWriter(RollupStore& store, std::vector<RollupSink*> committed, const Clock& clock, Warn warn,
              StoreWriterOptions options = {});

  /// Who gets marks once they are committed; it outlives the writer. Before the first poll().
  void send_marks_to(StoredMarkSink& sink) { mark_sink_ = &sink; }
  /// Who gets closed laps once they are committed, likewise.
  void send_laps_to(StoredLapSink& sink) { lap_sink_ = &sink; }
  /// Who gets alerts that are committed, likewise.
  void send_alerts_to(StoredAlertSink& sink) { alert_sink_ = &sink; }
  /// Where the log is durable up to, and where the store has got to. Before the first poll().
  void begin(DurableOffset durable, const StoredState& stored);

  bool has_room() const override { return queue_.has_room(); }
  void accept(Output output) override;
  std::size_t poll(std::size_t budget) override;
  /// How an edit of a session ended: the session as it is then; nothing: it is unknown. Called on
  /// the writer's thread.
  using EditTaker = std::function<void(Result<std::optional<StoredSession>>)>;
  /// False: too many wait, and it is not taken.
  bool edit_session(SessionEdit edit, EditTaker done);
  /// The log is durable up to a later place than before. Any thread.
  void log_moved() { wake(); }
  /// Commits all that is durable, without a pause; false where something is left. For the end, when
  /// poll() is not running.
  bool flush();
  /// No committed checkpoint needs the log before this place.
  LogOffset needed_from() const { return needed_from_.load(std::memory_order_acquire); }
  /// A whole checkpoint, taken behind a gap of the log, waits to be committed. Its place may be
  /// before the committed one's: until then nothing of the log may be let go.
  bool has_whole_checkpoint_waiting() const { return whole_waiting_.load() > 0; }
  /// That are still to be written for what waits; goes down within a transaction, too. Any thread.
  std::uint64_t rows_left() const;
  /// Within a transaction, whose end is one long call where much was written. Any thread.
  bool is_committing() const { return is_committing_.load(std::memory_order_relaxed); }
  const StoreWriterStats& stats() const { return stats_; }

 protected:
  Limit idle_limit() override;

 private:
  static constexpr std::size_t kOutputsPerCommit = 4'096;
  static constexpr std::size_t kMostEdits = 100;
  static constexpr std::int64_t kRetryNs = kNsPerSecond;
  static constexpr std::int64_t kPruneNs = 60 * kNsPerSecond;
  /// Retention and packing take a tenth of the thread's time, piece by piece.
  static constexpr std::int64_t kRestOfWork = 9;

  void take_durable();
  void gather(Output& output);
  bool is_repeated(const Output& output, const Rollup& rollup);
  bool is_repeated(const Output& output, const PlacedMark& mark, std::uint64_t newest_before);
  bool commit();
  void trace_commit(SteadyTime began, std::int64_t took_ns);
  void pass_on(const std::vector<RollupRow>& stored_rows, ArrivalTime now);
  void pass_on_marks(const std::vector<MarkRow>& rows);
  void pass_on_alerts(const std::vector<AlertRow>& rows);
  void pass_on_laps(const std::vector<StoredLap>& closed);
  std::size_t write_edits();
  void publish_needed();
  void prune(SteadyTime now);
  void pack(SteadyTime now);
  void keep_wal_short();

  RollupStore& store_;
  const std::vector<RollupSink*> sinks_;
  StoredMarkSink* mark_sink_ = nullptr;
  StoredLapSink* lap_sink_ = nullptr;
  StoredAlertSink* alert_sink_ = nullptr;
  const Clock& clock_;
  const Moment begun_;
  AgeClock age_clock_;  ///< poll()'s own
  const Warn warn_;
  const StoreWriterOptions options_;
  DurableOffset durable_;
  BoundedQueue<Output> queue_;
  StoreWriterStats stats_;
  std::atomic<LogOffset> needed_from_{0};
  std::atomic<int> whole_waiting_{0};
  std::atomic<bool> is_committing_{false};
  std::atomic<std::uint64_t> commit_begun_at_{0};  ///< of the store's rows_written()

  std::mutex edits_mutex_;  // guards edits_
  std::vector<std::pair<SessionEdit, EditTaker>> edits_;

  // poll()'s own.
  std::vector<Output> taken_;
  std::deque<Output> waiting_;   ///< for the log to be durable
  std::vector<Output> current_;  ///< in the commit
  Commit commit_;
  std::int64_t rows_in_commit_ = 0;
  RollupBatch passing_;                             ///< of the commit, unstored ones too
  std::map<PartitionId, std::uint64_t> sequences_;  ///< newest committed or in the commit
  std::map<PartitionId, LogOffset> checkpoints_;    ///< committed
  SteadyTime retry_at_ = kNever;
  SteadyTime commit_at_ = kNever;
  SteadyTime prune_at_ = kNever;
  SteadyTime pack_at_ = kNever;
  bool prune_failing_ = false;
  bool pack_failing_ = false;
  bool wal_failing_ = false;
  bool is_damaged_ = false;  ///< a transaction met damage: none is tried again but by flush()
};

}  // namespace slipstream
