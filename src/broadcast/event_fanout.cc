#include "broadcast/event_fanout.h"

#include <string>

namespace slipstream {
namespace {

FramePtr message_of(const StoredEvent& event) {
  std::string text = event.json;
  text.pop_back();
  return Frame::text(text + R"(,"cursor":")" + event.cursor.to_text() + "\"}");
}

bool wants(const Filter& filter, const StoredEvent& event) {
  return event.is_of_series ? filter.matches(event.track, event.chassis, event.tags)
                            : filter.matches_event(event.track, event.chassis);
}

}  // namespace

std::size_t CommittedEvents::bytes() const {
  std::size_t bytes = sizeof *this;
  for (const auto& event : events) bytes += event.bytes();
  return bytes;
}

void EventFanout::take(const CommittedEvents& committed) {
  if (committed.before != newest()) skip_to(committed.before);
  for (const StoredEvent& event : committed.events) {
    FramePtr frame;
    for (const auto& group : audience_.groups()) {
      if (!wants(*group->filter, event)) continue;
      for (Client* const client : group->of(channel_)) {
        if (reading(*client).mode != ReadingMode::kLive) continue;
        if (!frame) frame = message_of(event);
        delivery_.send_event(*client, channel_, frame);
      }
    }
    taken(event.cursor);
  }
  pump_all();  // who reads from the store, and had reached its end, has a new end
}

void EventFanout::read_page(Client& client, StoredCursor after, std::uint64_t turn) {
  const auto send = [this](Client& to, const StoredEvents& page) {
    for (const StoredEvent& event : page.events) {
      if (!wants(*to.group->filter, event)) continue;
      delivery_.send_event(to, channel_, message_of(event));
    }
  };
  read_(channel_, {.after = after, .upto = newest().row},
        [this, send, id = client.id, turn](const Result<StoredEvents>& page) {
          take_page(id, turn, page, send);
        });
}

/// What came meanwhile is in the store. A resumption that is refused changes nothing.
bool EventFanout::end_hold(Client& client) {
  reading(client).mode = ReadingMode::kReading;
  pump(client);
  return true;
}

}  // namespace slipstream
