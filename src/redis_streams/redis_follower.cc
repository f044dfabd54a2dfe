#include "redis_streams/redis_follower.h"

#include <algorithm>
#include <utility>

#include "pipeline/sectors.h"

namespace slipstream {
RedisFollower::RedisFollower(std::unique_ptr<RedisConnection> connection, const StreamParts& parts,
                             const StreamOptions& options, std::uint32_t partition,
                             PartitionMemory& memory, FollowerPlace& place)
    : connection_(std::move(connection)),
      parts_(parts),
      number_(partition),
      keys_(stream_keys(options.names, partition)),
      memory_(memory),
      place_(place),
      live_({.clock = parts.cluster.clock,
             .ingest = parts.cluster.ingest,
             .stats = parts.cluster.pipeline_stats,
             .schema = parts.cluster.schema,
             .accepted = parts.cluster.accepted,
             .max_series = options.cluster.max_series},
            parts.cluster.make_observers(stream_partition(partition))),
      points_(parts.cluster.schema, parts.cluster.ingest, parts.cluster.pool, options.instance,
              partition),
      rollups_(parts.cluster.schema.fields()) {
  points_.set_counting(false);
}

RedisFollower::~RedisFollower() = default;

FeedStatus RedisFollower::begin() {
  if (!memory_.told) {
    std::string end;
    if (const auto done = find_end(keys_.telemetry, end); done != FeedStatus::kWorked) {
      return done;
    }
    const auto id = EntryId::parse(end);
    if (!id) return lost("the newest entry has no id");
    memory_.told = EntryPlace{id->position()};
  }
  return find_end(keys_.aggregates, place_.aggregates);
}

FeedStatus RedisFollower::find_end(const std::string& stream, std::string& id) {
  if (!id.empty()) return FeedStatus::kWorked;
  const auto last = connection_->call({"XREVRANGE", stream, "+", "-", "COUNT", "1"},
                                      redis_deadline_in(kCallLimit));
  if (!last) return lost(last.error().message);
  if (last->is_error()) return failed(*last);
  id = last->size() == 0 ? "0-0" : std::string((*last)[0][0].text());
  return FeedStatus::kWorked;
}

FeedStatus RedisFollower::step() {
  if (!is_reading_) {
    if (!parts_.cluster.store.has_room()) {
      live_.tick();
      return FeedStatus::kIdle;
    }
    queue_read();
  }
  const auto reply = connection_->receive(redis_deadline_in(kSlice));
  live_.tick();
  if (!reply) {
    return reply.error().is_lost() ? lost(reply.error().message) : FeedStatus::kIdle;
  }
  is_reading_ = false;
  return on_read(*reply);
}

void RedisFollower::queue_read() {
  connection_->commands().command({"XREAD", "COUNT", kPage, "BLOCK", kBlockMs, "STREAMS",
                                   keys_.rollups, keys_.aggregates, keys_.telemetry,
                                   EntryId{memory_.rollups_seen, 1}.text(), place_.aggregates,
                                   told_entry().text()});
  is_reading_ = true;
}

/// All of it is told, and perhaps a part of the next one: whoever owned the partition failed there.
EntryId RedisFollower::told_entry() const {
  const EntryPlace told = memory_.told.value_or(EntryPlace{});
  const EntryId id = EntryId::at(told.entry);
  return told.part == EntryPlace::kEnd ? id : id.before();
}

FeedStatus RedisFollower::on_read(ReplyView reply) {
  if (reply.is_error()) return failed(reply);
  for (std::size_t i = 0; i < reply.size(); ++i) {
    const std::string_view stream = reply[i][0].text();
    const ReplyView entries = reply[i][1];
    if (entries.size() == 0) continue;
    const std::string_view last = entries[entries.size() - 1][0].text();
    if (stream == keys_.telemetry) {
      if (const auto done = take_entries(entries); done != FeedStatus::kWorked) return done;
    } else if (stream == keys_.aggregates) {
      place_.aggregates = last;
      take_rollups(entries, false);
    } else {
      const auto id = EntryId::parse(last);
      if (!id) return lost("a stored rollup or mark has no id");
      memory_.rollups_seen = id->ms;
      take_rollups(entries, true);
    }
  }
  return FeedStatus::kWorked;
}

FeedStatus RedisFollower::take_entries(ReplyView entries) {
  const ArrivalTime now = parts_.cluster.clock.now();
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const auto id = EntryId::parse(entries[i][0].text());
    if (!id) return lost("an entry has no id");
    points_.decode(*id, entries[i][1], now, {now.ns});
  }
  points_.cut();
  // What is dead among them the owner keeps.
  for (EntryBatch& part : points_.batches()) {
    const EntryPlace told = memory_.told.value_or(EntryPlace{});
    // Before it is shown: who throws at it is not shown it again.
    memory_.told = std::max(told, part.last);
    if (!part.is_own && part.last > told) show(part);
    if (part.batch) parts_.cluster.pool.put(std::move(part.batch));
  }
  points_.batches().clear();
  return FeedStatus::kWorked;
}

void RedisFollower::show(EntryBatch& part) {
  if (part.mark.mark) live_.mark(*part.mark.mark);
  if (!part.batch) return;
  derive_sectors(*part.batch, parts_.cluster.sectors);
  live_.take(std::move(part.batch));
}

void RedisFollower::take_rollups(ReplyView entries, bool stored) {
  const PartitionId partition = stream_partition(number_);
  auto rollups = rollups_of_entries(
      entries, {.partition = partition, .stored = stored, .now = parts_.cluster.clock.now()},
      rollups_);
  if (!stored && parts_.own_rollups != nullptr) {
    std::erase_if(rollups, [&](const RollupPtr& rollup) {
      return parts_.own_rollups->contains(rollup->window_id);
    });
  }
  hand_on(std::move(rollups), stored ? marks_of_entries(entries) : std::vector<PlacedMark>{});
}

void RedisFollower::hand_on(RollupBatch rollups, std::vector<PlacedMark> marks) {
  if (rollups.empty() && marks.empty()) return;
  parts_.cluster.store.accept({.partition = stream_partition(number_),
                               .rollups = std::move(rollups),
                               .made_elsewhere = true,
                               .marks = std::move(marks)});
}

FeedStatus RedisFollower::lost(std::string why) {
  error_ = std::move(why);
  return FeedStatus::kLost;
}

FeedStatus RedisFollower::failed(ReplyView error) {
  if (is_redirect(error)) parts_.servers.learn(error, *connection_);
  return lost(std::string(error.text()));
}

}  // namespace slipstream
