#pragma once
#include "base/counters.h"

namespace slipstream {

/// What observers of laps could not take as it was told, of all partitions. Threads: any.
struct LapCounts {
  Counter late;          ///< points that came too late for their lap
  Counter not_followed;  ///< points of machines beyond those that are looked at
  Counter ambiguous;     ///< points that contradict those around them: two sources of one name
  Counter left_out;      ///< names of sessions that are too long
};

}  // namespace slipstream
