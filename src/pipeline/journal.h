#pragma once
#include <atomic>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/agent.h"
#include "base/clock.h"
#include "base/counters.h"
#include "base/signal.h"
#include "codec/log_rows.h"
#include "codec/point_log_encoder.h"
#include "log/log.h"
#include "model/ingest_stats.h"
#include "model/sinks.h"
#include "pipeline/pipeline_stats.h"
#include "pipeline/work_queues.h"
#include "window/definition.h"

namespace slipstream {

struct JournalOptions {
  std::int64_t flush_interval_ms = 10;                     ///< between writes, while points wait
  std::int64_t sync_interval_ms = 100;                     ///< between syncs nobody waits for
  std::size_t flush_bytes = std::size_t{4} << 20;          ///< either, too, when so much waits
  std::size_t max_backlog_bytes = std::size_t{256} << 20;  ///< not yet synced: then it is full
  std::size_t block_bytes = std::size_t{16} << 20;         ///< in memory: more is several blocks
  std::int64_t tick_ms = 50;          ///< between ticks, while points come; at most twice as much
  std::int64_t slow_tick_ms = 1'000;  ///< when none have come for 5 s and windows are open
  std::int64_t retention_check_ms = 10'000;
};

/// Any thread.
struct JournalStats {
  Counter appended_bytes;
  Counter appended_blocks;
  LatencyHistogram fsync;
  Counter failures;
  Counter refused_points;  ///< of blocks that the log refused for what they were
  Gauge failing;           ///< 1 while the log cannot be written
  Gauge backlog_bytes;
};

/// Gives all that comes its place in the log and, in the same order, in its partition's queue; and
/// writes the log, many batches in one block. It syncs what it wrote at once where somebody waits
/// for that, and else less often, since nobody who is not answered can tell the difference but by a
/// loss of power. The log comes before the fold in order, not in time: a partition folds at once
/// what is written a little later, and what comes of it is committed only once durable_offset() has
/// passed it.
///
/// A body is in the log as a whole or not at all; one that is too large for a block is in several,
/// which the log keeps together.
///
/// While the log cannot be written (a full disk), what comes is kept and folded until
/// `max_backlog_bytes` wait; bodies that want more than kReceived are refused, and waiting ones are
/// told. It tries again every second, and goes on where the log ended. What the log refuses for
/// what it is, it is not given again: those points go to the dead letters, whoever waits for them
/// is told that they are not safe, and a void takes their place in the log.
///
/// Intervals go by the steady clock: a wall clock that is set forward or back stops nothing.
///
/// Threads: PointSink's functions, close() and the getters from any; poll() on the flusher's.
class Journal final : public Agent, public PointSink {
 public:
  using Warn = std::function<void(const std::string&)>;
  /// After the last point, ticks come at their full rate for so long.
  static constexpr std::int64_t kBusyNs = 5 * kNsPerSecond;

  /// What it works with; all of it outlives the journal.
  struct Parts {
    OutputSink& outputs;
    const SectorMap& sectors;
    const Schema& schema;
    IngestStats& ingest;
    const Clock& clock;
    const PipelineStats& stats;
    const std::vector<WindowDefinition>& definitions;
    std::function<LogOffset()> needed_from;  ///< what stands before it in the log may go
    /// Called on the flusher's thread when durable_offset() has moved on; it must not block.
    std::function<void()> durable_moved = nullptr;
    /// Takes the payload of a block that the log refused, which begins at `base`.
    std::function<void(LogOffset base, std::string_view payload, const std::string& why)> dead =
        nullptr;
  };
  /// Goes on at the log's end. `log` may be nullptr: nothing is kept, and everything counts as
  /// durable at once.
  Journal(Log* log, WorkQueues& queues, const Parts& parts, JournalOptions options, Warn warn);

  std::uint32_t partitions() const override { return queues_.partitions(); }
  bool offer(PointBatchPtr& batch) override;
  void offer_each(std::span<PointBatchPtr> batches) override;
  std::expected<LogOffset, Refusal> offer_all(Body& body) override;
  std::size_t room_bytes() const override;
  void when_durable(LogOffset offset, Durability durability,
                    std::function<void(bool)> done) override;

  /// Closes all windows, by an entry in the log; no tick follows it, which nobody would fold.
  /// `layout`: the definitions in force from here on, where they change.
  void close_windows(const std::optional<std::string>& layout = std::nullopt);
  /// Writes and syncs what waits without a pause; false when that failed. For the end, and tests.
  bool flush();
  /// Points that are not in the log yet. While poll() is not running.
  std::uint64_t waiting_points() const;

  std::size_t poll(std::size_t budget) override;
  void idle() override;
  void wake() override { signal_.notify(); }

