#pragma once
#include <atomic>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/agent.h"
#include "base/counters.h"
#include "base/signal.h"
#include "codec/log_rows.h"
#include "codec/point_log_encoder.h"
#include "log/log.h"
#include "model/sinks.h"
#include "pipeline/pipeline.h"

namespace slipstream {

struct JournalOptions {
  std::int64_t flush_interval_ms = 10;                     ///< between syncs, while something waits
  std::size_t flush_bytes = std::size_t{4} << 20;          ///< or when so much waits
  std::size_t max_backlog_bytes = std::size_t{256} << 20;  ///< not yet in the log: then it is full
  std::int64_t tick_ms = 50;                               ///< between ticks, while points come
  std::int64_t slow_tick_ms = 500;  ///< when none have come for 5 s and windows are open
  std::int64_t retention_check_ms = 10'000;
};

/// Any thread.
struct JournalStats {
  Counter appended_bytes;
  Counter appended_blocks;
  LatencyHistogram fsync;
  Counter failures;
  Gauge failing;  ///< 1 while the log cannot be written
  Gauge backlog_bytes;
};

/// Gives all that comes its place in the log and, in the same order, in its partition's queue; and
/// writes the log, many batches in one block with one sync. The log comes before the fold in order,
/// not in time: a partition folds at once what is written a little later, and what comes of it is
/// committed only once durable_offset() has passed it.
///
/// While the log cannot be written (a full disk), what comes is kept and folded until
/// `max_backlog_bytes` wait; bodies that want more than kReceived are refused, and waiting ones are
/// told. It tries again every second, and goes on where the log ended.
///
/// Threads: PointSink's functions, close() and the getters from any; poll() on the flusher's.
class Journal final : public Agent, public PointSink {
 public:
  using Warn = std::function<void(const std::string&)>;

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
  };
  /// Goes on at the log's end. `log` may be nullptr: nothing is kept, and everything counts as
  /// durable at once.
  Journal(Log* log, Pipeline& pipeline, Parts parts, JournalOptions options, Warn warn);

  std::uint32_t partitions() const override { return pipeline_.partitions(); }
  bool offer(PointBatchPtr& batch) override;
  std::expected<LogOffset, Refusal> offer_all(Body& body) override;
  void when_durable(LogOffset offset, Durability durability,
                    std::function<void(bool)> done) override;

  /// Closes all windows, by an entry in the log; no tick follows it, which nobody would fold.
  /// `layout`: the definitions in force from here on, where they change.
  void close_windows(const std::optional<std::string>& layout = std::nullopt);
  /// Writes what waits without a pause; false when that failed. For the end, and for tests.
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
  /// One block on its way to the log.
  struct Block {
    LogOffset base = 0;
    std::uint32_t count = 0;
    std::int64_t min_ns = 0;
    std::int64_t max_ns = 0;
  };

  void begin_entries_locked();
  void append_locked(PointBatchPtr batch);
  void append_control_locked(Work::Kind kind, ArrivalTime now);
  bool has_backlog_room_locked() const;
  void tick(ArrivalTime now);
  bool has_open_windows() const;
  void retain(ArrivalTime now);
  bool swap_pending_locked(ArrivalTime now, bool at_once);
  bool take_pending(ArrivalTime now, bool at_once);
  bool write_block();
  static constexpr std::size_t kMaxBlockBytes = std::size_t{16} << 20;
  void fail(const Error& error);
  void settle(LogOffset logged, LogOffset synced, bool written);

  Log* const log_;
  Pipeline& pipeline_;
  const Parts parts_;
  const JournalOptions options_;
  const Warn warn_;
  const std::int64_t late_ns_;  ///< after the last point, late rollups may still be open
  JournalStats stats_;
  Signal signal_;
  std::atomic<LogOffset> durable_;

  mutable std::mutex mutex_;  // guards all to the next blank line
  struct FullRows {
    LogRows rows;
    LogOffset base;
  };
  std::deque<FullRows> full_;  ///< before pending_: each enough for a block
  std::size_t full_bytes_ = 0;
  LogRows pending_;
  LogOffset pending_base_;
  LogOffset next_;
  std::deque<Waiter> waiters_;
  ArrivalTime last_points_;
  bool is_closed_ = false;

  // The flusher's own.
  LogRows rows_;  ///< in the block
  PointLogEncoder encoder_;
  std::optional<Block> block_;  ///< not yet synced; its bytes are payload_
  std::string payload_;
  std::int64_t last_flush_ns_ = 0;
  std::int64_t retry_at_ns_ = 0;
  std::int64_t last_tick_ns_ = 0;
  std::int64_t retain_at_ns_ = 0;
};

}  // namespace slipstream
