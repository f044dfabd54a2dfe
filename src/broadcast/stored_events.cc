#include "broadcast/stored_events.h"

#include "codec/mark_json.h"

namespace slipstream {

StoredEvent event_of(const StoredMark& stored) {
  StoredEvent event{
      .cursor = stored.cursor(), .track = stored.mark->track, .chassis = stored.mark->chassis};
  append_mark_json(event.json, *stored.mark);
  return event;
}

Result<StoredEvents> events_of(const Result<StoredMarks>& page) {
  if (!page) return std::unexpected(page.error());
  StoredEvents events{.to = page->to, .is_foreign = page->is_foreign};
  for (const StoredMark& mark : page->marks) events.events.push_back(event_of(mark));
  return events;
}

}  // namespace slipstream
