#pragma once
#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/agent.h"
#include "base/counters.h"
#include "base/retry.h"
#include "base/signal.h"
#include "model/ingest_stats.h"
#include "model/sinks.h"
#include "redis/servers.h"
#include "redis_streams/stream_names.h"

namespace slipstream {

/// As set; what has no default here has it in the settings.
struct StreamAppenderOptions {
  StreamNames names;
  std::string instance;  ///< unique among the running ones
  std::int64_t flush_interval_ms;
  std::size_t max_backlog_bytes;         ///< not yet in Redis: then it is full
  std::uint32_t wait_replicas;           ///< for kReplicated
  std::int64_t answer_limit_ms = 5'000;  ///< then who waits is told that it is not durable yet
};

/// Any thread.
struct StreamAppenderStats {
  Counter entries;
  Counter points;
  Counter retries;  ///< entries sent again after a connection was lost; Redis drops repeats
  Counter lost;     ///< entries that Redis had taken, and after a failover has no more
  Gauge backlog_bytes;
  Gauge failing;            ///< streams that cannot be written at the moment
  LatencyHistogram append;  ///< an entry's way to Redis and back
};

/// Where the log of many instances is written: puts accepted points into their partitions' streams,
/// many in one entry, and hands them on to the broadcast of this instance at once. A mark goes into
/// every stream, in its place among the points. An entry has a number of its writer's, and Redis
/// takes each number once and in order: what was sent over a lost connection can be sent again. A
/// body with a key is one entry a stream, which has the key's name: whichever instance gets it
/// again, a stream takes it once. While Redis is away points wait, up to `max_backlog_bytes`.
///
/// Durability: kLogged and kFsynced are answered when Redis has answered; what it does about its
/// disk is its configuration. kReplicated is answered when so many replicas have the entries. Until
/// then the entries of such a body are kept in memory, and sent again to the new master after a
/// failover. Entries of other bodies are not kept: what a failover has lost of them is found and
/// counted, and their bodies are never called replicated.
///
/// Threads: PointSink's functions from any; poll() on its own.
class StreamAppender final : public Agent, public PointSink {
 public:
  using Warn = std::function<void(const std::string&)>;

  /// `live` takes the points for this instance's clients, and counts them as accepted.
  StreamAppender(RedisServers& servers, StreamAppenderOptions options, PointSink& live,
                 BatchPool& pool, IngestStats& ingest, const Clock& clock, Warn warn);
  ~StreamAppender() override;

  std::uint32_t partitions() const override { return live_.partitions(); }
  bool offer(PointBatchPtr& batch) override;
  std::expected<LogOffset, Refusal> offer_all(Body& body) override;
  void when_durable(LogOffset offset, Durability durability,
                    std::function<void(bool)> done) override;

  std::size_t poll(std::size_t budget) override;
  void idle() override;
  void wake() override { signal_.notify(); }
  /// Writes what waits; false where something is left at the deadline. For the end.
  bool flush(std::chrono::steady_clock::time_point deadline);

  const StreamAppenderStats& stats() const { return stats_; }

