#include "broadcast/stored_events.h"

#include "codec/alert_json.h"
#include "codec/lap_json.h"
#include "codec/mark_json.h"

namespace slipstream {
namespace {

StoredEvents page_of(StoredCursor to, bool is_foreign) {
  return {.events = {}, .to = to, .is_foreign = is_foreign};
}

}  // namespace

StoredEvent event_of(const StoredMark& stored) {
  StoredEvent event{
      .cursor = stored.cursor(), .track = stored.mark->track, .chassis = stored.mark->chassis};
  append_mark_json(event.json, *stored.mark);
  return event;
}

Result<StoredEvents> events_of(const Result<StoredMarks>& page) {
  if (!page) return std::unexpected(page.error());
  StoredEvents events = page_of(page->to, page->is_foreign);
  for (const StoredMark& mark : page->marks) events.events.push_back(event_of(mark));
  return events;
}

StoredEvent event_of(const StoredLap& stored) {
  StoredEvent event{.cursor = stored.cursor(),
                    .track = stored.lap->activity.track,
                    .chassis = stored.lap->activity.chassis};
  append_lap_json(event.json, stored);
  event.json.replace(0, 1, R"({"type":"lap_update",)");
  return event;
}

StoredEvent event_of(const StoredAlert& stored) {
  const Alert& alert = stored.alert;
  StoredEvent event{.cursor = stored.cursor(),
                    .track = alert.track,
                    .chassis = alert.chassis,
                    .tags = alert.tags,
                    .is_of_series = true};
  append_alert_json(event.json, alert);
  return event;
}

Result<StoredEvents> events_of(const Result<StoredAlerts>& page) {
  if (!page) return std::unexpected(page.error());
  StoredEvents events = page_of(page->to, page->is_foreign);
  for (const StoredAlert& alert : page->alerts) events.events.push_back(event_of(alert));
  return events;
}

Result<StoredEvents> events_of(const Result<StoredLaps>& page) {
  if (!page) return std::unexpected(page.error());
  StoredEvents events = page_of(page->to, page->is_foreign);
  for (const StoredLap& lap : page->laps) events.events.push_back(event_of(lap));
  return events;
}

}  // namespace slipstream
