#pragma once
#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "broadcast/audience.h"
#include "broadcast/client_message.h"
#include "broadcast/delivery.h"
#include "broadcast/event_fanout.h"
#include "broadcast/hub_stats.h"
#include "broadcast/late_join.h"
#include "broadcast/recordings.h"
#include "broadcast/rollup_fanout.h"
#include "broadcast/telemetry_fanout.h"

namespace slipstream {

/// What a client publishes.
struct PublishRequest {
  const HttpRequest& opener;  ///< of its connection: who it is, and what it may
  std::string points;         ///< a JSON array
  std::string key;            ///< sent again under the same one, it is not taken again; empty: none
  std::string traceparent;    ///< whose part it is; empty: nobody's
};
struct PublishAnswer {
  std::string_view refusal = {};  ///< a reason; empty: it was taken, as far as it is valid
  std::string body;  ///< {"ok":..,"accepted":..,"rejected":..,"errors":[..]}; refused: a message
};
/// Called on the I/O thread, later.
using PublishAnswered = std::function<void(PublishAnswer)>;

/// What the fan-out asks of others. `publish`, `read_rollups` and `read_events` must not block.
struct FanoutParts {
  const FieldTable& fields;
  WindowNames windows;
  std::vector<std::string> identity;  ///< members that a point keeps, whatever fields are asked for
  RollupReadFunction read_rollups;
  EventReadFunction read_events;
  std::function<void(PublishRequest, PublishAnswered)> publish;
  std::function<void(const std::string&)> warn;
};

struct FanoutOptions {
  DeliveryOptions delivery = {};
  TelemetryBatcherOptions batch = {};
};

/// What every client gets, and what becomes of what clients say; no threads, no sockets, no timers
/// of its own. What it hands to sessions is flushed at the end of each function. I/O thread.
class Fanout {
 public:
  static constexpr std::size_t kMaxPublishesWaiting = 16;  ///< a client; then it is not read from
  static constexpr std::size_t kMaxPublishBytesWaiting = std::size_t{2} << 20;

  Fanout(FanoutOptions options, FanoutParts parts, HubStats& stats);

  /// What late clients get first; nullptr: there is none. Before clients come.
  void set_recordings(Recordings* recordings) { recordings_ = recordings; }

  /// The id by which the session's callbacks name it.
  std::uint64_t add(std::shared_ptr<WsSession> session);
  void remove(std::uint64_t client);
  void hear(std::uint64_t client, std::string_view text, Moment now);
  /// The session has room again.
  void drained(std::uint64_t client, Moment now);

  void take(const PointBatch& batch, Moment now) {
    telemetry_.take(batch, now);
    late_join_.take(batch, now);
  }
  void take(CommittedRollups rollups);
  RollupFanout& rollups() { return rollups_; }
  /// Of a channel of events.
  void take(Channel channel, const CommittedEvents& events);
  EventFanout& events(Channel channel);
  void take(const InsightUpdate& insights, Moment now);
  /// A sample that is the same for everybody.
  void broadcast(Channel channel, std::string_view text, Moment now);
  /// One that is about a whole track: for all who want something of it, whichever machines.
  void broadcast_track(Channel channel, std::string_view track, std::string_view text, Moment now);
  /// Sends what is due, and what was handed over before.
  void send_due(Moment now);
  void send_all(Moment now);
  SteadyTime next_due() const;

  std::size_t size() const { return audience_.size(); }
  bool wants(Channel channel) const;
  void close_all(WsClose code, std::string_view reason);

 private:
  void subscribe(Client& client, const ClientMessage& message, Subscription subscription,
                 Moment now);
  void pump(Client& client);
  ResumedFunction when_resumed();
  void resumed(Client& client, const std::string& id, const std::optional<MessageFault>& refused);
  void publish(Client& client, const ClientMessage& message, const PublishCommand& command);
  void published(std::uint64_t client, const std::string& id, std::size_t bytes,
                 const PublishAnswer& answer);
  /// Not while the client has asked for more than may wait.
  void read_on(Client& client);
  void answer(Client& client, std::string_view text);
  void answer_subscribed(Client& client, std::string_view id);
  void refuse(Client& client, const MessageFault& fault);
  template <typename FrameOf>
  void send_samples(Channel channel, Moment now, FrameOf frame_of);
  void finish(Moment now);

  const FanoutParts parts_;
  HubStats& stats_;
  ClientMessageParser parser_;
  Audience audience_;
  Delivery delivery_;
  TelemetryFanout telemetry_;
  LateJoin late_join_;
  RollupFanout rollups_;
  EventFanout marks_;
  EventFanout laps_;
  EventFanout alerts_;
  const std::array<ResumableChannel*, 4> resumable_;
  Recordings* recordings_ = nullptr;
  SteadyTime last_warning_ = kNever;
};

}  // namespace slipstream
