#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/counters.h"
#include "base/error.h"
#include "model/rollup_selection.h"

namespace slipstream {

/// What is to get closed windows beside the store and its clients, and which of them.
struct RollupDestination {
  std::string name;                       ///< of its rows: the same from run to run
  std::vector<std::string> windows = {};  ///< the definitions whose rollups it gets
  /// Nothing: it gets no alerts; empty: all; else those of these names. Each is a row of its own
  /// (model/outbox_alert.h), in the shard that is called as the alert.
  std::optional<std::vector<std::string>> alerts = {};
  RollupSelection selection = {};  ///< what of them
  /// Its rollups are spread over these by their series, so that each shard has all that a machine
  /// gave, in order; and a shard that cannot be sent holds up no other. Never empty.
  std::vector<std::string> shards = {""};
  /// Also the rollups of partitions that many instances share, as far as this one made them.
  bool of_cluster = false;
  std::size_t rollups_per_row = 100;
  std::uint64_t max_rollups = 200'000;  ///< that may wait, a shard; then the oldest go
};

/// Rollups on their way to a destination, committed together.
struct OutboxRow {
  std::uint64_t id = 0;  ///< grows, also from run to run; none is used twice
  std::uint64_t count = 0;
  std::string rollups;  ///< as JSON, each ended by a line's end; or an alert
};

/// Of one destination. Any thread.
struct OutboxStats {
  Gauge rows;
  Gauge rollups;    ///< in those rows
  Counter dropped;  ///< rollups that gave way to newer ones
};

/// Where committed rollups wait until one destination has them. What is in it outlives the process.
/// Each destination has its own rows, and with them its own place: none waits for another.
/// Threads: shards() and stats() any; the rest on one, beside whoever commits.
class RollupOutbox {
 public:
  virtual ~RollupOutbox() = default;
  /// Who counts these ids: the same name for the life of the store, and of no other store.
  virtual const std::string& writer() const = 0;
  /// Shards that rollups wait for; does not touch the disk. One may be of an earlier run's
  /// RollupDestination::shards.
  virtual std::vector<std::string> shards() const = 0;
  /// The shard's oldest rows, up to about `max_bytes`, but at least one where there is one.
  virtual Result<std::vector<OutboxRow>> read(const std::string& shard, std::size_t max_bytes) = 0;
  /// The destination has the shard's rows up to this one.
  virtual Result<void> remove(const std::string& shard, std::uint64_t up_to) = 0;
  virtual const OutboxStats& stats() const = 0;
};

}  // namespace slipstream
