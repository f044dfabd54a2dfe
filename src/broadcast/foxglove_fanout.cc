#include "broadcast/foxglove_fanout.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "base/bytes.h"
#include "base/iso_time.h"
#include "base/json_text.h"
#include "codec/json_scan.h"

namespace slipstream {
namespace {

constexpr std::uint8_t kMessageData = 1;
constexpr int kWarning = 1;
constexpr int kError = 2;
constexpr std::string_view kMarksTopic = "/marks";

std::string in_quotes(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

std::optional<std::uint32_t> number_of(const simdjson::dom::element& value) {
  std::uint64_t number = 0;
  if (value.get(number) != simdjson::SUCCESS || number > UINT32_MAX) return std::nullopt;
  return static_cast<std::uint32_t>(number);
}

std::optional<std::uint32_t> member_of(const simdjson::dom::element& object, const char* name) {
  simdjson::dom::element value;
  if (object[name].get(value) != simdjson::SUCCESS) return std::nullopt;
  return number_of(value);
}

}  // namespace

std::uint64_t FoxgloveFanout::add(std::shared_ptr<WsSession> session) {
  const std::uint64_t id = next_client_++;
  Client& client = *clients_.emplace(id, std::make_unique<Client>()).first->second;
  client.session = std::move(session);
  stats_.clients.add(1);
  stats_.clients_seen.add();
  stats_.foxglove_clients.add(1);
  send_text(client,
            fmt::format(R"({{"op":"serverInfo","name":{},"capabilities":[],"metadata":{{}},)"
                        R"("sessionId":{}}})",
                        in_quotes(options_.server_name), in_quotes(options_.session_id)));
  if (!advertised_.empty()) {
    std::string text = R"({"op":"advertise","channels":[)";
    for (const auto& [channel, machine] : advertised_) {
      if (!text.ends_with('[')) text += ',';
      append_channel(text, *machine);
    }
    send_text(client, text += "]}");
  }
  flush();
  return id;
}

void FoxgloveFanout::remove(std::uint64_t id) {
  const auto found = clients_.find(id);
  if (found == clients_.end()) return;
  Client& client = *found->second;
  while (!client.subscriptions.empty()) unsubscribe(client, client.subscriptions.begin()->first);
  std::erase(touched_, &client);
  clients_.erase(found);
  stats_.clients.add(-1);
  stats_.foxglove_clients.add(-1);
}

void FoxgloveFanout::hear(std::uint64_t id, std::string_view text) {
  const auto found = clients_.find(id);
  if (found == clients_.end()) return;
  Client& client = *found->second;
  simdjson::dom::parser parser;
  simdjson::dom::element message;
  std::string_view op;
  simdjson::dom::array items;
  if (parser.parse(text.data(), text.size()).get(message) != simdjson::SUCCESS ||
      message["op"].get(op) != simdjson::SUCCESS) {
    tell(client, kError, "a message is a JSON object with an \"op\"");
  } else if (op == "subscribe" && message["subscriptions"].get(items) == simdjson::SUCCESS) {
    for (const auto item : items) {
      const auto subscription = member_of(item, "id");
      const auto channel = member_of(item, "channelId");
      if (subscription && channel) {
        subscribe(client, *subscription, *channel);
      } else {
        tell(client, kError, "a subscription has the numbers \"id\" and \"channelId\"");
      }
    }
  } else if (op == "unsubscribe" && message["subscriptionIds"].get(items) == simdjson::SUCCESS) {
    for (const auto item : items) {
      if (const auto subscription = number_of(item)) unsubscribe(client, *subscription);
    }
  } else {
    tell(client, kError,
         fmt::format("{} is not understood here: subscribe and unsubscribe are", in_quotes(op)));
  }
  flush();
}

void FoxgloveFanout::subscribe(Client& client, std::uint32_t subscription, ChannelId channel) {
  Machine* const machine = find(channel);
  if (machine == nullptr) {
    return tell(client, kWarning, fmt::format("there is no channel {}", channel));
  }
  const bool has_it = std::ranges::any_of(
      client.subscriptions, [channel](const auto& known) { return known.second == channel; });
  if (has_it || client.subscriptions.contains(subscription)) {
    return tell(client, kWarning,
                fmt::format("channel {} or subscription {} is subscribed to already", channel,
                            subscription));
  }
  client.subscriptions.emplace(subscription, channel);
  machine->subscribers.push_back({&client, subscription});
}

void FoxgloveFanout::unsubscribe(Client& client, std::uint32_t subscription) {
  const auto found = client.subscriptions.find(subscription);
  if (found == client.subscriptions.end()) return;
  if (Machine* const machine = find(found->second)) {
    std::erase_if(machine->subscribers,
                  [&client](const Subscriber& one) { return one.client == &client; });
  }
  client.subscriptions.erase(found);
}

FoxgloveFanout::Machine* FoxgloveFanout::find(ChannelId id) {
  const auto found = advertised_.find(id);
  return found == advertised_.end() ? nullptr : found->second;
}

/// nullptr: there is no room for it, or for another one of the same hash.
FoxgloveFanout::Machine* FoxgloveFanout::machine_of(std::uint64_t hash, std::string_view track,
                                                    std::string_view chassis) {
  const auto known = machines_.find(hash);
  if (known != machines_.end()) {
    Machine& machine = known->second;
    return machine.track == track && machine.chassis == chassis ? &machine : nullptr;
  }
  if (machines_.size() >= kMostChannels) return nullptr;
  Machine& machine = machines_[hash];
  machine.topic = fmt::format("/{}/{}", track, chassis);
  machine.track = track;
  machine.chassis = chassis;
  return &machine;
}

void FoxgloveFanout::append_channel(std::string& out, const Machine& machine) {
  out += fmt::format(R"({{"id":{},"topic":{},"encoding":"json","schemaName":"{}","schema":{},)"
                     R"("schemaEncoding":"jsonschema"}})",
                     machine.id, in_quotes(machine.topic),
                     machine.topic == kMarksTopic ? "slipstream.Mark" : "slipstream.Point",
                     in_quotes(machine.schema.to_json()));
}

void FoxgloveFanout::grown(Machine& machine) {
  if (machine.subscribers.empty()) advertise(machine);
}

void FoxgloveFanout::advertise(Machine& machine) {
  if (machine.id != 0) {
    advertised_.erase(machine.id);
    const std::string gone = fmt::format(R"({{"op":"unadvertise","channelIds":[{}]}})", machine.id);
    for (auto& [id, client] : clients_) send_text(*client, gone);
  }
  machine.id = next_channel_++;
  advertised_.emplace(machine.id, &machine);
  std::string text = R"({"op":"advertise","channels":[)";
  append_channel(text, machine);
  text += "]}";
  for (auto& [id, client] : clients_) send_text(*client, text);
}

void FoxgloveFanout::recall(std::string_view track, std::string_view chassis,
                            std::string_view json) {
  Machine* const machine = machine_of(series_hash(track, chassis), track, chassis);
  if (machine != nullptr && (machine->schema.learn(json) || machine->id == 0)) grown(*machine);
}

void FoxgloveFanout::take(const PointBatch& batch) {
  if (clients_.empty()) return;
  for (const Point& point : batch.points) {
    Machine* const machine =
        machine_of(point.series_hash, batch.track(point), batch.chassis(point));
    if (machine == nullptr) {
      tell_left_out();
      continue;
    }
    const std::string_view json = batch.json(point);
    if (machine->schema.learn(batch, point, json) || machine->id == 0) grown(*machine);
    send(*machine, point.event_time.ns, json, WsLane::kSamples);
  }
}

void FoxgloveFanout::tell_left_out() {
  for (auto& [id, client] : clients_) {
    if (std::exchange(client->knows_left_out, true)) continue;
    tell(*client, kWarning,
         fmt::format("there are more machines than the {} that have channels here", kMostChannels));
  }
}

void FoxgloveFanout::take_mark(const StoredEvent& mark) {
  if (clients_.empty()) return;
  marks_.topic = kMarksTopic;
  if (marks_.schema.learn(mark.json) || marks_.id == 0) grown(marks_);
  const auto time = parse_iso_time(json_string_body(json_member(mark.json, "time")));
  send(marks_, time.value_or(0), mark.json, WsLane::kEvents);
}

void FoxgloveFanout::send(const Machine& machine, std::int64_t time_ns, std::string_view json,
                          WsLane lane) {
  const std::size_t most =
      lane == WsLane::kSamples ? options_.max_sample_bytes : options_.max_event_bytes;
  for (const Subscriber& one : machine.subscribers) {
    Client& client = *one.client;
    if (client.session->unsent_bytes(lane) > most) {
      if (lane == WsLane::kEvents) {
        client.session->close(WsClose::kTryAgainLater, "too far behind");
        stats_.clients_too_far_behind.add();
      }
      ++client.missed;
      stats_.foxglove_skipped.add();
      continue;
    }
    if (client.missed > 0) {
      tell(client, kWarning,
           fmt::format("{} messages were left out: they came faster than they were taken",
                       std::exchange(client.missed, 0)));
    }
    std::string head;
    ByteWriter bytes(head);
    bytes.fixed(kMessageData);
    bytes.fixed(one.subscription);
    bytes.fixed(static_cast<std::uint64_t>(std::max<std::int64_t>(time_ns, 0)));
    client.session->send(Frame::binary(head, json), lane);
    stats_.foxglove_sent.add();
    if (!std::exchange(client.is_touched, true)) touched_.push_back(&client);
  }
}

void FoxgloveFanout::tell(Client& client, int level, std::string_view message) {
  send_text(client,
            fmt::format(R"({{"op":"status","level":{},"message":{}}})", level, in_quotes(message)));
}

void FoxgloveFanout::send_text(Client& client, std::string_view text) {
  client.session->send(Frame::text(text), WsLane::kEvents);
  if (!std::exchange(client.is_touched, true)) touched_.push_back(&client);
}

void FoxgloveFanout::flush() {
  for (Client* const client : std::exchange(touched_, {})) {
    client->is_touched = false;
    client->session->flush();
  }
}

void FoxgloveFanout::close_all(WsClose code, std::string_view reason) {
  for (auto& [id, client] : clients_) client->session->close(code, reason);
}

}  // namespace slipstream
