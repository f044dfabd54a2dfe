#include "broadcast/rollup_fanout.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace slipstream {

void RollupFanout::take(CommittedRollups committed) {
  if (committed.before != newest()) skip_to(committed.before);
  RollupMessages messages(std::move(committed), fields_);
  for (const auto& group : audience_.groups()) {
    const std::vector<FramePtr>* frames = nullptr;
    for (Client* const client : group->of(channel_)) {
      if (reading(*client).mode != ReadingMode::kLive) continue;
      if (frames == nullptr) frames = &messages.of(*group);
      for (const auto& frame : *frames) delivery_.send_event(*client, channel_, frame);
    }
  }
  taken(messages.committed().after);
  if (!holds_.empty()) {
    messages.forget();
    recent_bytes_ += messages.committed().bytes();
    recent_.push_back(std::move(messages));
    if (recent_bytes_ > delivery_.options().max_event_bytes / 2) end_all_holds();
  }
  pump_all();  // who reads from the store, and had reached its end, has a new end
}

void RollupFanout::read_page(Client& client, RollupCursor after, std::uint64_t turn) {
  StoredRollupsQuery query{.after = after,
                           .upto = newest().row,
                           .max_rows = RollupMessages::kMaxRollups,
                           .max_bytes = RollupMessages::kMaxBytes};
  if (const auto filter = client.group->filter; !filter->is_empty_where()) {
    query.keep = [filter](std::string_view track, std::string_view chassis, std::string_view tags) {
      return filter->matches(track, chassis, tags);
    };
  }
  const auto send = [this](Client& to, const StoredRollups& page) {
    if (page.gone > 0) {
      delivery_.send_event(
          to, Frame::text(
                  fmt::format(R"({{"type":"gap","channel":"rollups","missed":{}}})", page.gone)));
    }
    if (page.rollups.empty()) return;
    delivery_.send_event(to, channel_, rollup_page_message(*to.group, page));
  };
  read_(std::move(query), [this, send, id = client.id, turn](const Result<StoredRollups>& page) {
    take_page(id, turn, page, send);
  });
}

void RollupFanout::go_live(Client& client) {
  reading(client).mode = ReadingMode::kLive;
  for (auto i = recent_.size() - (taken_ - reading(client).held_from); i < recent_.size(); ++i) {
    for (const auto& frame : recent_[i].of(*client.group)) {
      delivery_.send_event(client, channel_, frame);
    }
  }
}

/// There is no room to hold more. What a resumption asks for is in the store.
void RollupFanout::end_all_holds() {
  for (const auto& hold : std::exchange(holds_, {})) {
    if (!is_held(hold)) continue;
    Client& client = *audience_.find(hold.client);
    if (reading(client).resuming) {
      reading(client).mode = ReadingMode::kReading;
    } else {
      go_live(client);
    }
  }
  forget_recent();
}

bool RollupFanout::end_hold(Client& client) {
  if (reading(client).resuming) return false;
  go_live(client);
  return true;
}

/// The commits that nobody is held from.
void RollupFanout::forget_recent() {
  std::uint64_t first = taken_;
  for (const auto& hold : holds_) first = std::min(first, hold.from);
  while (taken_ - recent_.size() < first) {
    recent_bytes_ -= recent_.front().committed().bytes();
    recent_.pop_front();
  }
}

}  // namespace slipstream
