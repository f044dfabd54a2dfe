#pragma once
#include <functional>
#include <memory>
#include <vector>

#include "base/agent.h"
#include "model/sinks.h"
#include "pipeline/partition.h"

namespace slipstream {

/// Runs some of the partitions, on one thread.
class Worker final : public SignalledAgent {
 public:
  explicit Worker(std::vector<Partition*> partitions) : partitions_(std::move(partitions)) {}
  std::size_t poll(std::size_t budget) override;

 private:
  std::vector<Partition*> partitions_;
};

struct PipelineOptions {
  std::uint32_t partitions = 4;
  std::uint32_t workers = 2;
};

/// All partitions and the workers that own them: partition p belongs to worker p % workers.
/// offer() and offer_all() from any thread.
class Pipeline final : public PointSink {
 public:
  using ObserverFactory = std::function<std::unique_ptr<PointObserver>(std::uint32_t partition)>;

  Pipeline(const PipelineOptions& options, const PartitionContext& context,
           const ObserverFactory& make_observer);
  ~Pipeline() override;

  /// Starts the workers' threads; a test may poll workers() itself instead.
  void start();
  /// Folds what is queued, closes every window and ends the threads. Sources must have stopped.
  void drain();

  std::uint32_t partitions() const override {
    return static_cast<std::uint32_t>(partitions_.size());
  }
  bool offer(PointBatchPtr& batch) override;
  bool offer_all(std::vector<PointBatchPtr>& batches) override;

  const Partition& partition(std::size_t number) const { return *partitions_[number]; }
  std::vector<std::unique_ptr<Worker>>& workers() { return workers_; }

 private:
  IngestStats& ingest_;
  std::vector<std::unique_ptr<Partition>> partitions_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::vector<std::unique_ptr<AgentThread>> threads_;
};

}  // namespace slipstream
