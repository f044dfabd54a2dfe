// Many instances over one log: nothing that is in the log is lost and nothing is counted twice,
// whoever owns it when, and whatever fails: see cluster_simulation.h. Settings by the environment
// are those of simulation_test.cc.
#include "simulation/cluster_simulation.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "environment.h"

namespace slipstream::simulation {
namespace {

using harness::from_environment;

constexpr std::size_t kTracedLines = 60;
constexpr std::uint64_t kSteps = 10'000;

TEST(ClusterSimulation, EveryEntryIsInOneRollupOfEachWindowAndEveryMarkStoredOnceWhoeverOwnsIt) {
  const std::uint64_t steps = from_environment("SLIPSTREAM_SIM_STEPS", kSteps);
  const std::uint64_t only = from_environment("SLIPSTREAM_SIM_SEED", 0);
  const std::uint64_t first = only == 0 ? 1 : only;
  const std::uint64_t last = only == 0 ? from_environment("SLIPSTREAM_SIM_SEEDS", 100) : only;
  const std::uint64_t lines = from_environment("SLIPSTREAM_SIM_TRACE", 0);
  const std::size_t traced = lines == 1 ? kTracedLines : lines;
  for (std::uint64_t seed = first; seed <= last; ++seed) {
    ClusterSimulation simulation(seed, traced);
    try {
      simulation.run(steps);
    } catch (const Violation& violation) {
      std::string text = fmt::format(
          "seed {}: {}\nagain: SLIPSTREAM_SIM_SEED={} SLIPSTREAM_SIM_STEPS={} "
          "SLIPSTREAM_SIM_TRACE=1 build/dev/tests/cluster_simulation_test\n",
          seed, violation.what, seed, steps);
      for (const auto& line : simulation.trace()) text += "  " + line + "\n";
      ADD_FAILURE() << text;
      continue;
    }
    const ClusterSummary s = simulation.summary();
    if (only == 0 && traced == 0) continue;
    fmt::print(
        "seed {}: {} points, {} dead, {} rollups, {} marks, {} kills, {} takeovers, {} fenced, {} "
        "lost, {} "
        "layouts settled, {} outages, {} audits\n",
        seed, s.points, s.points_dead, s.rollups, s.marks, s.kills, s.takeovers, s.fenced, s.lost,
        s.layouts, s.outages, s.audits);
  }
}

/// What the simulation says of a fault that is planted, with the first seed that shows it; empty:
/// it finds nothing.
std::string found(const PlantedFaults& faults) {
  constexpr std::uint64_t kSeeds = 100;
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    ClusterSimulation simulation(seed, 0, faults);
    try {
      simulation.run(kSteps);
    } catch (const Violation& violation) {
      fmt::print("seed {}: {}\n", seed, violation.what);
      return violation.what;
    }
  }
  return {};
}

TEST(ClusterSimulation, FindsACommitAppliedTwice) {
  EXPECT_THAT(found({.commits_twice = true}), testing::HasSubstr("after rollup or mark"));
}

TEST(ClusterSimulation, FindsACommitDoneInPart) {
  EXPECT_NE(found({.commits_in_part = true}), "");
}

TEST(ClusterSimulation, FindsAFenceThatIsIgnored) {
  EXPECT_NE(found({.ignores_fence = true}), "");
}

TEST(ClusterSimulation, FindsTicksWithoutGrace) {
  EXPECT_THAT(found({.no_grace = true}), testing::HasSubstr("closed as idle"));
}

}  // namespace
}  // namespace slipstream::simulation