  LogOffset durable_offset() const { return durable_.load(std::memory_order_acquire); }
  LogOffset next_offset() const;
  const JournalStats& stats() const { return stats_; }

 private:
  struct Waiter {
    LogOffset offset;
    Durability durability;
    std::function<void(bool)> done;
  };
  /// Rows for one block.
  struct Chunk {
    LogRows rows = {};
    LogOffset base = 0;
    bool goes_on = false;  ///< the body that it ends with goes on in the next one
    LogOffset end() const { return base + rows.count(); }
  };

  /// What is to be in the log as a whole.
  struct Entries {
    std::span<const PointBatchPtr> batches = {};
    const AnsweredKey* key = nullptr;
    std::span<const MarkAmong> marks = {};
  };

  /// A sampled batch or body that has got its place in the log.
  struct Logged {
    SampledTracePtr sampled;
    SteadyTime since;
    LogOffset end;
    Durability durability;
  };

  bool is_large(std::size_t bytes) const;
  std::vector<Chunk> chunks_of(const Entries& entries) const;
  bool log_locked(const Entries& entries, std::vector<Chunk> chunks);
  void cut_locked();
  void check_places_locked() const;
  static void add_mark(LogRows& rows, const Mark& mark);
  void hand_over_locked(PointBatchPtr batch);
  void hand_over_locked(const MarkPtr& mark);
  void append_control_locked(Work::Kind kind, ArrivalTime now);
  std::size_t backlog_bytes_locked() const;
  bool has_backlog_room_locked(std::size_t more) const;
  bool is_backlog_long_locked() const;
  void tell_backlog_locked();
  void tick(Moment now);
  bool has_open_windows() const;
  void retain(SteadyTime now);
  SteadyTime flush_at_locked() const { return last_flush_ + options_.flush_interval_ms * kNsPerMs; }
  bool is_due_locked(SteadyTime now) const;
  bool must_wake_flusher_locked(SteadyTime now);
  bool take_pending(SteadyTime now, bool at_once);
  bool write_blocks();
  Result<void> append_body();
  LogBlock block_of(const Chunk& chunk);
  void give_up_body(const Error& why);
  bool is_given_up_locked(LogOffset end) const;
  void trace(Logged logged);
  SteadyTime sync_at() const;
  bool sync_blocks();
  void let_go_of_synced(LogOffset end);
  void begin_again();
  LogRows spare_rows();
  void fail(const Error& error);
  void settle(LogOffset logged, LogOffset synced, bool written);
  SteadyTime next_due(SteadyTime now);

  static constexpr std::size_t kMaxGivenUp = 1'000;
  static constexpr std::size_t kMaxSpares = 16;
  static constexpr std::size_t kMaxSpareBytes = std::size_t{1} << 20;

  Log* const log_;
  WorkQueues& queues_;
  const Parts parts_;
  const JournalOptions options_;
  const Warn warn_;
  const std::int64_t late_idle_ns_;  ///< after the last point, late rollups may still be open
  JournalStats stats_;
  Signal signal_;
  std::atomic<LogOffset> durable_;

  mutable std::mutex mutex_;  // guards all to the next blank line
  std::deque<Chunk> full_;    ///< before pending_: each enough for a block
  std::size_t full_bytes_ = 0;
  std::size_t writing_bytes_ = 0;  ///< of writing_
  Chunk pending_;
  LogOffset next_;
  LogOffset logged_;                   ///< all before it is written, but after a failure
  SteadyTime pending_since_ = kNever;  ///< the first points of pending_
  bool is_flowing_ = false;            ///< points come several times between two writes
  LogOffset sync_wanted_ = 0;          ///< somebody waits for all before it to be synced
  SteadyTime last_flush_ = kNever;
  SteadyTime sleeps_until_ = kForever;  ///< the flusher, if nobody wakes it
  std::deque<Waiter> waiters_;
  SteadyTime last_points_;
  bool is_closed_ = false;
  std::deque<std::pair<LogOffset, LogOffset>> given_up_;  ///< entries that the log refused

  // The flusher's own.
  std::deque<Chunk> writing_;  ///< taken and not yet synced; a body as a whole
  std::size_t written_ = 0;    ///< so many of them are in the log; after a failure they come again
  std::size_t written_bytes_ = 0;  ///< of their payloads
  SteadyTime oldest_written_ = kForever;
  std::vector<LogRows> spares_;
  PointLogEncoder encoder_;
  std::string payload_;
  AgeClock age_clock_;
  SteadyTime retry_at_ = kNever;
  SteadyTime last_tick_ = kNever;
  SteadyTime retain_at_ = kNever;
};

}  // namespace slipstream
