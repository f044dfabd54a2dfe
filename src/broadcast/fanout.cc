#include "broadcast/fanout.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "codec/json_scan.h"
#include "model/point.h"

namespace slipstream {
namespace {

constexpr std::int64_t kWarnEveryNs = 10 * kNsPerSecond;

/// The key under which a publish is remembered. A string is the client's own, as in HTTP. Numbers
/// are often just counted, by many clients from 1: so the points are part of the key.
std::string key_of(std::string_view id, std::string_view points) {
  if (id.starts_with('"')) return std::string(json_string_body(id));
  if (id.empty()) return {};
  return fmt::format("{}#{:016x}", id, series_hash(points, id));
}

bool is_resuming(const StoredReading& reading) {
  return reading.resuming.has_value();
}

}  // namespace

Fanout::Fanout(FanoutOptions options, FanoutParts parts, HubStats& stats)
    : parts_(std::move(parts)),
      stats_(stats),
      parser_(parts_.windows),
      audience_(parts_.identity, options.batch),
      delivery_(options.delivery, stats),
      telemetry_(audience_, delivery_, stats),
      late_join_(audience_, delivery_, telemetry_),
      rollups_(audience_, delivery_, parts_.fields, parts_.read_rollups, when_resumed()),
      marks_(Channel::kMarks, audience_, delivery_, parts_.read_events, when_resumed()),
      laps_(Channel::kLaps, audience_, delivery_, parts_.read_events, when_resumed()),
      alerts_(Channel::kAlerts, audience_, delivery_, parts_.read_events, when_resumed()),
      resumable_{&rollups_, &marks_, &laps_, &alerts_} {
  stats_.batch_points.set(static_cast<std::int64_t>(options.batch.batch_points));
  stats_.batch_spacing_us.set(options.batch.batch_min_ms * 1'000);
}

std::uint64_t Fanout::add(std::shared_ptr<WsSession> session) {
  const Client& client = audience_.add(std::move(session));
  stats_.clients_seen.add();
  stats_.clients.add(1);
  stats_.groups.set(static_cast<std::int64_t>(audience_.groups().size()));
  return client.id;
}

void Fanout::remove(std::uint64_t id) {
  Client* const client = audience_.find(id);
  if (client == nullptr) return;
  late_join_.end(*client);
  delivery_.forget(*client);
  audience_.remove(*client);
  stats_.clients.add(-1);
  stats_.groups.set(static_cast<std::int64_t>(audience_.groups().size()));
}

void Fanout::hear(std::uint64_t id, std::string_view text, Moment now) {
  Client* const client = audience_.find(id);
  if (client == nullptr) return;
  auto message = parser_.parse(text);
  if (!message) {
    refuse(*client, message.error());
  } else if (auto* subscribe_command = std::get_if<SubscribeCommand>(&message->command)) {
    subscribe(*client, *message, std::move(subscribe_command->subscription), now);
  } else if (const auto* resume_command = std::get_if<ResumeCommand>(&message->command)) {
    const auto resumed = std::ranges::find(resumable_, resume_command->channel,
                                           [](const auto* channel) { return channel->channel(); });
    (*resumed)->resume(*client, resume_command->after, std::string(message->id));
    read_on(*client);
    pump(*client);
  } else if (const auto* publish_command = std::get_if<PublishCommand>(&message->command)) {
    publish(*client, *message, *publish_command);
  } else {
    answer(*client, message->id.empty() ? std::string(R"({"type":"pong"})")
                                        : fmt::format(R"({{"type":"pong","id":{}}})", message->id));
  }
  delivery_.flush();
}

void Fanout::subscribe(Client& client, const ClientMessage& message, Subscription subscription,
                       Moment now) {
  if (subscription.from_session && recordings_ == nullptr) {
    return refuse(client, {"no_history",
                           "there is no log on this machine that sessions could be read from: "
                           "subscribe without 'from'",
                           std::string(message.id)});
  }
  std::array<bool, kChannelCount> had{};
  for (const auto* channel : resumable_) {
    had[index(channel->channel())] = client.subscription.has(channel->channel());
  }
  if (!audience_.subscribe(client, std::move(subscription))) {
    return refuse(client,
                  {"too_many_filters",
                   fmt::format("there are {} different filters already", Audience::kMaxGroups),
                   std::string(message.id)});
  }
  stats_.groups.set(static_cast<std::int64_t>(audience_.groups().size()));
  late_join_.end(client);
  if (client.conflating) {
    // What was kept for it was of its old subscription: it is told that it missed something.
    client.conflating = false;
    client.newest = {};
    ++client.missed;
  }
  for (auto* channel : resumable_) {
    channel->subscribed(client, had[index(channel->channel())], now.steady);
  }
  answer_subscribed(client, message.id);
  if (client.subscription.from_session) late_join_.begin(client, *recordings_, now.steady);
  pump(client);
}

void Fanout::pump(Client& client) {
  late_join_.pump(client);
  for (auto* channel : resumable_) channel->pump(client);
}

ResumedFunction Fanout::when_resumed() {
  return [this](Client& client, const std::string& id, const std::optional<MessageFault>& refused) {
    resumed(client, id, refused);
  };
}

void Fanout::resumed(Client& client, const std::string& id,
                     const std::optional<MessageFault>& refused) {
  read_on(client);
  if (!refused) return answer_subscribed(client, id);
  MessageFault fault = *refused;
  fault.id = id;
  refuse(client, fault);
}

void Fanout::answer_subscribed(Client& client, std::string_view id) {
  std::string text = R"({"type":"subscribed",)";
  client.subscription.append_json(text, parts_.windows.stored);
  if (client.subscription.has(Channel::kRollups)) {
    text += R"(,"cursor":")" + rollups_.cursor_of(client).to_text() + '"';
  }
  std::string cursors;
  for (const auto* events : {&marks_, &laps_, &alerts_}) {
    if (!client.subscription.has(events->channel())) continue;
    cursors += fmt::format(R"({}"{}":"{}")", cursors.empty() ? "" : ",", name_of(events->channel()),
                           events->cursor_of(client).to_text());
  }
  if (!cursors.empty()) text += R"(,"cursors":{)" + cursors + '}';
  if (!id.empty()) text += fmt::format(R"(,"id":{})", id);
  answer(client, text += '}');
}

void Fanout::publish(Client& client, const ClientMessage& message, const PublishCommand& command) {
  stats_.publishes.add();
  const std::string_view points = command.points;
  const std::size_t bytes = points.size();
  ++client.publishes_waiting;
  client.publish_bytes_waiting += bytes;
  read_on(client);
  parts_.publish({.opener = client.session->request(),
                  .points = std::string(points),
                  .key = key_of(message.id, points),
                  .traceparent = std::string(command.traceparent)},
                 [this, id = client.id, echo = std::string(message.id),
                  bytes](const PublishAnswer& answer) { published(id, echo, bytes, answer); });
}

void Fanout::published(std::uint64_t id, const std::string& echo, std::size_t bytes,
                       const PublishAnswer& outcome) {
  Client* const client = audience_.find(id);
  if (client == nullptr) return;
  --client->publishes_waiting;
  client->publish_bytes_waiting -= bytes;
  read_on(*client);
  if (outcome.refusal.empty()) {
    // A key of a log from before may be that of a body whose answer had no text.
    const bool says_more = outcome.body.starts_with('{');
    answer(*client, fmt::format(R"({{"type":"ack","id":{},{})", echo.empty() ? "null" : echo,
                                says_more ? std::string_view(outcome.body).substr(1)
                                          : std::string_view(R"("ok":true})")));
  } else {
    refuse(*client, {outcome.refusal, outcome.body, echo.empty() ? "null" : echo});
  }
  delivery_.flush();
}

void Fanout::read_on(Client& client) {
  client.session->pause_reading(std::ranges::any_of(client.readings, &is_resuming) ||
                                client.publishes_waiting >= kMaxPublishesWaiting ||
                                client.publish_bytes_waiting >= kMaxPublishBytesWaiting);
}

void Fanout::refuse(Client& client, const MessageFault& fault) {
  stats_.message_faults.add();
  answer(client, error_text(fault));
}

void Fanout::answer(Client& client, std::string_view text) {
  delivery_.send_event(client, Frame::text(text));
}

void Fanout::drained(std::uint64_t id, Moment now) {
  Client* const client = audience_.find(id);
  if (client == nullptr) return;
  telemetry_.drained(*client, now);
  pump(*client);
  finish(now);
}

void Fanout::take(CommittedRollups rollups) {
  rollups_.take(std::move(rollups));
  delivery_.flush();
}

void Fanout::take(Channel channel, const CommittedEvents& committed) {
  events(channel).take(committed);
  delivery_.flush();
}

EventFanout& Fanout::events(Channel channel) {
  CHECK(std::ranges::find(kEventChannels, channel) != kEventChannels.end(),
        "events have a channel of theirs");
  if (channel == Channel::kMarks) return marks_;
  return channel == Channel::kLaps ? laps_ : alerts_;
}

/// `frame_of`: what a group gets; nullptr: nothing.
template <typename FrameOf>
void Fanout::send_samples(Channel channel, Moment now, FrameOf frame_of) {
  {
    const Delivery::Eager eager(delivery_, audience_.size());
    for (const auto& group : audience_.groups()) {
      const auto& members = group->of(channel);
      if (members.empty()) continue;
      const FramePtr frame = frame_of(*group);
      if (!frame) continue;
      for_each_client(members, [&](Client& client) { delivery_.sample(client, channel, frame); });
    }
  }
  finish(now);
}

void Fanout::broadcast(Channel channel, std::string_view text, Moment now) {
  FramePtr whole;
  send_samples(channel, now, [&](const Group&) {
    if (!whole) whole = Frame::text(text);
    return whole;
  });
}

void Fanout::broadcast_track(Channel channel, std::string_view track, std::string_view text,
                             Moment now) {
  FramePtr whole;
  send_samples(channel, now, [&](const Group& group) -> FramePtr {
    if (!group.filter->wants_track(track)) return nullptr;
    if (!whole) whole = Frame::text(text);
    return whole;
  });
}

void Fanout::take(const InsightUpdate& insights, Moment now) {
  FramePtr whole;
  send_samples(Channel::kInsights, now, [&](const Group& group) -> FramePtr {
    if (group.filter->is_empty_where()) {
      if (!whole) whole = Frame::text(insights.json);
      return whole;
    }
    const auto part = filter_insights(insights, *group.filter);
    return part.empty() ? nullptr : Frame::text(part);
  });
}

void Fanout::send_due(Moment now) {
  telemetry_.send_due(now);
  late_join_.send_due(now);
  for (auto* channel : resumable_) channel->release(now.steady);
  finish(now);
}

void Fanout::send_all(Moment now) {
  telemetry_.send_all(now);
  late_join_.send_all(now);
  for (auto* channel : resumable_) channel->release(now.steady + ResumableChannel::kHoldNs);
  finish(now);
}

SteadyTime Fanout::next_due() const {
  SteadyTime next = std::min(telemetry_.next_due(), late_join_.next_due());
  for (const auto* channel : resumable_) next = std::min(next, channel->next_due());
  return next;
}

void Fanout::finish(Moment now) {
  delivery_.flush();
  const std::size_t count = audience_.size();
  if (count == 0) return;
  const std::size_t behind = delivery_.behind();
  stats_.clients_skipped_permille.set(static_cast<std::int64_t>(behind * 1'000 / count));
  if (behind * 2 > count && now.steady - last_warning_ >= kWarnEveryNs) {
    last_warning_ = now.steady;
    parts_.warn(fmt::format(
        "{} of {} WebSocket clients are too slow: messages to them are left out", behind, count));
  }
}

bool Fanout::wants(Channel channel) const {
  return std::ranges::any_of(audience_.groups(),
                             [&](const auto& group) { return !group->of(channel).empty(); });
}

void Fanout::close_all(WsClose code, std::string_view reason) {
  for (const auto& [id, client] : audience_.clients()) client->session->close(code, reason);
}

}  // namespace slipstream
