#include "broadcast/hub.h"

#include <array>
#include <atomic>
#include <chrono>
#include <mutex>
#include <utility>
#include <vector>

#include "broadcast/stored_events.h"

namespace slipstream {
namespace {

constexpr std::size_t kBatchesPerTurn = 256;
constexpr std::size_t kCommitsPerTurn = 16;
constexpr std::chrono::milliseconds kUnwatchedTurn{100};
constexpr std::size_t kUnwatchedBytes = std::size_t{512} << 10;  // less stays in the cache
constexpr int kTurnsToCatchUp = 16;
constexpr std::string_view kStopping = "the server is stopping";

struct EventCommit {
  Channel channel;
  CommittedEvents committed;
};

}  // namespace

struct Hub::Impl : std::enable_shared_from_this<Hub::Impl> {
  Impl(IoThread& io_thread, const HubOptions& o, const Clock& c, BatchPool& p, FanoutParts parts)
      : io(io_thread),
        clock(c),
        pool(p),
        queue({.items = 65'536, .bytes = o.queue_bytes}),
        commits({.items = 65'536, .bytes = o.rollup_queue_bytes}),
        event_commits({.items = o.max_events_waiting, .bytes = o.rollup_queue_bytes}),
        ring(o.ring_points),
        series(LiveSeries::kMaxSeries, o.told_offset_ms),
        fanout(o.fanout, std::move(parts), stats),
        foxglove(o.foxglove, stats) {}

  void accept(PointBatchPtr batch) {
    const std::size_t points = batch->points.size();
    const std::size_t bytes = batch->bytes();
    if (batch->sampled) batch->handed_on_ns = clock.now().ns;
    if (queue.offer(batch, bytes) != OfferStatus::kTaken) {
      stats.points_dropped.add(points);
      if (batch->sampled) tell_not_broadcast(*batch);
      pool.put(std::move(batch));
    }
    post_turn_for(bytes);
  }

  static void tell_not_broadcast(const PointBatch& batch) {
    batch.sampled->child(kPublishSpan, {batch.handed_on_ns, batch.sampled->now()},
                         {{kPointsAttribute, attribute_of(batch.points.size())}},
                         "the hub's queue is full");
  }

  void accept(const RollupBatch& rollups, std::span<const RollupRow> rows) {
    CommittedRollups committed{.rollups = rollups,
                               .rows = {rows.begin(), rows.end()},
                               .before = accepted,
                               .after = accepted};
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (rows[i] > 0) {
        committed.after = {rows[i], RollupCursor::check_of(rollups[i]->window_id)};
      }
    }
    accepted = committed.after;
    const std::size_t bytes = committed.bytes();
    if (commits.offer(committed, bytes) != OfferStatus::kTaken) {
      for (const auto& rollup : rollups) {
        if (!rollup->stored) stats.rollups_dropped.add();
      }
      const std::lock_guard lock(dropped_mutex);
      dropped_to = accepted;
    }
    post_turn_for(bytes);
  }

  void accept(Channel channel, std::vector<StoredEvent> events) {
    StoredCursor& newest = accepted_events[index(channel)];
    EventCommit commit{channel, {.events = std::move(events), .before = newest}};
    newest = commit.committed.events.back().cursor;
    const std::size_t bytes = commit.committed.bytes();
    if (event_commits.offer(commit, bytes) != OfferStatus::kTaken) {
      const std::lock_guard lock(dropped_mutex);
      dropped_events_to[index(channel)] = newest;
    }
    post_turn_for(bytes);
  }

  /// For something of so many bytes: where nobody waits for it, it may gather.
  void post_turn_for(std::size_t bytes) {
    const std::size_t waiting = waiting_bytes.fetch_add(bytes) + bytes;
    if (stats.clients.value() > 0 || waiting >= kUnwatchedBytes) return post_turn();
    if (later_turn_posted.exchange(true)) return;
    io.after(kUnwatchedTurn, [weak = weak_from_this()] {
      const auto self = weak.lock();
      if (!self) return;
      self->later_turn_posted.store(false);
      self->turn();
    });
  }

  /// At most one turn is under way, however many batches come.
  void post_turn() {
    if (turn_posted.exchange(true)) return;
    io.post([self = shared_from_this()] { self->turn(); });
  }

  std::size_t depth() const { return queue.depth() + commits.depth() + event_commits.depth(); }

  void catch_up() {
    for (int i = 0; i < kTurnsToCatchUp && depth() > 0; ++i) turn();
  }

  void turn() {
    turn_posted.store(false);
    waiting_bytes.store(0);
    const Moment now = clock.moment();
    queue.take(taken, kBatchesPerTurn);
    const bool more = taken.size() == kBatchesPerTurn;
    for (auto& batch : taken) {
      take(*batch, now);
      pool.put(std::move(batch));
    }
    taken.clear();
    stats.ring_points.set(static_cast<std::int64_t>(ring.size()));
    const bool more_commits = take_commits();
    take_events();
    send_if_due();
    foxglove.flush();
    if (more || more_commits) post_turn();
  }

  void take(const PointBatch& batch, Moment now) {
    for (const auto& point : batch.points) {
      ring.push(batch, point);
      series.push(batch, point, now.steady);
    }
    fanout.take(batch, now);
    foxglove.take(batch);
  }

  bool take_commits() {
    commits.take(taken_commits, kCommitsPerTurn);
    const bool more = taken_commits.size() == kCommitsPerTurn;
    for (auto& committed : taken_commits) fanout.take(std::move(committed));
    taken_commits.clear();
    if (!more) {
      RollupCursor dropped;
      {
        const std::lock_guard lock(dropped_mutex);
        dropped = std::exchange(dropped_to, {});
      }
      if (dropped.row > fanout.rollups().newest().row) fanout.rollups().skip_to(dropped);
    }
    return more;
  }

  void take_events() {
    event_commits.take(taken_events, kCommitsPerTurn);
    const bool more = taken_events.size() == kCommitsPerTurn;
    for (const auto& [channel, committed] : taken_events) {
      fanout.take(channel, committed);
      if (channel != Channel::kMarks) continue;
      for (const StoredEvent& mark : committed.events) foxglove.take_mark(mark);
    }
    taken_events.clear();
    if (more) return post_turn();
    std::array<StoredCursor, kChannelCount> dropped;
    {
      const std::lock_guard lock(dropped_mutex);
      dropped = std::exchange(dropped_events_to, {});
    }
    for (const Channel channel : kEventChannels) {
      EventFanout& events = fanout.events(channel);
      if (dropped[index(channel)].row <= events.newest().row) continue;
      events.skip_to(dropped[index(channel)]);
    }
  }

  void send_if_due() {
    const Moment now = clock.moment();
    fanout.send_due(now);
    const SteadyTime due = fanout.next_due();
    if (due >= timer) return;  // the timer that is set comes first, and looks again
    timer = due;
    const auto wait = std::max<std::int64_t>(due - now.steady, 0);
    io.after(std::chrono::nanoseconds(wait), [weak = weak_from_this(), due] {
      const auto self = weak.lock();
      if (!self) return;
      if (self->timer == due) self->timer = kForever;
      self->send_if_due();
    });
  }

  void add_client(std::shared_ptr<WsSession> session) {
    catch_up();  // what came before it is not for it
    WsSession& added = *session;
    const std::uint64_t id = fanout.add(std::move(session));
    added.on_text = [weak = weak_from_this(), id](std::string_view text) {
      const auto self = weak.lock();
      if (!self || self->closing) return;
      self->fanout.hear(id, text, self->clock.moment());
      self->send_if_due();
    };
    added.on_drain = [weak = weak_from_this(), id] {
      if (const auto self = weak.lock()) self->fanout.drained(id, self->clock.moment());
    };
    added.on_close = [weak = weak_from_this(), id] {
      if (const auto self = weak.lock()) self->remove_client(id);
    };
    if (closing) added.close(WsClose::kGoingAway, kStopping);
  }

  void add_foxglove_client(std::shared_ptr<WsSession> session) {
    catch_up();
    if (foxglove.is_empty()) {
      ring.for_each_machine(
          [this](std::string_view track, std::string_view chassis, std::string_view json) {
            foxglove.recall(track, chassis, json);
          });
    }
    WsSession& added = *session;
    const std::uint64_t id = foxglove.add(std::move(session));
    added.on_text = [weak = weak_from_this(), id](std::string_view text) {
      if (const auto self = weak.lock(); self && !self->closing) self->foxglove.hear(id, text);
    };
    added.on_close = [weak = weak_from_this(), id] {
      const auto self = weak.lock();
      if (!self) return;
      self->foxglove.remove(id);
      self->tell_closed();
    };
    if (closing) added.close(WsClose::kGoingAway, kStopping);
  }

  void remove_client(std::uint64_t id) {
    fanout.remove(id);
    tell_closed();
  }

  bool has_clients() const { return fanout.size() > 0 || !foxglove.is_empty(); }
  void tell_closed() {
    if (!has_clients() && on_closed) std::exchange(on_closed, nullptr)();
  }

  void close(std::chrono::milliseconds limit, std::function<void()> done) {
    while (depth() > 0) turn();
    fanout.send_all(clock.moment());
    closing = true;
    if (!has_clients()) return done();
    on_closed = std::move(done);
    fanout.close_all(WsClose::kGoingAway, kStopping);
    foxglove.close_all(WsClose::kGoingAway, kStopping);
    io.after(limit, [self = shared_from_this()] {
      if (self->on_closed) std::exchange(self->on_closed, nullptr)();
    });
  }

  IoThread& io;
  const Clock& clock;
  BatchPool& pool;
  HubStats stats;
  BoundedQueue<PointBatchPtr> queue;
  BoundedQueue<CommittedRollups> commits;
  BoundedQueue<EventCommit> event_commits;
  std::atomic<bool> turn_posted{false};
  std::atomic<bool> later_turn_posted{false};
  std::atomic<std::size_t> waiting_bytes{0};  ///< in the queues, about
  RollupCursor accepted;                      ///< on the store's thread: of the newest commit
  std::array<StoredCursor, kChannelCount> accepted_events;  ///< likewise, by channel
  std::mutex dropped_mutex;
  RollupCursor dropped_to;  ///< guarded by dropped_mutex: commits up to there found the queue full
  std::array<StoredCursor, kChannelCount> dropped_events_to;  ///< likewise, by channel

  // On the I/O thread.
  RecentRing ring;
  LiveSeries series;
  Fanout fanout;
  FoxgloveFanout foxglove;
  std::vector<PointBatchPtr> taken;
  std::vector<CommittedRollups> taken_commits;
  std::vector<EventCommit> taken_events;
  SteadyTime timer = kForever;  ///< when the earliest timer that is set goes off
  bool closing = false;
  std::function<void()> on_closed;
};

Hub::Hub(IoThread& io, HubOptions options, const Clock& clock, BatchPool& pool, FanoutParts parts)
    : impl_(std::make_shared<Impl>(io, options, clock, pool, std::move(parts))) {}
Hub::~Hub() = default;

void Hub::add_foxglove_client(std::shared_ptr<WsSession> session) {
  impl_->add_foxglove_client(std::move(session));
}

void Hub::accept(PointBatchPtr batch) {
  impl_->accept(std::move(batch));
}
void Hub::accept(const RollupBatch& rollups, std::span<const RollupRow> rows) {
  impl_->accept(rollups, rows);
}
void Hub::accept(std::span<const StoredMark> marks) {
  if (marks.empty()) return;
  std::vector<StoredEvent> events;
  for (const StoredMark& mark : marks) events.push_back(event_of(mark));
  impl_->accept(Channel::kMarks, std::move(events));
}
void Hub::accept(std::span<const StoredLap> laps) {
  if (laps.empty()) return;
  std::vector<StoredEvent> events;
  for (const StoredLap& lap : laps) events.push_back(event_of(lap));
  impl_->accept(Channel::kLaps, std::move(events));
}
void Hub::accept(std::span<const StoredAlert> alerts) {
  if (alerts.empty()) return;
  std::vector<StoredEvent> events;
  for (const StoredAlert& alert : alerts) events.push_back(event_of(alert));
  impl_->accept(Channel::kAlerts, std::move(events));
}
void Hub::begin_events(Channel channel, StoredCursor newest) {
  impl_->accepted_events[index(channel)] = newest;
  impl_->fanout.events(channel).begin(newest);
}
void Hub::begin_rollups(RollupCursor newest) {
  impl_->accepted = newest;
  impl_->fanout.rollups().begin(newest);
}
void Hub::recall_from(Recordings* recordings) {
  impl_->fanout.set_recordings(recordings);
}
void Hub::add_client(std::shared_ptr<WsSession> session) {
  impl_->add_client(std::move(session));
}
void Hub::broadcast(const InsightUpdate& insights) {
  impl_->fanout.take(insights, impl_->clock.moment());
}
void Hub::broadcast_track(Channel channel, std::string_view track, std::string_view text) {
  impl_->fanout.broadcast_track(channel, track, text, impl_->clock.moment());
}
void Hub::broadcast(Channel channel, std::string_view text) {
  impl_->fanout.broadcast(channel, text, impl_->clock.moment());
}
bool Hub::wants(Channel channel) const {
  return impl_->fanout.wants(channel);
}
void Hub::close(std::chrono::milliseconds limit, std::function<void()> done) {
  impl_->close(limit, std::move(done));
}
const RecentRing& Hub::recent() const {
  impl_->catch_up();
  return impl_->ring;
}
const LiveSeries& Hub::series() const {
  impl_->catch_up();
  return impl_->series;
}
const HubStats& Hub::stats() const {
  return impl_->stats;
}

}  // namespace slipstream
