#include "pipeline/live_pipeline.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/check.h"

namespace slipstream {

class LivePipeline::Worker final : public SignalledAgent {
 public:
  void add(Partition& partition) { partitions_.push_back(&partition); }
  std::size_t poll(std::size_t budget) override {
    std::size_t work = 0;
    for (Partition* const partition : partitions_) {
      partition->taken.clear();
      partition->queue.take(partition->taken, budget);
      for (Work& one : partition->taken) {
        if (one.batch) partition->points.take(std::move(one.batch));
        if (one.mark) partition->points.mark(*one.mark);
      }
      work += partition->taken.size();
      partition->points.tick();
    }
    return work;
  }

 private:
  std::vector<Partition*> partitions_;
};

LivePipeline::LivePipeline(const Options& options, const LiveParts& parts,
                           const ObserverFactory& make_observers) {
  const std::uint32_t workers = std::clamp(options.workers, 1u, options.partitions);
  for (std::uint32_t w = 0; w < workers; ++w) workers_.push_back(std::make_unique<Worker>());
  for (std::uint32_t p = 0; p < options.partitions; ++p) {
    partitions_.push_back(
        std::make_unique<Partition>(options.queue, parts, make_observers(embedded_partition(p))));
    workers_[p % workers]->add(*partitions_.back());
  }
}

LivePipeline::~LivePipeline() {
  stop();
}

void LivePipeline::start() {
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    threads_.push_back(std::make_unique<AgentThread>("worker-" + std::to_string(i), *workers_[i]));
  }
}

void LivePipeline::stop() {
  for (auto& partition : partitions_) partition->queue.close();
  for (auto& thread : threads_) thread->stop(true);
  threads_.clear();
}

std::size_t LivePipeline::poll(std::size_t budget) {
  std::size_t work = 0;
  for (auto& worker : workers_) work += worker->poll(budget);
  return work;
}

void LivePipeline::push(std::uint32_t partition, Work work) {
  CHECK(partition < partitions_.size(), "work is for a partition that there is");
  if (!work.batch && !work.mark) return;
  const std::size_t bytes = work.bytes();
  partitions_[partition]->queue.force(std::move(work), bytes);
  workers_[partition % workers_.size()]->has_more();
}

void LivePipeline::wake() {
  for (auto& worker : workers_) worker->wake_for_more();
}

}  // namespace slipstream
