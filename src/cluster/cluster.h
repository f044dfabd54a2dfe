#pragma once
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
#include "tracing/tracer.h"

namespace slipstream {

/// How this instance takes part in a cluster.
struct ClusterOptions {
  std::uint32_t partitions = 1;
  std::vector<WindowDefinition> windows;
  std::size_t max_series = SeriesTable::kMaxSeries;
  std::int64_t commit_interval_ms = 50;  ///< between commits, under load
  std::int64_t block_ms = 1'000;         ///< so long a wait for entries may take
  /// Senders have so long to be heard of again after a stall, or a change of owners.
  std::int64_t grace_ms = 5'000;
  bool is_consuming = true;  ///< takes part in the group; else all partitions are others'
  bool is_following = true;  ///< what other instances own is read along, for our clients
};

/// One partition's; any thread.
struct ClusterPartitionStats {
  Gauge lag;      ///< entries not delivered yet, as the server counts them; -1: it does not know
  Gauge pending;  ///< delivered, not yet acknowledged; -1: its owner cannot ask
};

/// Any thread.
struct ClusterStats {
  explicit ClusterStats(std::uint32_t count) : partitions(count) {}
  std::vector<ClusterPartitionStats> partitions;
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

/// What a cluster's partitions work with; all of it outlives them.
struct ClusterParts {
  using Warn = std::function<void(const std::string&)>;
  using MakeObservers = std::function<PartitionObservers(PartitionId)>;

  const Clock& clock;
  IngestStats& ingest;
  PipelineStats& pipeline_stats;
  Schema& schema;
  BatchPool& pool;
  const SectorMap& sectors;
  AcceptedSink& accepted;
  OutputSink& store;  ///< gets committed rollups, in their partition's order
  ClusterStats& stats;
  MakeObservers make_observers;
  Warn warn;
  Tracer* tracer = nullptr;  ///< nullptr: nothing is traced
};

}  // namespace slipstream
