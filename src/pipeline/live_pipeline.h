#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "base/agent.h"
#include "base/bounded_queue.h"
#include "pipeline/live_points.h"
#include "pipeline/work_queues.h"

namespace slipstream {

/// The pipeline of an instance that folds what comes out of the log, and shows what comes in at
/// once: points go by their partitions' bounded queues to the workers, which complete them and hand
/// them on; marks go with them, to the observers. Partition p belongs to worker p % workers.
/// Threads: WorkQueues' functions from any; the rest on one.
class LivePipeline final : public WorkQueues {
 public:
  struct Options {
    std::uint32_t partitions;
    std::uint32_t workers;
    QueueLimits queue;  ///< of each partition
  };
  using ObserverFactory = std::function<PartitionObservers(PartitionId)>;

  LivePipeline(const Options& options, const LiveParts& parts,
               const ObserverFactory& make_observers);
  ~LivePipeline() override;

  /// Starts the workers' threads; a test may call poll() instead.
  void start();
  /// Hands on what is queued, and ends the threads; nothing can be pushed any more.
  void stop();
  /// What a worker's thread does, of all of them; how much that was.
  std::size_t poll(std::size_t budget);

  std::uint32_t partitions() const override {
    return static_cast<std::uint32_t>(partitions_.size());
  }
  bool has_room(std::uint32_t partition, std::size_t bytes) const override {
    return partitions_[partition]->queue.has_room(bytes);
  }
  /// Work without points or a mark is of no use here, and let go.
  void push(std::uint32_t partition, Work work) override;
  void wake() override;
  std::size_t depth(std::uint32_t partition) const override {
    return partitions_[partition]->queue.depth();
  }

 private:
  struct Partition {
    Partition(QueueLimits limits, const LiveParts& parts, PartitionObservers observers)
        : queue(limits), points(parts, std::move(observers)) {}
    BoundedQueue<Work> queue;
    LivePoints points;  // its worker's, as what follows
    std::vector<Work> taken;
  };
  class Worker;

  std::vector<std::unique_ptr<Partition>> partitions_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::vector<std::unique_ptr<AgentThread>> threads_;
};

}  // namespace slipstream
