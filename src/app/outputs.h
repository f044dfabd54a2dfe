#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/agent.h"
#include "model/own_rollups.h"
#include "ops/config.h"
#include "ops/metrics.h"
#include "output/outbox_sender.h"
#include "redis/servers.h"
#include "store/rollup_store.h"

namespace slipstream {

/// What gets closed windows beside the store and the clients: the senders that the settings ask
/// for, each with a thread of its own, so that a slow or dead destination holds up no other.
/// Threads: the figures of its senders any; the rest on the one that has the server.
class Outputs {
 public:
  /// Makes the senders; no network yet. `redis` outlives this; nullptr: there is none.
  static Result<std::unique_ptr<Outputs>> make(const Config& config, RedisServers* redis);

  /// For which the store is to have rows.
  std::vector<RollupDestination> destinations() const;
  /// Joins each sender with its rows in the store, which outlives this.
  void open(const RollupStore& store, const Clock& clock);

  void start();
  /// Ends the threads, and sends what waits, for about a second; what is left waits in the store.
  void stop();

  std::vector<std::string> problems() const;
  /// A list, an object for each sender.
  void append_health(std::string& out) const;
  void add_metrics(MetricsPage& page) const;
  /// nullptr: there is no sender to that destination.
  const OutboxSender* of(std::string_view destination) const;
  /// What is sent to Redis's aggregates, to be known again; nullptr: nothing is.
  const OwnRollups* own_rollups() const;

 private:
  explicit Outputs(bool has_cluster) : has_cluster_(has_cluster) {}

  const bool has_cluster_;
  OwnRollups own_rollups_;
  std::vector<std::unique_ptr<RollupSender>> made_;  ///< until they are joined with their rows
  std::vector<std::unique_ptr<OutboxSender>> senders_;
  std::vector<std::unique_ptr<AgentThread>> threads_;  ///< one each
};

}  // namespace slipstream
