#pragma once
#include <memory>
#include <string>
#include <vector>

#include "base/agent.h"
#include "cluster/cluster.h"
#include "cluster/cluster_log.h"
#include "cluster/cluster_partition.h"

namespace slipstream {

/// This instance's part in a cluster: all partitions, owned or followed, each on a thread of its
/// own, and what decides which of them are ours. Threads: start(), stop() on one; the rest from
/// any.
class PartitionGroup {
 public:
  /// `rollups_seen`: by partition, the newest stored rollup that the store has.
  PartitionGroup(const ClusterParts& parts, ClusterOptions options, ClusterLog& log,
                 const std::vector<std::uint64_t>& rollups_seen);
  ~PartitionGroup();

  void start();
  /// Commits what is folded, gives the partitions back, and ends the threads.
  void stop();

  const ClusterStats& stats() const { return parts_.stats; }
  bool owns(std::uint32_t partition) const { return partitions_[partition]->is_owner(); }
  PartitionFailure failure(std::uint32_t partition) const {
    return partitions_[partition]->failure();
  }
  std::size_t members() const { return ownership_->members(); }

 private:
  const ClusterParts parts_;
  const ClusterOptions options_;
  Signal changed_;
  std::vector<std::unique_ptr<ClusterPartition>> partitions_;
  std::unique_ptr<Ownership> ownership_;
  std::vector<std::unique_ptr<AgentThread>> threads_;
  std::unique_ptr<AgentThread> ownership_thread_;
};

}  // namespace slipstream
