#include "broadcast/rollup_fanout.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

namespace slipstream {

void RollupFanout::take(CommittedRollups committed) {
  if (committed.before != newest_) skip_to(committed.before);
  RollupMessages messages(std::move(committed), fields_);
  for (const auto& group : audience_.groups()) {
    const std::vector<FramePtr>* frames = nullptr;
    for (Client* const client : group->of(Channel::kRollups)) {
      if (client->rollups != RollupMode::kLive) continue;
      if (frames == nullptr) frames = &messages.of(*group);
      for (const auto& frame : *frames) delivery_.send_event(*client, Channel::kRollups, frame);
    }
  }
  newest_ = messages.committed().after;
  ++taken_;
  if (!holds_.empty()) {
    messages.forget();
    recent_bytes_ += messages.committed().bytes();
    recent_.push_back(std::move(messages));
    if (recent_bytes_ > delivery_.options().max_event_bytes / 2) end_all_holds();
  }
  // Who reads from the store, and had reached its end, has a new end.
  for (const auto& group : audience_.groups()) {
    for (Client* const client : group->of(Channel::kRollups)) pump(*client);
  }
}

void RollupFanout::skip_to(RollupCursor newest) {
  if (newest == newest_) return;
  for (const auto& group : audience_.groups()) {
    for (Client* const client : group->of(Channel::kRollups)) {
      if (client->rollups == RollupMode::kLive) client->read_to = newest_;
      client->rollups = RollupMode::kReading;
    }
  }
  newest_ = newest;
  for (const auto& group : audience_.groups()) {
    for (Client* const client : group->of(Channel::kRollups)) pump(*client);
  }
}

void RollupFanout::subscribed(Client& client, bool was_on, SteadyTime now) {
  const bool is_on = client.subscription.has(Channel::kRollups);
  ++client.read_turn;  // a page under way is of the old filter
  if (is_on == was_on) return;
  ++client.hold_turn;
  client.rollups = is_on ? RollupMode::kHeld : RollupMode::kOff;
  client.read_to = newest_;
  client.held_from = taken_;
  if (is_on) holds_.push_back({client.id, client.hold_turn, taken_, now + kHoldNs});
}

RollupCursor RollupFanout::cursor_of(const Client& client) const {
  const bool is_behind =
      client.rollups == RollupMode::kHeld || client.rollups == RollupMode::kReading;
  return is_behind ? client.read_to : newest_;
}

void RollupFanout::resume(Client& client, RollupCursor after, std::string id) {
  client.resuming = {after, std::move(id)};
  ++client.read_turn;
  if (after.row > newest_.row || (after.row == newest_.row && after != newest_)) {
    return settle(
        client, MessageFault{"bad_cursor", "the cursor is of another store, or of a time to come"});
  }
  if (after.row == 0 || after == newest_) return settle(client, {});
  pump(client);
}

/// Of a resumption, that it can be or not.
void RollupFanout::settle(Client& client, const std::optional<MessageFault>& refused) {
  const auto resuming = *std::exchange(client.resuming, {});
  if (!refused) {
    audience_.switch_channel(client, Channel::kRollups, true);
    client.rollups = RollupMode::kReading;
    client.read_to = resuming.after;
  }
  resumed_(client, resuming.id, refused);
}

void RollupFanout::pump(Client& client) {
  if (client.read_under_way || !client.session->is_open()) return;
  if (client.resuming) return read_page(client, client.resuming->after);
  if (client.rollups != RollupMode::kReading || !delivery_.has_room_for_event(client)) return;
  if (client.read_to.row >= newest_.row) {
    client.rollups = RollupMode::kLive;
    return;
  }
  read_page(client, client.read_to);
}

void RollupFanout::read_page(Client& client, RollupCursor after) {
  client.read_under_way = true;
  StoredRollupsQuery query{.after = after,
                           .upto = newest_.row,
                           .max_rows = RollupMessages::kMaxRollups,
                           .max_bytes = RollupMessages::kMaxBytes};
  if (const auto filter = client.group->filter; !filter->is_empty_where()) {
    query.keep = [filter](std::string_view track, std::string_view chassis, std::string_view tags) {
      return filter->matches(track, chassis, tags);
    };
  }
  read_(std::move(query), [this, id = client.id, turn = client.read_turn](
                              const Result<StoredRollups>& page) { take_page(id, turn, page); });
}

void RollupFanout::take_page(std::uint64_t id, std::uint64_t turn,
                             const Result<StoredRollups>& page) {
  Client* const client = audience_.find(id);
  if (client == nullptr) return;
  client->read_under_way = false;
  if (client->read_turn != turn) return pump(*client);  // it wants another one by now
  if (!page || page->is_foreign) {
    const MessageFault fault =
        page ? MessageFault{"bad_cursor", "the cursor is of another store"}
             : MessageFault{"unavailable", "stored rollups cannot be read: resume later"};
    if (client->resuming) {
      settle(*client, fault);
    } else {
      audience_.switch_channel(*client, Channel::kRollups, false);
      client->rollups = RollupMode::kOff;
      delivery_.send_event(*client, Frame::text(error_text(fault)));
    }
    delivery_.flush();
    return pump(*client);
  }
  if (client->resuming) settle(*client, {});
  if (page->gone > 0) {
    delivery_.send_event(
        *client, Frame::text(fmt::format(R"({{"type":"gap","channel":"rollups","missed":{}}})",
                                         page->gone)));
  }
  if (!page->rollups.empty()) {
    delivery_.send_event(*client, Channel::kRollups, rollup_page_message(*client->group, *page));
  }
  client->read_to = page->to;
  delivery_.flush();
  pump(*client);
}

bool RollupFanout::is_held(const Hold& hold) const {
  const Client* const client = audience_.find(hold.client);
  return client != nullptr && client->hold_turn == hold.turn &&
         client->rollups == RollupMode::kHeld;
}

void RollupFanout::go_live(Client& client) {
  client.rollups = RollupMode::kLive;
  for (auto i = recent_.size() - (taken_ - client.held_from); i < recent_.size(); ++i) {
    for (const auto& frame : recent_[i].of(*client.group)) {
      delivery_.send_event(client, Channel::kRollups, frame);
    }
  }
}

/// There is no room to hold more. What a resumption asks for is in the store.
void RollupFanout::end_all_holds() {
  for (const auto& hold : std::exchange(holds_, {})) {
    if (!is_held(hold)) continue;
    Client& client = *audience_.find(hold.client);
    if (client.resuming) {
      client.rollups = RollupMode::kReading;
    } else {
      go_live(client);
    }
  }
  forget_recent();
}

void RollupFanout::release(SteadyTime now) {
  bool is_any_over = false;
  while (!holds_.empty() && holds_.front().until <= now) {
    Hold hold = holds_.front();
    holds_.pop_front();
    is_any_over = true;
    if (!is_held(hold)) continue;
    Client& client = *audience_.find(hold.client);
    if (client.resuming) {
      hold.until = now + kHoldNs;
      holds_.push_back(hold);
    } else {
      go_live(client);
    }
  }
  if (is_any_over) forget_recent();
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

SteadyTime RollupFanout::next_due() const {
  return holds_.empty() ? kForever : holds_.front().until;
}

}  // namespace slipstream
