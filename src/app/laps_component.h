#pragma once
#include <functional>

#include "app/component.h"
#include "app/durable_parts.h"
#include "app/session_pins.h"
#include "net/io_thread.h"
#include "pipeline/pipeline.h"
#include "racing/timed_lap.h"

namespace slipstream {

/// Laps and sessions, as observers of the partitions tell them and the store keeps them: whoever
/// asks gets them here. Nothing of it is told where Redis is the log.
class LapsComponent final : public Component {
 public:
  /// `durable` has its store, and its writer before anybody asks; all of it outlives this.
  LapsComponent(DurableParts& durable, IoThread& queries) : durable_(durable), queries_(queries) {}

  /// Who keeps what pinned sessions need. Before anybody asks.
  void pin_by(SessionPins& pins) { pins_ = &pins; }

  std::string_view name() const override { return "laps"; }
  void routes(HttpServer& http) override;
  void health(HealthPage& page) const override;
  void metrics(MetricsPage& page) const override;

  using MakeObservers = std::function<PartitionObservers(PartitionId, const LapTimes&)>;
  /// What looks at a partition's points beside what `others` makes, for the laps that are committed
  /// with its checkpoints; of it the others learn their times.
  Pipeline::ObserverFactory beside(MakeObservers others) const;

 private:
  DurableParts& durable_;
  IoThread& queries_;
  SessionPins* pins_ = nullptr;
};

}  // namespace slipstream
