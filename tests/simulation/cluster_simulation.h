#pragma once
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "cluster/partition_runner.h"
#include "simulation/cluster_ledger.h"
#include "simulation/memory_log.h"
#include "simulation/random.h"

namespace slipstream::simulation {

struct ClusterSummary {
  std::uint64_t points = 0;
  std::uint64_t points_dead = 0;
  std::uint64_t rollups = 0;
  std::uint64_t marks = 0;
  std::uint64_t kills = 0;
  std::uint64_t takeovers = 0;
  std::uint64_t fenced = 0;
  std::uint64_t lost = 0;  ///< feeds
  std::uint64_t layouts = 0;
  std::uint64_t outages = 0;
  std::uint64_t audits = 0;
};

/// Several instances over logs in memory, in a world where everything goes wrong, by a seed: the
/// same seed is the same run. Owners are killed, overtaken without being told, and work on; commits
/// are done, or not, or late, and nobody is told; marks stand among points; folds throw;
/// definitions differ from instance to instance; clocks are set; the log goes away for a while,
/// with all who write to it. One thread; its time is its own.
class ClusterSimulation {
 public:
  /// The last `traced` actions are remembered.
  ClusterSimulation(std::uint64_t seed, std::size_t traced, const PlantedFaults& faults = {});
  ~ClusterSimulation();
  ClusterSimulation(const ClusterSimulation&) = delete;
  ClusterSimulation& operator=(const ClusterSimulation&) = delete;

  /// Throws Violation.
  void run(std::uint64_t steps);
  ClusterSummary summary() const;
  const std::deque<std::string>& trace() const { return trace_; }

 private:
  struct Car {
    std::string track;
    std::string chassis;
    std::uint32_t partition = 0;
    std::int32_t lap = 1;
    std::int32_t sector = 0;
    std::int32_t left_lap = 0;
    std::int32_t left_sector = 0;
    std::int64_t left_ns = 0;  ///< event time at which it moved on; 0: it has not
    bool was_heard = false;    ///< where it is now
    SteadyTime next = {};      ///< when it sends
  };
  /// What an instance's disk has: it outlives it.
  struct Disk;
  struct Instance;

  void step();
  void advance(std::int64_t ms);
  void send_due();
  void pour_out();
  SimPoint point_of(Car& car);
  void write(std::uint32_t partition, std::vector<SimPoint> points, int writer,
             std::vector<SimMark> marks = {});
  std::string new_mark(int writer);
  void send_mark_of_instance();
  void forget_places(std::uint32_t partition);
  static void forget_place(Car& car);
  void step_one();
  void step_runner(Instance& instance, std::uint32_t partition);
  void rarer();
  void kill(std::size_t number);
  void boot(std::size_t number);
  void hand_over(std::uint32_t partition);
  void take(std::uint32_t partition, std::size_t number);
  void begin_outage();
  void end_outage();
  void audit();
  void come_to_rest();
  ClusterOptions options();
  void note(std::string what);

  const PlantedFaults faults_;
  const std::size_t traced_;
  std::deque<std::string> trace_;
  Random random_;
  ManualClock clock_;
  Schema schema_;
  BatchPool pool_;
  ClusterLedger ledger_;
  std::vector<std::unique_ptr<MemoryLog>> logs_;
  std::vector<Disk> disks_;
  std::vector<std::unique_ptr<Instance>> instances_;
  std::vector<Car> cars_;
  std::unordered_map<std::uint64_t, int> writers_;     ///< instances, by what their points carry
  std::unordered_map<std::string, int> mark_writers_;  ///< likewise, by text
  std::vector<std::uint64_t> orders_;                  ///< of each partition's observer
  std::optional<SteadyTime> outage_since_;
  unsigned failing_per_mille_ = 0;
  unsigned throws_in_ = 0;
  std::uint64_t tokens_ = 0;
  ClusterSummary summary_;
};

}  // namespace slipstream::simulation
