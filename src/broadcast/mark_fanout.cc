#include "broadcast/mark_fanout.h"

#include <utility>

#include "codec/mark_json.h"

namespace slipstream {
namespace {

FramePtr message_of(const StoredMark& stored) {
  std::string text;
  append_mark_json(text, *stored.mark);
  text.pop_back();
  return Frame::text(text + R"(,"cursor":")" + stored.cursor().to_text() + "\"}");
}

}  // namespace

std::size_t CommittedMarks::bytes() const {
  std::size_t bytes = sizeof *this;
  for (const auto& stored : marks) bytes += sizeof stored + bytes_of(*stored.mark);
  return bytes;
}

bool MarkFanout::wants(const Client& client, const Mark& mark) {
  return client.group->filter->matches_mark(mark.track, mark.chassis);
}

void MarkFanout::take(const CommittedMarks& committed) {
  if (committed.before != newest_) skip_to(committed.before);
  for (const StoredMark& stored : committed.marks) {
    FramePtr frame;
    for (const auto& group : audience_.groups()) {
      if (!group->filter->matches_mark(stored.mark->track, stored.mark->chassis)) continue;
      for (Client* const client : group->of(Channel::kMarks)) {
        if (client->marks.mode != RollupMode::kLive) continue;
        if (!frame) frame = message_of(stored);
        delivery_.send_event(*client, Channel::kMarks, frame);
      }
    }
    newest_ = stored.cursor();
  }
  pump_all();  // who reads from the store, and had reached its end, has a new end
}

void MarkFanout::skip_to(MarkCursor newest) {
  if (newest == newest_) return;
  for (const auto& group : audience_.groups()) {
    for (Client* const client : group->of(Channel::kMarks)) {
      if (client->marks.mode != RollupMode::kLive) continue;
      client->marks.read_to = newest_;
      client->marks.mode = RollupMode::kReading;
    }
  }
  newest_ = newest;
  pump_all();
}

void MarkFanout::pump_all() {
  for (const auto& group : audience_.groups()) {
    for (Client* const client : group->of(Channel::kMarks)) pump(*client);
  }
}

void MarkFanout::subscribed(Client& client, bool was_on, SteadyTime now) {
  const bool is_on = client.subscription.has(Channel::kMarks);
  ++client.marks.read_turn;  // a page under way is of the old filter
  if (is_on == was_on) return;
  ++client.marks.hold_turn;
  client.marks.mode = is_on ? RollupMode::kHeld : RollupMode::kOff;
  client.marks.read_to = newest_;
  if (is_on) holds_.push_back({client.id, client.marks.hold_turn, now + kHoldNs});
}

MarkCursor MarkFanout::cursor_of(const Client& client) const {
  const bool is_behind =
      client.marks.mode == RollupMode::kHeld || client.marks.mode == RollupMode::kReading;
  return is_behind ? client.marks.read_to : newest_;
}

void MarkFanout::resume(Client& client, MarkCursor after, std::string id) {
  client.marks.resuming = {after, std::move(id)};
  ++client.marks.read_turn;
  if (after.row > newest_.row || (after.row == newest_.row && after != newest_)) {
    return settle(
        client, MessageFault{"bad_cursor", "the cursor is of another store, or of a time to come"});
  }
  if (after.row == 0 || after == newest_) return settle(client, {});
  pump(client);
}

/// Of a resumption, that it can be or not.
void MarkFanout::settle(Client& client, const std::optional<MessageFault>& refused) {
  const auto resuming = *std::exchange(client.marks.resuming, {});
  if (!refused) {
    audience_.switch_channel(client, Channel::kMarks, true);
    ++client.marks.hold_turn;
    client.marks.mode = RollupMode::kReading;
    client.marks.read_to = resuming.after;
  }
  resumed_(client, resuming.id, refused);
}

void MarkFanout::pump(Client& client) {
  MarkReading& marks = client.marks;
  if (marks.read_under_way || !client.session->is_open()) return;
  if (marks.resuming) return read_page(client, marks.resuming->after);
  if (marks.mode != RollupMode::kReading || !delivery_.has_room_for_event(client)) return;
  if (marks.read_to.row >= newest_.row) {
    marks.mode = RollupMode::kLive;
    return;
  }
  read_page(client, marks.read_to);
}

void MarkFanout::read_page(Client& client, MarkCursor after) {
  client.marks.read_under_way = true;
  read_({.after = after, .upto = newest_.row},
        [this, id = client.id, turn = client.marks.read_turn](const Result<StoredMarks>& page) {
          take_page(id, turn, page);
        });
}

void MarkFanout::take_page(std::uint64_t id, std::uint64_t turn, const Result<StoredMarks>& page) {
  Client* const client = audience_.find(id);
  if (client == nullptr) return;
  client->marks.read_under_way = false;
  if (client->marks.read_turn != turn) return pump(*client);  // it wants another one by now
  if (!page || page->is_foreign) {
    const MessageFault fault =
        page ? MessageFault{"bad_cursor", "the cursor is of another store"}
             : MessageFault{"unavailable", "stored marks cannot be read: resume later"};
    if (client->marks.resuming) {
      settle(*client, fault);
    } else {
      audience_.switch_channel(*client, Channel::kMarks, false);
      client->marks.mode = RollupMode::kOff;
      delivery_.send_event(*client, Frame::text(error_text(fault)));
    }
    delivery_.flush();
    return pump(*client);
  }
  if (client->marks.resuming) settle(*client, {});
  for (const StoredMark& stored : page->marks) {
    if (wants(*client, *stored.mark)) {
      delivery_.send_event(*client, Channel::kMarks, message_of(stored));
    }
  }
  client->marks.read_to = page->to;
  delivery_.flush();
  pump(*client);
}

void MarkFanout::release(SteadyTime now) {
  while (!holds_.empty() && holds_.front().until <= now) {
    const Hold hold = holds_.front();
    holds_.pop_front();
    Client* const client = audience_.find(hold.client);
    if (client == nullptr || client->marks.hold_turn != hold.turn) continue;
    if (client->marks.mode != RollupMode::kHeld) continue;
    // What came meanwhile is in the store. A resumption that is refused changes nothing.
    client->marks.mode = RollupMode::kReading;
    pump(*client);
  }
}

}  // namespace slipstream
