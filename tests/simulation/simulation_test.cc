// Nothing acknowledged is lost and nothing is counted twice, whatever fails when: see simulation.h.
// SLIPSTREAM_SIM_SEEDS and SLIPSTREAM_SIM_STEPS ask for more; SLIPSTREAM_SIM_SEED=n runs one seed,
// with SLIPSTREAM_SIM_TRACE=1 what it did last is told, with another number so many actions.
#include "simulation/simulation.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

#include <chrono>

#include "environment.h"

namespace slipstream::simulation {
namespace {

using harness::from_environment;

constexpr std::size_t kTracedLines = 60;

TEST(Simulation, KeepsEveryPromiseThroughEveryFault) {
  spdlog::set_level(spdlog::level::off);
  const std::uint64_t steps = from_environment("SLIPSTREAM_SIM_STEPS", 10'000);
  const std::uint64_t only = from_environment("SLIPSTREAM_SIM_SEED", 0);
  const std::uint64_t first = only == 0 ? 1 : only;
  const std::uint64_t last = only == 0 ? from_environment("SLIPSTREAM_SIM_SEEDS", 50) : only;
  const std::uint64_t lines = from_environment("SLIPSTREAM_SIM_TRACE", 0);
  const std::size_t traced = lines == 1 ? kTracedLines : lines;
  for (std::uint64_t seed = first; seed <= last; ++seed) {
    Simulation* running = nullptr;
    std::unique_ptr<Simulation> simulation;
    const auto tell = [&](const std::string& what) {
      std::string text = fmt::format(
          "seed {}: {}\nagain: SLIPSTREAM_SIM_SEED={} SLIPSTREAM_SIM_STEPS={} "
          "SLIPSTREAM_SIM_TRACE=1 build/dev/tests/simulation_test\n",
          seed, what, seed, steps);
      if (running != nullptr) {
        for (const auto& line : running->trace()) text += "  " + line + "\n";
      }
      return text;
    };
    try {
      simulation = std::make_unique<Simulation>(seed, traced);
      running = simulation.get();
      simulation->run(steps);
    } catch (const Violation& violation) {
      ADD_FAILURE() << tell(violation.what);
      continue;
    }
    const Summary s = simulation->summary();
    if (only != 0 || traced != 0) {
      fmt::print(
          "seed {}: {} points, {} rollups, {} lives, {} crashes, {} failed starts, {} audits, {} "
          "damaged starts, {} refused, {} lost, {} blurred, {} dead, {} keys again\n",
          seed, s.points, s.rollups, s.lives, s.crashes, s.failed_starts, s.audits, s.damaged,
          s.refused, s.points_lost, s.points_blurred, s.points_dead, s.answered_again);
    }
  }
}

}  // namespace
}  // namespace slipstream::simulation
