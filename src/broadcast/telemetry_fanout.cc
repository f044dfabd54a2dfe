#include "broadcast/telemetry_fanout.h"

#include <algorithm>

namespace slipstream {

void TelemetryFanout::take(const PointBatch& batch, Moment now) {
  PublishingPtr publishing;
  if (batch.sampled) publishing = std::make_shared<Publishing>(batch, batch.handed_on_ns);
  if (audience_.groups().empty()) return;
  std::size_t sent = 0;
  for (const auto& point : batch.points) {
    const std::string_view tags = batch.tags(point);
    const std::uint64_t series = series_hash(point.series_hash, tags);
    bool is_wanted = false;
    for (Group* const group :
         audience_.groups_of(series, batch.track(point), batch.chassis(point), tags)) {
      if (group->of(Channel::kTelemetry).empty()) continue;
      is_wanted = true;
      put(*group, batch, point, series, now.steady);
      if (publishing && group->batcher.waiting() > 0) group->batcher.carry(publishing);
      if (group->batcher.is_full()) send_batch(*group, now);
    }
    if (is_wanted) ++sent;
  }
  stats_.points_broadcast.add(sent);
}

std::size_t TelemetryFanout::put(Group& group, const PointBatch& batch, const Point& point,
                                 std::uint64_t series, SteadyTime now) {
  std::string_view json = batch.json(point);
  if (!group.projection.keeps_all()) {
    projected_.clear();
    group.projection.append_point(projected_, json);
    json = projected_;
  }
  if (group.keeps_newest()) group.newest.put(series, json);
  if (group.filter->max_hz == 0) group.batcher.add(json, point.arrival_time, now);
  return json.size();
}

SteadyTime TelemetryFanout::due(Group& group) {
  if (group.filter->max_hz > 0) {
    return group.newest.version() > group.newest_sent ? group.newest_due : kForever;
  }
  if (group.batcher.waiting() == 0) return kForever;
  return group.batcher.due(group.of(Channel::kTelemetry).size());
}

SteadyTime TelemetryFanout::next_due() const {
  SteadyTime next = kForever;
  for (const auto& group : audience_.groups()) next = std::min(next, due(*group));
  return next;
}

void TelemetryFanout::send_due(Moment now) {
  const Delivery::Eager eager(delivery_, audience_.size());
  for (const auto& group : audience_.groups()) {
    if (due(*group) <= now.steady) send(*group, now);
  }
}

void TelemetryFanout::send_all(Moment now) {
  for (const auto& group : audience_.groups()) {
    if (due(*group) != kForever) send(*group, now);
  }
}

void TelemetryFanout::send(Group& group, Moment now) {
  if (group.filter->max_hz > 0) {
    send_newest(group, now);
  } else {
    send_batch(group, now);
  }
}

void TelemetryFanout::send_batch(Group& group, Moment now) {
  const auto frame = Frame::text(group.batcher.take(now, stats_.ingest_to_broadcast));
  const auto carried = group.batcher.take_carried();
  group.batcher.observe_backlog(send_to_members(group, frame));
  for (const PublishingPtr& publishing : carried) {
    publishing->sent_to(group.of(Channel::kTelemetry).size());
  }
  stats_.batch_points.set(static_cast<std::int64_t>(group.batcher.full_points()));
  stats_.batch_spacing_us.set(group.batcher.spacing_ns() / kNsPerUs);
}

void TelemetryFanout::send_newest(Group& group, Moment now) {
  const auto interval =
      static_cast<std::int64_t>(static_cast<double>(kNsPerSecond) / group.filter->max_hz);
  group.newest_due = now.steady + interval;
  const auto update = group.newest.since(group.newest_sent, group.newest.version());
  group.newest_sent = group.newest.version();
  send_to_members(group, Frame::text(update.message));
}

double TelemetryFanout::send_to_members(Group& group, const FramePtr& frame) {
  const auto& members = group.of(Channel::kTelemetry);
  if (members.empty()) return 0;
  const auto room = static_cast<double>(delivery_.options().max_sample_bytes);
  double behind = 0;
  for_each_client(members, [&](Client& client) {
    if (!delivery_.sample(client, Channel::kTelemetry, frame)) {
      behind += 1;
      return;
    }
    client.seen = group.newest.version();
    const auto unsent = client.session->unsent_bytes(WsLane::kSamples);
    const auto older = unsent - std::min(unsent, frame->plain().size());
    behind += std::min(1.0, static_cast<double>(older) / room);
  });
  return behind / static_cast<double>(members.size());
}

void TelemetryFanout::drained(Client& client, Moment now) {
  if (!client.conflating) return;
  if (client.feed == nullptr) {
    delivery_.catch_up(client, nullptr, true);
    return;
  }
  Group& group = *client.feed;
  std::uint64_t upto = group.newest_sent;  // with a max_hz, what is newer comes at its time
  if (group.filter->max_hz == 0) {
    // What waits goes to the others first: else this one would get it once more, and older.
    if (group.batcher.waiting() > 0) send_batch(group, now);
    upto = group.newest.version();
  }
  const auto update = group.newest.since(client.seen, upto);
  const bool has_points = client.subscription.has(Channel::kTelemetry) && update.points > 0;
  if (delivery_.catch_up(client, has_points ? Frame::text(update.message) : nullptr,
                         update.is_complete)) {
    client.seen = std::max(client.seen, upto);
  }
}

}  // namespace slipstream
