#pragma once
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/bounded_queue.h"
#include "base/clock.h"
#include "broadcast/fanout.h"
#include "broadcast/foxglove_fanout.h"
#include "broadcast/hub_stats.h"
#include "broadcast/live_series.h"
#include "broadcast/recent_ring.h"
#include "model/sinks.h"
#include "net/io_thread.h"
#include "net/ws_session.h"

namespace slipstream {

struct HubOptions {
  FanoutOptions fanout = {};
  std::size_t ring_points = 20'000;
  std::int64_t told_offset_ms = 0;  ///< what machines' clocks may be off by; 0: anything
  std::size_t queue_bytes = std::size_t{64} << 20;  ///< accepted points on their way to the hub
  std::size_t rollup_queue_bytes = std::size_t{32} << 20;  ///< likewise, committed rollups
  FoxgloveOptions foxglove = {};
  std::size_t max_events_waiting = 1'024;  ///< commits of marks, laps and alerts, likewise
};

/// Brings accepted points, committed rollups, marks, laps, alerts and other messages to the
/// WebSocket clients: the fan-out with its queues and timers. While there are no clients, what
/// comes is taken in some times a second, or when it is asked for. Threads: accept() from any,
/// never blocks; all else on the I/O thread.
class Hub final : public AcceptedSink,
                  public RollupSink,
                  public StoredMarkSink,
                  public StoredLapSink,
                  public StoredAlertSink {
 public:
  Hub(IoThread& io, HubOptions options, const Clock& clock, BatchPool& pool, FanoutParts parts);
  ~Hub() override;

  void accept(PointBatchPtr batch) override;
  /// One thread, the store's.
  void accept(const RollupBatch& rollups, std::span<const RollupRow> rows) override;
  /// Likewise.
  void accept(std::span<const StoredMark> marks) override;
  /// Likewise.
  void accept(std::span<const StoredLap> laps) override;
  /// Likewise.
  void accept(std::span<const StoredAlert> alerts) override;
  /// The newest stored event of that channel of earlier runs, likewise.
  void begin_events(Channel channel, StoredCursor newest);
  /// The newest stored rollup of earlier runs. Before the first rollup is accepted.
  void begin_rollups(RollupCursor newest);

  /// What late clients get first; nullptr: there is none. Before clients come.
  void recall_from(Recordings* recordings);
  void add_client(std::shared_ptr<WsSession> session);
  /// One that speaks Foxglove's protocol.
  void add_foxglove_client(std::shared_ptr<WsSession> session);
  void broadcast(Channel channel, std::string_view text);
  /// What is about a whole track.
  void broadcast_track(Channel channel, std::string_view track, std::string_view text);
  void broadcast(const InsightUpdate& insights);
  /// Whether anybody would get it.
  bool wants(Channel channel) const;
  /// Sends what waits and says goodbye (1001) to every client; `done` when all are gone or after
  /// `limit`.
  void close(std::chrono::milliseconds limit, std::function<void()> done);

  /// With all that was accepted until now, as series() is.
  const RecentRing& recent() const;
  const LiveSeries& series() const;
  const HubStats& stats() const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace slipstream
