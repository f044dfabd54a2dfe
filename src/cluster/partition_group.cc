#include "cluster/partition_group.h"

#include <fmt/format.h>

namespace slipstream {

PartitionGroup::PartitionGroup(const ClusterParts& parts, ClusterOptions options, ClusterLog& log,
                               const std::vector<std::uint64_t>& rollups_seen)
    : parts_(parts), options_(std::move(options)) {
  std::vector<ClusterPartition*> all;
  for (std::uint32_t p = 0; p < options_.partitions; ++p) {
    const std::uint64_t seen = p < rollups_seen.size() ? rollups_seen[p] : 0;
    partitions_.push_back(
        std::make_unique<ClusterPartition>(parts_, options_, log.connector(p), p, seen, changed_));
    all.push_back(partitions_.back().get());
  }
  ownership_ = log.ownership(std::move(all), changed_);
}

PartitionGroup::~PartitionGroup() {
  stop();
}

void PartitionGroup::start() {
  for (std::uint32_t p = 0; p < partitions_.size(); ++p) {
    threads_.push_back(std::make_unique<AgentThread>(fmt::format("stream-{}", p), *partitions_[p]));
  }
  if (options_.is_consuming)
    ownership_thread_ = std::make_unique<AgentThread>("leases", *ownership_);
}

void PartitionGroup::stop() {
  if (ownership_thread_) {
    ownership_->begin_stop();
    ownership_thread_->stop(false);
    ownership_->stop();
  } else {
    for (auto& partition : partitions_) partition->leave(false);
  }
  for (auto& thread : threads_) thread->stop(false);
  threads_.clear();
  ownership_thread_.reset();
}

}  // namespace slipstream
