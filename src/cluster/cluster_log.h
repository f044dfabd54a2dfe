#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/signal.h"
#include "cluster/ownership.h"
#include "cluster/partition_feed.h"
#include "cluster/partition_runner.h"

namespace slipstream {

class ClusterPartition;

/// A partition that another instance owns, read along for this one's clients: new points for the
/// broadcast, and all rollups from where the store got to. It takes no entry from anybody and
/// commits nothing. Threads: one at a time; interrupt() from any.
class PartitionFollower {
 public:
  virtual ~PartitionFollower() = default;
  virtual FeedStatus begin() = 0;
  /// Waits up to 50 ms for what is new.
  virtual FeedStatus step() = 0;
  virtual const std::string& error() const = 0;
  virtual void interrupt() = 0;
};

/// The way to one partition's log: makes feeds and followers, each on a connection of its own, and
/// knows when trying is of use. Threads: one.
class PartitionConnector {
 public:
  virtual ~PartitionConnector() = default;
  /// After failures there are pauses, which grow.
  virtual bool is_due() const = 0;
  /// The feed of an owner with this token.
  virtual Result<std::unique_ptr<PartitionFeed>> open_feed(const std::string& token) = 0;
  virtual Result<std::unique_ptr<PartitionFollower>> open_follower(PartitionMemory& memory) = 0;
  virtual void failed() = 0;
  virtual void succeeded() = 0;
  /// Tried at once, however often it has failed.
  virtual void hurry() = 0;
  /// A follower from here on begins at the end.
  virtual void role_changed() = 0;
};

/// What keeps a cluster's entries, and what its instances agree by. Outlives what it makes.
class ClusterLog {
 public:
  virtual ~ClusterLog() = default;
  virtual std::unique_ptr<PartitionConnector> connector(std::uint32_t partition) = 0;
  /// `changed` is notified when a partition's is_owner() changes by itself.
  virtual std::unique_ptr<Ownership> ownership(std::vector<ClusterPartition*> partitions,
                                               Signal& changed) = 0;
};

}  // namespace slipstream
