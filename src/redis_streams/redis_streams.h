#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "cluster/cluster_log.h"
#include "redis_streams/stream_options.h"

namespace slipstream {

/// A consumer group of Redis Streams as what keeps a cluster's entries: a stream for each
/// partition, and leases in Redis that say whose it is. Threads: one; what it makes has its own.
class RedisStreams final : public ClusterLog {
 public:
  RedisStreams(const StreamParts& parts, StreamOptions options)
      : parts_(parts), options_(std::move(options)) {}

  std::unique_ptr<PartitionConnector> connector(std::uint32_t partition) override;
  std::unique_ptr<Ownership> ownership(std::vector<ClusterPartition*> partitions,
                                       Signal& changed) override;

  const StreamParts& parts() const { return parts_; }
  const StreamOptions& options() const { return options_; }

 private:
  const StreamParts parts_;
  const StreamOptions options_;
};

}  // namespace slipstream
