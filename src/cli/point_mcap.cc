#include "cli/point_mcap.h"

#include <fmt/format.h>

#include <utility>

#include "codec/json_scan.h"

namespace slipstream {
namespace {

constexpr std::string_view kMarks = "/marks";
constexpr std::string_view kOthers = "/others";

std::string_view type_of(std::string_view value) {
  switch (value.empty() ? '\0' : value.front()) {
    case '"':
      return "string";
    case '{':
      return "object";
    case '[':
      return "array";
    case 't':
    case 'f':
      return "boolean";
    case 'n':
      return {};  // null says nothing of it
    default:
      return "number";
  }
}

}  // namespace

Result<void> PointMcap::add_point(const PointBatch& batch, const Point& point,
                                  std::string_view json) {
  Channel& channel = channel_of(batch, point);
  if (!is_learnt(channel, batch, point)) learn(channel, json);
  return writer_.message(channel.id, point.event_time.ns, json);
}

Result<void> PointMcap::add_mark(const Mark& mark, std::string_view json) {
  Channel& channel = channel_of(std::string(kMarks));
  learn(channel, json);
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

/// Where all members are numbers, their fields tell.
bool PointMcap::is_learnt(Channel& channel, const PointBatch& batch, const Point& point) {
  const unsigned dimensions = (point.sector != Point::kNoSector ? 1u : 0u) |
                              (point.has_sequence ? 2u : 0u) | (point.tags.length > 0 ? 4u : 0u);
  bool is_learnt = channel.id != 0 && !point.has_texts && (dimensions & ~channel.dimensions) == 0;
  channel.dimensions |= dimensions;
  for (const Value* value = batch.values_begin(point); value != batch.values_end(point); ++value) {
    if (value->field >= channel.has_field.size()) channel.has_field.resize(value->field + 1u);
    is_learnt = is_learnt && channel.has_field[value->field];
    channel.has_field[value->field] = true;
  }
  return is_learnt;
}

/// A known machine's points bring nothing new but once in a while.
void PointMcap::learn(Channel& channel, std::string_view json) {
  bool is_new = channel.id == 0;
  const bool has_room = schemas_ < kMostSchemas;
  JsonScan members(json);
  while (const auto member = members.next()) {
    if (!has_room || channel.members.contains(member->name)) continue;
    const auto type = type_of(member->value);
    if (type.empty()) continue;
    channel.members.emplace(member->name, type);
    is_new = true;
  }
  if (!is_new) return;
  ++schemas_;
  std::string schema = R"({"type":"object","properties":{)";
  for (const auto& [name, type] : channel.members) {
    if (!schema.ends_with('{')) schema += ',';
    // A name stands in JSON as it did before.
    schema += '"' + name + R"(":{"type":")" + std::string(type) + "\"}";
  }
  schema += "}}";
  const std::string name = channel.topic == kMarks ? "slipstream.Mark" : "slipstream.Point";
  channel.id = writer_.add_channel(writer_.add_schema(name, std::move(schema)), channel.topic);
}

}  // namespace slipstream
