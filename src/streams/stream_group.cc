#include "streams/stream_group.h"

#include <fmt/format.h>

namespace slipstream {

StreamGroup::StreamGroup(const StreamParts& parts, StreamOptions options,
                         const std::vector<std::uint64_t>& rollups_seen)
    : parts_(parts), options_(std::move(options)) {
  std::vector<StreamPartition*> all;
  for (std::uint32_t p = 0; p < options_.names.partitions; ++p) {
    const std::uint64_t seen = p < rollups_seen.size() ? rollups_seen[p] : 0;
    partitions_.push_back(std::make_unique<StreamPartition>(parts_, options_, p, seen, changed_));
    all.push_back(partitions_.back().get());
  }
  keeper_ = std::make_unique<LeaseKeeper>(parts_, options_, std::move(all), changed_);
}

StreamGroup::~StreamGroup() {
  stop();
}

void StreamGroup::start() {
  for (std::uint32_t p = 0; p < partitions_.size(); ++p) {
    threads_.push_back(std::make_unique<AgentThread>(fmt::format("stream-{}", p), *partitions_[p]));
  }
  if (options_.is_consuming) keeper_thread_ = std::make_unique<AgentThread>("leases", *keeper_);
}

void StreamGroup::stop() {
  if (keeper_thread_) {
    keeper_->begin_stop();
    keeper_thread_->stop(false);
    keeper_->stop();
  } else {
    for (auto& partition : partitions_) partition->leave(false);
  }
  for (auto& thread : threads_) thread->stop(false);
  threads_.clear();
  keeper_thread_.reset();
}

}  // namespace slipstream
