#include "pipeline/pipeline.h"

#include <algorithm>

#include "base/check.h"

namespace slipstream {

std::size_t Worker::poll(std::size_t budget) {
  std::size_t work = 0;
  for (Partition* partition : partitions_) {
    if (partition->failure() && !supervisor_->restart(*partition)) continue;
    try {
      work += partition->poll(budget);
      if (!is_ending_.load(std::memory_order_relaxed)) partition->tick();
    } catch (const std::exception& error) {
      if (supervisor_ == nullptr) throw;
      const Work* const at = partition->work_in_hand();
      if (at == nullptr) throw;
      partition->fail({partition->id(), at->offset, at->end(), error.what()});
      ++work;
    }
  }
  return work;
}

Worker::Limit Worker::idle_limit() {
  SteadyTime due = kForever;
  for (const Partition* partition : partitions_) due = std::min(due, partition->next_tick());
  // What is due and was not done just now waits for others: for room, or for the log.
  return std::max(Limit(due - clock_.steady()), kShortIdle);
}

Pipeline::Pipeline(const PipelineOptions& options, const PartitionContext& context,
                   const ObserverFactory& make_observers, Supervisor* supervisor) {
  const std::uint32_t workers = std::clamp(options.workers, 1u, options.partitions);
  std::vector<std::vector<Partition*>> owned(workers);
  for (std::uint32_t p = 0; p < options.partitions; ++p) {
    partitions_.push_back(std::make_unique<Partition>(embedded_partition(p), context,
                                                      make_observers(embedded_partition(p))));
    owned[p % workers].push_back(partitions_.back().get());
  }
  for (auto& partitions : owned) {
    workers_.push_back(std::make_unique<Worker>(std::move(partitions), context.clock, supervisor));
  }
}

Pipeline::~Pipeline() {
  stop();
}

void Pipeline::start() {
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    threads_.push_back(std::make_unique<AgentThread>("worker-" + std::to_string(i), *workers_[i]));
  }
}

void Pipeline::stop() {
  for (auto& partition : partitions_) partition->queue().close();
  for (auto& worker : workers_) worker->end();
  for (auto& thread : threads_) thread->stop(true);
  threads_.clear();
}

std::size_t Pipeline::fold_on() {
  constexpr std::size_t kBudget = 256;
  std::size_t work = 0;
  for (auto& worker : workers_) work += worker->poll(kBudget);
  return work;
}

void Pipeline::checkpoint() {
  for (auto& partition : partitions_) partition->checkpoint();
}

void Pipeline::push(std::uint32_t partition, Work work) {
  CHECK(partition < partitions_.size(), "work is for a partition that there is");
  const std::size_t bytes = work.bytes();
  partitions_[partition]->queue().force(std::move(work), bytes);
  workers_[partition % workers_.size()]->has_more();
}

void Pipeline::wake() {
  for (auto& worker : workers_) worker->wake_for_more();
}

}  // namespace slipstream
