#pragma once
#include "app/durable_parts.h"

namespace slipstream {

/// Appends the points of the range, as the log has them, to dead-letter.ndjson in the data
/// directory: {"time","partition","offset","count","reason","points":[...]}, a line a range.
/// Threads: any; a failure is logged.
void write_dead_letters(DurableParts& parts, const DeadRange& dead);

}  // namespace slipstream
