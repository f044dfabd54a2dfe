#pragma once
#include <functional>
#include <vector>

#include "broadcast/resumable_channel.h"
#include "model/stored_events.h"

namespace slipstream {

/// Reads what a channel has stored; `taker` is called on the I/O thread, later.
using EventReadFunction =
    std::function<void(Channel channel, StoredEventsQuery query, StoredEventsTaker taker)>;

/// What one commit gave, and what the newest row was before it.
struct CommittedEvents {
  std::vector<StoredEvent> events;
  StoredCursor before;

  std::size_t bytes() const;
};

/// Stored events, marks, laps or alerts, to the clients of their channel. One about no machine goes
/// to whoever takes its track. They are few: who waits for a moment, or is behind, gets them from
/// the store, and none are kept here. I/O thread.
class EventFanout final : public ResumableChannel {
 public:
  EventFanout(Channel channel, Audience& audience, Delivery& delivery, EventReadFunction read,
              ResumedFunction resumed)
      : ResumableChannel(channel, audience, delivery, std::move(resumed)), read_(std::move(read)) {}

  void take(const CommittedEvents& committed);

 private:
  void read_page(Client& client, StoredCursor after, std::uint64_t turn) override;
  bool end_hold(Client& client) override;

  const EventReadFunction read_;
};

}  // namespace slipstream
