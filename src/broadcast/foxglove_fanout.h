#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "broadcast/hub_stats.h"
#include "codec/message_schema.h"
#include "model/point.h"
#include "model/stored_events.h"
#include "net/ws_session.h"

namespace slipstream {

struct FoxgloveOptions {
  std::string server_name = "Slipstream";
  std::string session_id = {};  ///< another one with each start, so that clients begin anew
  std::size_t max_sample_bytes = 2'000'000;  ///< unsent to a client; then points are left out
  std::size_t max_event_bytes = std::size_t{4} << 20;  ///< likewise; then it is closed
};

/// Points and marks for Foxglove, Lichtblick and PlotJuggler, by the Foxglove WebSocket protocol,
/// version 1 (https://github.com/foxglove/ws-protocol): a channel a machine, `/TRACK/CHASSIS`, and
/// one of marks, `/marks`, in JSON with a schema. A machine's channel is advertised with its first
/// point. Where its points get further members, clients that come later are told of them; those
/// that are there only where none has subscribed to it, since a channel's schema changes with its
/// number, and what comes until they have subscribed to another one would be lost. Clients get what
/// they subscribe to, at event times. While no client is there, nothing is
/// looked at. Memory: kMostChannels names of machines and their members. I/O thread.
class FoxgloveFanout {
 public:
  static constexpr const char* kSubprotocol = "foxglove.websocket.v1";
  /// Points of further machines are not sent, of which each client is told once.
  static constexpr std::size_t kMostChannels = 10'000;

  FoxgloveFanout(FoxgloveOptions options, HubStats& stats)
      : options_(std::move(options)), stats_(stats) {}

  /// The id by which the session's callbacks name it. It is told of the server and the channels.
  std::uint64_t add(std::shared_ptr<WsSession> session);
  void remove(std::uint64_t client);
  void hear(std::uint64_t client, std::string_view text);

  /// A machine's newest point, before a first client comes: so that it sees machines that are
  /// silent now.
  void recall(std::string_view track, std::string_view chassis, std::string_view json);
  void take(const PointBatch& batch);
  void take_mark(const StoredEvent& mark);
  /// What was handed over goes out.
  void flush();

  bool is_empty() const { return clients_.empty(); }
  void close_all(WsClose code, std::string_view reason);

 private:
  using ChannelId = std::uint32_t;
  struct Client {
    std::shared_ptr<WsSession> session;
    std::map<std::uint32_t, ChannelId> subscriptions;  ///< by the client's numbers
    std::uint64_t missed = 0;                          ///< messages, since it was told
    bool is_touched = false;
    bool knows_left_out = false;  ///< that there are more machines than channels
  };
  struct Subscriber {
    Client* client;
    std::uint32_t subscription;
  };
  struct Machine {
    ChannelId id = 0;  ///< 0: it is not advertised
    std::string topic;
    std::string track;
    std::string chassis;
    MessageSchema schema;
    std::vector<Subscriber> subscribers;
  };

  void tell_left_out();
  Machine* machine_of(std::uint64_t hash, std::string_view track, std::string_view chassis);
  Machine* find(ChannelId id);
  /// As it is now; under another number, where it was advertised before.
  void advertise(Machine& machine);
  /// Its schema has grown.
  void grown(Machine& machine);
  static void append_channel(std::string& out, const Machine& machine);
  void subscribe(Client& client, std::uint32_t subscription, ChannelId channel);
  void unsubscribe(Client& client, std::uint32_t subscription);
  void send(const Machine& machine, std::int64_t time_ns, std::string_view json, WsLane lane);
  void tell(Client& client, int level, std::string_view message);
  void send_text(Client& client, std::string_view text);

  const FoxgloveOptions options_;
  HubStats& stats_;
  std::uint64_t next_client_ = 1;
  ChannelId next_channel_ = 1;
  std::unordered_map<std::uint64_t, std::unique_ptr<Client>> clients_;
  std::unordered_map<std::uint64_t, Machine> machines_;  ///< by Point::series_hash
  std::unordered_map<ChannelId, Machine*> advertised_;
  Machine marks_;
  std::vector<Client*> touched_;
};

}  // namespace slipstream