 private:
  struct Entry {
    std::uint64_t number = 0;      ///< of this writer's in its stream, from 1
    std::string points = {};       ///< NDJSON, with marks among them
    std::uint64_t count = 0;       ///< points
    std::string key = {};          ///< of the body that it is all the points of, for this stream
    std::string traceparent = {};  ///< of what all its points are of; empty: they are not sampled
    SteadyTime sent_at = kNever;
    bool is_kept = false;  ///< its bytes are among kept_bytes_, no backlog any more
  };
  /// What the next reply of a stream's connection is to.
  enum class Expected : std::uint8_t { kEntry, kTouch, kWait };
  /// One partition's stream.
  struct Stream {
    StreamKeys keys;
    std::string producer;  ///< Redis keeps the newest number of ours under it
    // Guarded by mutex_.
    Entry open;                       ///< gathers points; its number is the next one's
    std::deque<Entry> waiting;        ///< not yet sent
    std::uint64_t accepted = 0;       ///< number of the newest entry that Redis has
    std::uint64_t replicated = 0;     ///< likewise, on replicas
    std::uint64_t wanted = 0;         ///< a body waits for replicas to have the entries up to here
    std::deque<Entry> kept;           ///< accepted and wanted, not yet replicated
    SteadyTime accepted_at = kNever;  ///< when the newest was
    std::uint64_t told_lost = 0;      ///< what is lost up to here has been told
    bool is_failing = false;
    // poll()'s own.
    std::unique_ptr<RedisConnection> connection;
    std::deque<Entry> sent;
    std::deque<Expected> expected;
    std::uint64_t has = 0;            ///< the newest number that this connection's server has
    bool waits_for_replicas = false;  ///< a WAIT has been sent
    std::uint64_t wait_covers = 0;    ///< the entry that it stands behind
    SteadyTime waited_at = kNever;    ///< when it was sent
    Retry retry;

    /// What the server must have when it does what is queued next.
    std::uint64_t newest_sent() const { return sent.empty() ? has : sent.back().number; }
  };
  struct Waiter {
    Durability durability;
    SteadyTime since;
    std::function<void(bool)> done;
  };
  /// A stream, the number of an entry there.
  using StreamEntries = std::vector<std::pair<std::uint32_t, std::uint64_t>>;
  /// A body: where its points are.
  struct Ticket {
    LogOffset body = 0;
    Durability durability = Durability::kLogged;  ///< it stays until its entries are that
    StreamEntries entries{};
    std::vector<Waiter> waiters{};
  };

  /// Of each stream's open entry: its number, and how many bytes are in it.
  using EntryEnds = std::vector<std::pair<std::uint64_t, std::size_t>>;

  EntryEnds ends_locked() const;
  StreamEntries entries_since_locked(const EntryEnds& before) const;
  void append_locked(const PointBatch& batch);
  Waiter log_span_waiter(SampledTracePtr sampled, Durability durability) const;
  void append_mark_locked(const std::string& line);
  void close_full_entries_locked();
  void hand_on(PointBatchPtr batch);
  void hand_on(const MarkPtr& mark);
  void close_entries_locked(std::string_view key);
  void close_entry_locked(Stream& stream, std::string_view key);
  bool is_durable_locked(const Ticket& ticket, Durability durability) const;
  /// Its points may be gone: a failover has lost entries of its time, and its own were not kept.
  bool is_doubtful_locked(const Ticket& ticket) const;
  bool wants_replicas_locked(const Stream& stream) const;
  bool connect(Stream& stream);
  /// Finds what a server before had accepted and this one does not have.
  bool compare_newest(Stream& stream);
  void send_again_locked(Stream& stream);
  void find_lost_locked(Stream& stream);
  bool send(Stream& stream);
  void queue_entry(Stream& stream, Entry entry);
  void queue_wait(Stream& stream);
  bool receive(Stream& stream);
  void take_reply(Stream& stream, ReplyView reply);
  void take_accepted_locked(Stream& stream);
  void take_replicated_locked(Stream& stream);
  void lose(Stream& stream, const std::string& why);
  void settle();

  RedisServers& servers_;
  const StreamAppenderOptions options_;
  PointSink& live_;
  BatchPool& pool_;
  IngestStats& ingest_;
  const Clock& clock_;
  const Warn warn_;
  StreamAppenderStats stats_;
  Signal signal_;

  std::mutex mutex_;  // guards all below, and what Stream says
  std::vector<Stream> streams_;
  std::map<LogOffset, Ticket> tickets_;  ///< bodies not yet as durable as can be
  LogOffset next_ticket_ = 0;
  LogOffset doubtful_to_ = 0;       ///< bodies up to here, where their entries were not kept
  std::set<LogOffset> replicated_;  ///< the newest bodies that replicas have had
  std::size_t kept_bytes_ = 0;
  bool wants_replicas_ = false;  ///< somebody waits for kReplicated
};

}  // namespace slipstream
