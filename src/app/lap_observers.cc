#include "app/lap_observers.h"

#include <memory>
#include <utility>

#include "alert/alert_observer.h"
#include "racing/lap_observer.h"

namespace slipstream {

LapObservers make_lap_observers(DurableParts& durable) {
  auto laps = std::make_unique<LapObserver>(
      durable.schema.fields(), durable.sectors, durable.lap_counts,
      LapOptions{.session_gap_ms = durable.config.racing.session_gap_ns() / kNsPerMs});
  LapObservers made{.observers = {}, .times = laps.get()};
  made.observers.push_back(std::move(laps));
  if (!durable.config.alerts.empty()) {
    made.observers.push_back(std::make_unique<AlertObserver>(durable.config.alerts, durable.schema,
                                                             durable.alert_counts));
  }
  return made;
}

}  // namespace slipstream
