#include "pipeline/pipeline.h"

#include <algorithm>

namespace slipstream {

std::size_t Worker::poll(std::size_t budget) {
  std::size_t work = 0;
  for (Partition* partition : partitions_) {
    work += partition->poll(budget);
    partition->tick();
  }
  return work;
}

Pipeline::Pipeline(const PipelineOptions& options, const PartitionContext& context,
                   const ObserverFactory& make_observer)
    : ingest_(context.ingest) {
  const std::uint32_t workers = std::clamp(options.workers, 1u, options.partitions);
  std::vector<std::vector<Partition*>> owned(workers);
  for (std::uint32_t p = 0; p < options.partitions; ++p) {
    partitions_.push_back(std::make_unique<Partition>(p, context, make_observer(p)));
    owned[p % workers].push_back(partitions_.back().get());
  }
  for (auto& partitions : owned) workers_.push_back(std::make_unique<Worker>(std::move(partitions)));
}

Pipeline::~Pipeline() { drain(); }

void Pipeline::start() {
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    threads_.push_back(std::make_unique<AgentThread>("worker-" + std::to_string(i), *workers_[i]));
  }
}

void Pipeline::drain() {
  for (auto& partition : partitions_) partition->queue().close();
  for (auto& thread : threads_) thread->stop(true);
  threads_.clear();
  for (auto& partition : partitions_) {
    while (partition->poll(64) > 0) {
    }
    partition->close_all();
  }
}

bool Pipeline::offer(PointBatchPtr& batch) {
  const std::uint32_t number = batch->partition;
  const std::size_t points = batch->points.size();
  const SourceKind source = batch->points.front().source;
  if (partitions_[number]->queue().offer(batch, batch->bytes()) != OfferStatus::kTaken) return false;
  ingest_.of(source).accepted.add(points);
  workers_[number % workers_.size()]->wake();
  return true;
}

bool Pipeline::offer_all(std::vector<PointBatchPtr>& batches) {
  for (const auto& batch : batches) {
    if (batch && !partitions_[batch->partition]->queue().has_room()) return false;
  }
  // Between the look and the push others may come in: the limit is passed by at most one body.
  for (auto& batch : batches) {
    if (!batch) continue;
    const std::uint32_t number = batch->partition;
    const std::size_t bytes = batch->bytes();
    ingest_.of(batch->points.front().source).accepted.add(batch->points.size());
    partitions_[number]->queue().force(std::move(batch), bytes);
    workers_[number % workers_.size()]->wake();
  }
  return true;
}

}  // namespace slipstream
