#pragma once
#include <memory>

#include "app/component.h"
#include "app/redis_component.h"
#include "base/agent.h"
#include "redis_streams/aggregate_sink.h"
#include "store/rollup_store.h"

namespace slipstream {

/// Sends what waits in the store's outbox to Redis's aggregates streams.
class AggregatesComponent final : public Component {
 public:
  /// All of it outlives this; the store has an outbox.
  AggregatesComponent(const Config& config, const Clock& clock, RedisComponent& redis,
                      const RollupStore& store);

  std::string_view name() const override { return "aggregates"; }
  void start() override;
  /// What cannot be sent within a second waits in the store for the next start.
  bool stop() override;
  void health(HealthPage& page) const override;
  void metrics(MetricsPage& page) const override;

  const OwnRollups& own_rollups() const { return sink_.own_rollups(); }

 private:
  RedisComponent& redis_;
  Outbox& outbox_;
  AggregateSink sink_;
  std::unique_ptr<AgentThread> thread_;
};

}  // namespace slipstream
