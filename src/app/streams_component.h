#pragma once
#include <functional>
#include <memory>
#include <vector>

#include "app/basics.h"
#include "app/component.h"
#include "app/redis_component.h"
#include "cluster/partition_group.h"
#include "redis_streams/redis_streams.h"

namespace slipstream {

/// Reads Redis Streams, as one of the group: folds the partitions that are ours, follows the
/// others.
class StreamsComponent final : public Component {
 public:
  /// What the partitions hand to, and count with; all of it outlives this.
  struct Parts {
    PipelineStats& pipeline_stats;
    const SectorMap& sectors;
    AcceptedSink& accepted;
    OutputSink& store;
    std::function<PartitionObservers(PartitionId)> make_observers;
  };
  /// `own_rollups`: what this instance sends to streams that it may read itself; may be nullptr.
  /// `rollups_seen`: by partition, the newest stored rollup that the store has.
  StreamsComponent(const Basics& basics, const Parts& parts, RedisComponent& redis,
                   const OwnRollups* own_rollups, StreamOptions options,
                   const std::vector<std::uint64_t>& rollups_seen);

  std::string_view name() const override { return "streams"; }
  void start() override { group_.start(); }
  /// Commits what is folded, and gives the partitions back.
  bool stop() override;
  void health(HealthPage& page) const override;
  void metrics(MetricsPage& page) const override;

  const PartitionGroup& group() const { return group_; }

 private:
  ClusterParts cluster_parts(const Basics& basics, const Parts& parts);
  void add_problems(HealthPage& page) const;

  const Clock& clock_;
  RedisComponent& redis_;
  ClusterStats stats_;
  const ClusterParts cluster_;
  RedisStreams streams_;
  PartitionGroup group_;
};

}  // namespace slipstream
