#pragma once
#include <memory>
#include <string>
#include <vector>

#include "streams/lease_keeper.h"
#include "streams/stream_partition.h"
#include "streams/streams.h"

namespace slipstream {

/// This instance's part in a consumer group: all partitions, owned or followed, each on a thread of
/// its own, and the keeper of their leases. Threads: start(), stop() on one; the rest from any.
class StreamGroup {
 public:
  /// `rollups_seen`: by partition, the newest stored rollup that the store has.
  StreamGroup(const StreamParts& parts, StreamOptions options,
              const std::vector<std::uint64_t>& rollups_seen);
  ~StreamGroup();

  void start();
  /// Commits what is folded, gives the partitions back, and ends the threads.
  void stop();

  const StreamOptions& options() const { return options_; }
  const StreamStats& stats() const { return parts_.stats; }
  bool owns(std::uint32_t partition) const { return partitions_[partition]->is_owner(); }
  StreamFailure failure(std::uint32_t partition) const { return partitions_[partition]->failure(); }
  std::size_t members() const { return keeper_->members(); }

 private:
  const StreamParts parts_;
  const StreamOptions options_;
  Signal changed_;
  std::vector<std::unique_ptr<StreamPartition>> partitions_;
  std::unique_ptr<LeaseKeeper> keeper_;
  std::vector<std::unique_ptr<AgentThread>> threads_;
  std::unique_ptr<AgentThread> keeper_thread_;
};

}  // namespace slipstream
