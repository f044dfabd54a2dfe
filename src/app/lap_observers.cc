#include "app/lap_observers.h"

#include <memory>

#include "racing/lap_observer.h"

namespace slipstream {

PartitionObservers make_lap_observers(DurableParts& durable) {
  PartitionObservers observers;
  observers.push_back(std::make_unique<LapObserver>(
      durable.schema.fields(), durable.sectors, durable.lap_counts,
      LapOptions{.session_gap_ms = durable.config.racing.session_gap_ns() / kNsPerMs}));
  return observers;
}

}  // namespace slipstream
