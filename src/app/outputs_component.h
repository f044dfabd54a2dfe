#pragma once
#include <memory>
#include <string_view>
#include <vector>

#include "app/component.h"
#include "app/redis_component.h"
#include "base/agent.h"
#include "model/own_rollups.h"
#include "ops/config.h"
#include "output/outbox_sender.h"
#include "store/rollup_store.h"

namespace slipstream {

/// What gets closed windows beside the store and the clients: the senders that the settings ask
/// for, each with a thread of its own, so that a slow or dead destination holds up no other.
class OutputsComponent final : public Component {
 public:
  /// Makes the senders; no network yet. `redis` outlives this. Errors: a setting that cannot be.
  static Result<std::unique_ptr<OutputsComponent>> make(const Config& config, RedisComponent& redis,
                                                        const Clock& clock);

  /// For which the store is to have rows.
  std::vector<RollupDestination> destinations() const;
  /// Joins each sender with its rows in the store, which outlives this.
  void open(const RollupStore& store, const Clock& clock);

  std::string_view name() const override { return "outputs"; }
  void start() override;
  /// Sends what waits, for about a second; what is left waits in the store. True.
  bool stop() override;
  void health(HealthPage& page) const override;
  void metrics(MetricsPage& page) const override;

  /// nullptr: there is no sender to that destination.
  const OutboxSender* of(std::string_view destination) const;
  /// What is sent to Redis's aggregates, to be known again; nullptr: nothing is.
  const OwnRollups* own_rollups() const;

 private:
  OutputsComponent(bool has_cluster, RedisComponent& redis)
      : has_cluster_(has_cluster), redis_(redis) {}

  const bool has_cluster_;
  RedisComponent& redis_;
  OwnRollups own_rollups_;
  std::vector<std::unique_ptr<RollupSender>> made_;  ///< until they are joined with their rows
  std::vector<std::unique_ptr<OutboxSender>> senders_;
  std::vector<std::unique_ptr<AgentThread>> threads_;  ///< one each
};

}  // namespace slipstream
