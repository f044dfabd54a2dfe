#pragma once
#include "base/error.h"
#include "model/stored_alerts.h"
#include "model/stored_events.h"
#include "model/stored_laps.h"
#include "model/stored_marks.h"

namespace slipstream {

/// As the clients of its channel get it.
StoredEvent event_of(const StoredMark& mark);
/// A `lap_update`.
StoredEvent event_of(const StoredLap& lap);
StoredEvent event_of(const StoredAlert& alert);
Result<StoredEvents> events_of(const Result<StoredMarks>& page);
Result<StoredEvents> events_of(const Result<StoredLaps>& page);
Result<StoredEvents> events_of(const Result<StoredAlerts>& page);

}  // namespace slipstream
