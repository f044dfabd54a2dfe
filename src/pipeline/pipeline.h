#pragma once
#include <functional>
#include <memory>
#include <vector>

#include "base/agent.h"
#include "pipeline/partition.h"
#include "pipeline/supervisor.h"
#include "pipeline/work_queues.h"

namespace slipstream {

/// Runs some of the partitions, on one thread.
class Worker final : public SignalledAgent {
 public:
  Worker(std::vector<Partition*> partitions, const Clock& clock, Supervisor* supervisor)
      : partitions_(std::move(partitions)), clock_(clock), supervisor_(supervisor) {}
  std::size_t poll(std::size_t budget) override;
  /// Only folds from here on: the last checkpoint is its owner's. Any thread.
  void end() { is_ending_.store(true, std::memory_order_relaxed); }

 protected:
  Limit idle_limit() override;

 private:
  std::vector<Partition*> partitions_;
  const Clock& clock_;
  std::atomic<bool> is_ending_{false};
  Supervisor* const supervisor_;  ///< may be nullptr: a failure ends the process
};

struct PipelineOptions {
  std::uint32_t partitions;
  std::uint32_t workers;
};

/// All partitions and the workers that own them: partition p belongs to worker p % workers.
/// Threads: WorkQueues' functions from any; the rest on one.
class Pipeline final : public WorkQueues {
 public:
  using ObserverFactory = std::function<PartitionObservers(PartitionId)>;

  Pipeline(const PipelineOptions& options, const PartitionContext& context,
           const ObserverFactory& make_observers, Supervisor* supervisor = nullptr);
  ~Pipeline() override;

  /// Starts the workers' threads; a test may poll workers() itself instead.
  void start();
  /// Folds what is queued, as far as the outputs have room, and ends the threads; nothing can be
  /// pushed any more.
  void stop();
  /// After that, once there is room: folds on, here. How much work was done; 0: all is folded, or
  /// there is no room.
  std::size_t fold_on();
  /// Hands every partition's state to its outputs. Workers must not run.
  void checkpoint();

  std::uint32_t partitions() const override {
    return static_cast<std::uint32_t>(partitions_.size());
  }
  bool has_room(std::uint32_t partition, std::size_t bytes) const override {
    return partitions_[partition]->queue().has_room(bytes);
  }
  void push(std::uint32_t partition, Work work) override;
  void wake() override;
  std::size_t depth(std::uint32_t partition) const override {
    return partitions_[partition]->queue().depth();
  }

  Partition& partition(std::size_t number) { return *partitions_[number]; }
  const Partition& partition(std::size_t number) const { return *partitions_[number]; }
  std::vector<std::unique_ptr<Worker>>& workers() { return workers_; }

 private:
  std::vector<std::unique_ptr<Partition>> partitions_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::vector<std::unique_ptr<AgentThread>> threads_;
};

}  // namespace slipstream
