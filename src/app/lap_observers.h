#pragma once
#include "app/durable_parts.h"
#include "model/observer.h"
#include "racing/timed_lap.h"

namespace slipstream {

/// What tells the laps and alerts of a partition: the same for a server that folds points and for a
/// store that is made anew from the log, since their states are in the same checkpoints.
struct LapObservers {
  PartitionObservers observers;
  const LapTimes* times;  ///< one of them
};
LapObservers make_lap_observers(DurableParts& durable);

}  // namespace slipstream
