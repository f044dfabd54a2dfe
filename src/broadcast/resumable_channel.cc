#include "broadcast/resumable_channel.h"

#include <fmt/format.h>

namespace slipstream {

void ResumableChannel::skip_to(StoredCursor newest) {
  if (newest == newest_) return;
  for (const auto& group : audience_.groups()) {
    for (Client* const client : group->of(channel_)) {
      StoredReading& of_client = reading(*client);
      if (of_client.mode == ReadingMode::kLive) of_client.read_to = newest_;
      of_client.mode = ReadingMode::kReading;
    }
  }
  newest_ = newest;
  pump_all();
}

void ResumableChannel::taken(StoredCursor newest) {
  newest_ = newest;
  ++taken_;
}

void ResumableChannel::pump_all() {
  for (const auto& group : audience_.groups()) {
    for (Client* const client : group->of(channel_)) pump(*client);
  }
}

void ResumableChannel::subscribed(Client& client, bool was_on, SteadyTime now) {
  const bool is_on = client.subscription.has(channel_);
  StoredReading& of_client = reading(client);
  ++of_client.read_turn;  // a page under way is of the old filter
  if (is_on == was_on) return;
  ++of_client.hold_turn;
  of_client.mode = is_on ? ReadingMode::kHeld : ReadingMode::kOff;
  of_client.read_to = newest_;
  of_client.held_from = taken_;
  if (is_on) holds_.push_back({client.id, of_client.hold_turn, taken_, now + kHoldNs});
}

StoredCursor ResumableChannel::cursor_of(const Client& client) const {
  const StoredReading& of_client = reading(client);
  const bool is_behind =
      of_client.mode == ReadingMode::kHeld || of_client.mode == ReadingMode::kReading;
  return is_behind ? of_client.read_to : newest_;
}

void ResumableChannel::resume(Client& client, StoredCursor after, std::string id) {
  StoredReading& of_client = reading(client);
  of_client.resuming = {after, std::move(id)};
  ++of_client.read_turn;
  if (after.row > newest_.row || (after.row == newest_.row && after != newest_)) {
    return settle(
        client, MessageFault{"bad_cursor", "the cursor is of another store, or of a time to come"});
  }
  if (after.row == 0 || after == newest_) return settle(client, {});
  pump(client);
}

/// Of a resumption, that it can be or not.
void ResumableChannel::settle(Client& client, const std::optional<MessageFault>& refused) {
  StoredReading& of_client = reading(client);
  const auto resuming = *std::exchange(of_client.resuming, {});
  if (!refused) {
    audience_.switch_channel(client, channel_, true);
    ++of_client.hold_turn;
    of_client.mode = ReadingMode::kReading;
    of_client.read_to = resuming.after;
  }
  resumed_(client, resuming.id, refused);
}

void ResumableChannel::pump(Client& client) {
  StoredReading& of_client = reading(client);
  if (of_client.is_under_way || !client.session->is_open()) return;
  StoredCursor after = of_client.read_to;
  if (of_client.resuming) {
    after = of_client.resuming->after;
  } else if (of_client.mode != ReadingMode::kReading || !delivery_.has_room_for_event(client)) {
    return;
  } else if (after.row >= newest_.row) {
    of_client.mode = ReadingMode::kLive;
    return;
  }
  of_client.is_under_way = true;
  read_page(client, after, of_client.read_turn);
}

Client* ResumableChannel::client_of_page(std::uint64_t id, std::uint64_t turn) {
  Client* const client = audience_.find(id);
  if (client == nullptr) return nullptr;
  reading(*client).is_under_way = false;
  if (reading(*client).read_turn == turn) return client;
  pump(*client);  // it wants another page by now
  return nullptr;
}

void ResumableChannel::failed(Client& client, const char* bad_cursor) {
  const MessageFault fault =
      bad_cursor != nullptr
          ? MessageFault{"bad_cursor", bad_cursor}
          : MessageFault{"unavailable",
                         fmt::format("stored {} cannot be read: resume later", name_of(channel_))};
  if (reading(client).resuming) {
    settle(client, fault);
  } else {
    audience_.switch_channel(client, channel_, false);
    reading(client).mode = ReadingMode::kOff;
    delivery_.send_event(client, Frame::text(error_text(fault)));
  }
  delivery_.flush();
  pump(client);
}

bool ResumableChannel::is_held(const Hold& hold) const {
  const Client* const client = audience_.find(hold.client);
  return client != nullptr && reading(*client).hold_turn == hold.turn &&
         reading(*client).mode == ReadingMode::kHeld;
}

void ResumableChannel::release(SteadyTime now) {
  bool is_any_over = false;
  while (!holds_.empty() && holds_.front().until <= now) {
    Hold hold = holds_.front();
    holds_.pop_front();
    is_any_over = true;
    if (!is_held(hold) || end_hold(*audience_.find(hold.client))) continue;
    hold.until = now + kHoldNs;
    holds_.push_back(hold);
  }
  if (is_any_over) holds_ended();
}

}  // namespace slipstream
