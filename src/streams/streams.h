#pragma once
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/counters.h"
#include "model/ingest_stats.h"
#include "model/sinks.h"
#include "pipeline/partition.h"
#include "redis/servers.h"
#include "streams/own_rollups.h"
#include "streams/stream_names.h"

namespace slipstream {

struct StreamOptions {
  StreamNames names;
  std::string instance;       ///< unique among the running ones
  std::string consumer;       ///< in the group
  std::string from = "$";     ///< where a group that is missing begins: "$" the end, "0", or an id
  std::uint32_t batch = 500;  ///< entries a read, at rest
  std::uint32_t max_batch = 8'000;  ///< and under load
  std::int64_t block_ms = 1'000;
  std::int64_t claim_idle_ms = 30'000;  ///< then entries of strangers are claimed
  std::uint64_t stream_maxlen = 200'000;
  std::int64_t commit_interval_ms = 50;  ///< between commits, under load
  std::int64_t lease_ms = 5'000;
  std::vector<WindowDefinition> windows;
  std::vector<std::string> aggregate_windows;
  std::size_t max_series = 100'000;
  bool is_log = false;       ///< the streams are ours: old entries are trimmed once acknowledged
  bool is_consuming = true;  ///< takes part in the group; else all partitions are others'
  bool is_following = true;  ///< what other instances own is read along, for our clients
};

/// One partition's; any thread.
struct StreamPartitionStats {
  Gauge lag;      ///< entries not delivered yet, as the server counts them; -1: it does not know
  Gauge pending;  ///< delivered, not yet acknowledged; -1: its owner cannot ask
};

/// Any thread.
struct StreamStats {
  explicit StreamStats(std::uint32_t count) : partitions(count) {}
  std::vector<StreamPartitionStats> partitions;
  Counter entries;
  Counter entries_again;  ///< read again: after a restart, of a dead owner, of a stranger
  Counter entries_dead;
  Counter entries_deleted;  ///< while they were pending: let go
  Counter commits;
  Counter commits_refused;  ///< tried again
  Counter fenced;           ///< commits that came too late: the partition had another owner
  Counter restarts;         ///< of a partition from its checkpoint, for whatever reason
  Counter takeovers;        ///< partitions taken
  LatencyHistogram commit_time;
  Gauge batch;  ///< entries of the last read
};

/// What the streams work with; all of it outlives them.
struct StreamParts {
  using Warn = std::function<void(const std::string&)>;
  using MakeObserver = std::function<std::unique_ptr<PointObserver>(std::uint32_t partition)>;

  RedisServers& servers;
  const Clock& clock;
  IngestStats& ingest;
  PipelineStats& pipeline_stats;
  Schema& schema;
  BatchPool& pool;
  const SectorMap& sectors;
  AcceptedSink& accepted;
  OutputSink& store;  ///< gets committed rollups, in their partition's order
  StreamStats& stats;
  MakeObserver make_observer;
  Warn warn;
  const OwnRollups* own_rollups = nullptr;  ///< of the embedded log; nullptr: none are sent
};

}  // namespace slipstream
