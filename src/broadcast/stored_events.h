#pragma once
#include "base/error.h"
#include "model/stored_events.h"
#include "model/stored_marks.h"

namespace slipstream {

/// As the clients of its channel get it.
StoredEvent event_of(const StoredMark& mark);
Result<StoredEvents> events_of(const Result<StoredMarks>& page);

}  // namespace slipstream
