#pragma once
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "simulation/cluster_simulation.h"
#include "simulation/entry_order.h"

/// For cluster_simulation.cc alone.
namespace slipstream::simulation {

inline constexpr std::uint32_t kPartitions = 2;

/// No two points carry the same.
inline std::uint64_t id_of(std::uint32_t weight_a, std::uint32_t weight_b) {
  return (std::uint64_t{weight_a} << 24) | weight_b;
}

class NoSectors final : public SectorMap {
 public:
  std::int32_t sector_at(std::string_view, double) const override { return 0; }
};

struct ClusterSimulation::Disk {
  std::vector<std::uint64_t> seen = std::vector<std::uint64_t>(kPartitions);
};

/// One life of an instance.
struct ClusterSimulation::Instance final : AcceptedSink, OutputSink {
  Instance(ClusterSimulation& world, std::size_t its_number, ClusterOptions its_options)
      : simulation(world),
        number(its_number),
        disk(world.disks_[its_number]),
        options(std::move(its_options)),
        pipeline_stats(options.windows.size()),
        parts{.clock = world.clock_,
              .ingest = ingest,
              .pipeline_stats = pipeline_stats,
              .schema = world.schema_,
              .pool = world.pool_,
              .sectors = sectors,
              .accepted = *this,
              .store = *this,
              .stats = stats,
              .make_observers = [this](PartitionId id) { return observers(id.number); },
              .warn = [](const std::string&) {}} {
    for (std::uint32_t p = 0; p < kPartitions; ++p) memory[p].rollups_seen = disk.seen[p];
  }

  void accept(PointBatchPtr batch) override {
    for (const Point& point : batch->points) {
      const Value* const values = batch->values_begin(point);
      const auto id = id_of(static_cast<std::uint32_t>(values[0].value),
                            static_cast<std::uint32_t>(values[1].value));
      if (!shown.insert(id).second) violated("a client is shown a point twice");
      const auto writer = simulation.writers_.find(id);
      if (writer != simulation.writers_.end() && writer->second == static_cast<int>(number)) {
        violated("a client is shown a point again that it saw when it came in");
      }
    }
    simulation.pool_.put(std::move(batch));
  }
  bool has_room() const override { return !is_full; }
  void accept(Output output) override {
    const std::uint32_t partition = output.partition.value().number;
    std::set<std::uint64_t> numbers;
    for (const auto& rollup : output.rollups) {
      if (rollup->stored) numbers.insert(rollup->sequence);
    }
    for (const auto& placed : output.marks) numbers.insert(placed.sequence);
    for (const std::uint64_t next : numbers) take(partition, next);
  }
  /// All that is stored comes in the order of its numbers.
  void take(std::uint32_t partition, std::uint64_t next) {
    std::uint64_t& seen = disk.seen[partition];
    const MemoryLog& log = *simulation.logs_[partition];
    const auto is_passed_over = [&](std::uint64_t other) { return other > seen && other < next; };
    const bool follows =
        std::ranges::none_of(log.rollups(),
                             [&](const RollupPtr& other) {
                               return other->stored && is_passed_over(other->sequence);
                             }) &&
        std::ranges::none_of(log.marks(), is_passed_over, &PlacedMark::sequence);
    if (next <= seen || !follows) {
      violated(
          fmt::format("the store of instance {} gets rollup or mark {} of partition {} after "
                      "{}",
                      number, next, partition, seen));
    }
    seen = next;
  }
  PartitionObservers observers(std::uint32_t partition) {
    PartitionObservers made;
    made.push_back(std::make_unique<OrderObserver>(simulation.orders_[partition]));
    made.push_back(std::make_unique<MarkOnlooker>([this, partition](const std::string& text) {
      if (!told[partition].insert(text).second) violated("who looks on is told of a mark twice");
      if (simulation.mark_writers_.at(text) == static_cast<int>(number)) {
        violated("who looks on is told of a mark again that came in here");
      }
    }));
    return made;
  }

  ClusterSimulation& simulation;
  const std::size_t number;
  Disk& disk;
  const ClusterOptions options;
  IngestStats ingest;
  PipelineStats pipeline_stats;
  NoSectors sectors;
  ClusterStats stats{kPartitions};
  const ClusterParts parts;
  std::unordered_set<std::uint64_t> shown;
  std::set<std::string> told[kPartitions];  ///< marks
  bool is_full = false;
  PartitionMemory memory[kPartitions];
  std::string tokens[kPartitions];  ///< empty: it does not take the partition for its own
  std::unique_ptr<PartitionRunner> runners[kPartitions];
};

}  // namespace slipstream::simulation
