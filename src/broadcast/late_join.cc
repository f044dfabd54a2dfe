#include "broadcast/late_join.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/iso_time.h"
#include "base/json_text.h"

namespace slipstream {
namespace {

FramePtr recorded_frame(const RecordedPage& page) {
  return Frame::text(
      fmt::format(R"({{"type":"telemetry_update","recorded":true,"data":[{}]}})", page.points));
}

}  // namespace

void LateJoin::begin(Client& client, Recordings& recordings, SteadyTime now) {
  audience_.withhold_points(client);
  Join& join = joins_.emplace_back();
  join.number = next_number_++;
  join.client = &client;
  join.recordings = &recordings;
  join.points = recordings.open(client.group->filter);
  begin_pass(join, now);
  go_on(join);
}

void LateJoin::end(const Client& client) {
  std::erase_if(joins_, [&](const Join& join) { return join.client == &client; });
}

LateJoin::Join* LateJoin::find(std::uint64_t number) {
  const auto found = std::ranges::find(joins_, number, &Join::number);
  return found == joins_.end() ? nullptr : &*found;
}

void LateJoin::read_next(std::uint64_t number) {
  const auto behind = std::ranges::upper_bound(joins_, number, {}, &Join::number);
  for (auto join = behind; join != joins_.end(); ++join) go_on(*join);
  for (auto join = joins_.begin(); join != behind; ++join) go_on(*join);
}

void LateJoin::begin_pass(Join& join, SteadyTime now) {
  join.from = join.recordings->end();
  join.group = audience_.new_group(*join.client->group->filter);
  join.held_bytes = 0;
  ++join.passes;
  join.pass_began = now;
}

void LateJoin::pump(const Client& client) {
  const auto join = std::ranges::find(joins_, &client, &Join::client);
  if (join != joins_.end()) go_on(*join);
}

void LateJoin::go_on(Join& join) {
  if (join.is_live || join.is_under_way || under_way_ >= kMaxAtOnce) return;
  if (!join.client->session->is_open() || !delivery_.has_room_for_event(*join.client)) return;
  join.is_under_way = true;
  ++under_way_;
  join.points->read(join.from,
                    [this, number = join.number](const Result<RecordedPage>& page, Moment now) {
                      --under_way_;
                      take_page(number, page, now);
                      delivery_.flush();  // what is with the kernel makes room for the next one
                      read_next(number);
                    });
}

void LateJoin::take_page(std::uint64_t number, const Result<RecordedPage>& page, Moment now) {
  Join* const join = find(number);
  if (join == nullptr) return;
  join->is_under_way = false;
  Client& client = *join->client;
  if (!page) {
    std::string text = R"({"type":"error","reason":"unavailable","message":)";
    append_json_string(text, fmt::format("what was recorded cannot be read any further ({}); live "
                                         "points follow",
                                         page.error().message));
    delivery_.send_event(client, Frame::text(text + '}'));
    go_live(*join, now.steady);
  } else {
    if (page->gone_before) {
      delivery_.send_event(client, Frame::text(fmt::format(R"({{"type":"gap","gone_before":"{}"}})",
                                                           iso_time(page->gone_before->ns))));
    }
    if (page->lost > 0) {
      delivery_.send_event(client,
                           Frame::text(fmt::format(R"({{"type":"gap","missed":{}}})", page->lost)));
    }
    if (page->count > 0) {
      delivery_.send_event(client, Channel::kTelemetry, recorded_frame(*page));
    }
    if (page->is_last) finish_pass(*join, now.steady);
  }
}

void LateJoin::finish_pass(Join& join, SteadyTime now) {
  const bool is_thinned = join.client->group->filter->max_hz > 0;
  const bool was_slow = is_thinned && now - join.pass_began > kQuickNs;
  if (join.held_bytes > kMaxHeldBytes || (was_slow && join.passes < kMostPasses)) {
    return begin_pass(join, now);
  }
  go_live(join, now);
}

void LateJoin::go_live(Join& join, SteadyTime now) {
  join.is_live = true;
  join.points = nullptr;
  join.quiet_since = now;
  join.group->of(Channel::kTelemetry) = {join.client};
  if (join.client->subscription.policy == Policy::kConflate) join.group->conflating = 1;
  join.client->feed = join.group.get();
  join.client->seen = 0;
}

void LateJoin::take(const PointBatch& batch, Moment now) {
  for (Join& join : joins_) {
    std::uint64_t offset = batch.log_offset;
    for (const Point& point : batch.points) {
      if (offset++ < join.from) {
        join.quiet_since = now.steady;
      } else {
        hold(join, batch, point, now);
      }
    }
  }
}

void LateJoin::hold(Join& join, const PointBatch& batch, const Point& point, Moment now) {
  const std::string_view tags = batch.tags(point);
  Group& group = *join.group;
  if (!group.filter->matches(batch.track(point), batch.chassis(point), tags)) return;
  const std::uint64_t series = series_hash(point.series_hash, tags);
  if (!join.is_live) {
    if (join.held_bytes > kMaxHeldBytes) return;
    join.held_bytes += telemetry_.put(group, batch, point, series, now.steady);
    if (join.held_bytes <= kMaxHeldBytes) return;
    join.group = audience_.new_group(*group.filter);
    return;
  }
  telemetry_.put(group, batch, point, series, now.steady);
  if (group.batcher.is_full()) telemetry_.send(group, now);
}

void LateJoin::send_due(Moment now) {
  for (std::size_t i = 0; i < joins_.size(); ++i) {
    Join& join = joins_[i];
    if (!join.is_live) continue;
    if (TelemetryFanout::due(*join.group) <= now.steady) telemetry_.send(*join.group, now);
    if (join.quiet_since + kQuietNs <= now.steady) join_others(join, now);
  }
  std::erase_if(joins_, [](const Join& join) { return join.client == nullptr; });
}

void LateJoin::send_all(Moment now) {
  for (Join& join : joins_) {
    if (!join.is_live) continue;
    if (TelemetryFanout::due(*join.group) != kForever) telemetry_.send(*join.group, now);
  }
}

/// What waits for it alone, and for the others, goes out before: else it would get that twice.
void LateJoin::join_others(Join& join, Moment now) {
  Client& client = *join.client;
  if (TelemetryFanout::due(*join.group) != kForever) telemetry_.send(*join.group, now);
  if (client.conflating) {
    join.quiet_since = now.steady;
    return;
  }
  if (TelemetryFanout::due(*client.group) != kForever) telemetry_.send(*client.group, now);
  audience_.admit_to_points(client);
  join.client = nullptr;
}

SteadyTime LateJoin::next_due() const {
  SteadyTime next = kForever;
  for (const Join& join : joins_) {
    if (!join.is_live) continue;
    next = std::min({next, TelemetryFanout::due(*join.group), join.quiet_since + kQuietNs});
  }
  return next;
}

}  // namespace slipstream
