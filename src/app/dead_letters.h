#pragma once
#include <string>
#include <string_view>

#include "app/durable_parts.h"

namespace slipstream {

// Both append to dead-letter.ndjson in the data directory, a line a range of the log:
// {"time","partition","offset","count","reason","points":[...]}. Threads: any; a failure is logged.

/// The points of the range, as the log has them.
void write_dead_letters(DurableParts& parts, const DeadRange& dead);
/// The points of a block that begins at `base` and that the log refused, a line a partition's.
void write_dead_letters(DurableParts& parts, LogOffset base, std::string_view payload,
                        const std::string& why);

}  // namespace slipstream
