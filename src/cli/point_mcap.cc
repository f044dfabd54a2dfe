#include "cli/point_mcap.h"

#include <fmt/format.h>

#include <utility>

namespace slipstream {
namespace {

constexpr std::string_view kMarks = "/marks";
constexpr std::string_view kOthers = "/others";

}  // namespace

Result<void> PointMcap::add_point(const PointBatch& batch, const Point& point,
                                  std::string_view json) {
  Channel& channel = channel_of(batch, point);
  if (channel.schema.learn(batch, point, json) || channel.id == 0) tell_schema(channel);
  return writer_.message(channel.id, point.event_time.ns, json);
}

Result<void> PointMcap::add_mark(const Mark& mark, std::string_view json) {
  Channel& channel = channel_of(std::string(kMarks));
  if (channel.schema.learn(json) || channel.id == 0) tell_schema(channel);
  return writer_.message(channel.id, mark.time.ns, json);
}

PointMcap::Channel& PointMcap::channel_of(const PointBatch& batch, const Point& point) {
  const std::string_view track = batch.track(point);
  const std::string_view chassis = batch.chassis(point);
  const auto known = machines_.find(point.series_hash);
  if (known != machines_.end() && known->second->track == track &&
      known->second->chassis == chassis) {
    return *known->second;
  }
  Channel& channel = channel_of(fmt::format("/{}/{}", track, chassis));
  if (channel.topic != kOthers) {
    channel.track = track;
    channel.chassis = chassis;
    machines_.insert_or_assign(point.series_hash, &channel);
  }
  return channel;
}

PointMcap::Channel& PointMcap::channel_of(std::string topic) {
  const auto known = channels_.find(topic);
  if (known != channels_.end()) return known->second;
  if (channels_.size() >= kMostMachines && topic != kMarks) topic = kOthers;
  Channel& added = channels_[topic];
  added.topic = std::move(topic);
  return added;
}

/// A known machine's points bring nothing new but once in a while.
void PointMcap::tell_schema(Channel& channel) {
  if (channel.id != 0 && schemas_ >= kMostSchemas) return;
  ++schemas_;
  const std::string name = channel.topic == kMarks ? "slipstream.Mark" : "slipstream.Point";
  channel.id =
      writer_.add_channel(writer_.add_schema(name, channel.schema.to_json()), channel.topic);
}

}  // namespace slipstream
