#pragma once
#include <cstdint>
#include <deque>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "log/testing.h"
#include "simulation/ledger.h"
#include "simulation/marks.h"
#include "simulation/random.h"
#include "simulation/server.h"
#include "simulation/traffic.h"

namespace slipstream::simulation {

struct Summary {
  std::uint64_t lives = 0;
  std::uint64_t crashes = 0;        ///< of the process or the machine
  std::uint64_t failed_starts = 0;  ///< or killed while it recovered
  std::uint64_t audits = 0;
  std::uint64_t damaged = 0;  ///< starts with a flipped bit in the log
  std::uint64_t refused = 0;
  std::uint64_t points = 0;
  std::uint64_t points_lost = 0;
  std::uint64_t points_blurred = 0;
  std::uint64_t points_dead = 0;
  std::uint64_t rollups = 0;
  std::uint64_t answered_again = 0;
};

/// The durable path in a world where everything goes wrong, by a seed: the same seed is the same
/// run. One thread; its time is its own. The log is in memory, on a file system with faults; the
/// store is the real one, in a temporary folder, since SQLite's transactions are not in question.
class Simulation {
 public:
  /// The last `traced` actions are remembered.
  Simulation(std::uint64_t seed, std::size_t traced);
  ~Simulation();
  Simulation(const Simulation&) = delete;
  Simulation& operator=(const Simulation&) = delete;

  /// Throws Violation.
  void run(std::uint64_t steps);
  Summary summary() const;
  /// What it did last, newest at the end.
  const std::deque<std::string>& trace() const { return trace_; }

 private:
  /// Thrown where the recovery is to be killed.
  struct Killed {};

  void step();
  void offer();
  void poll();
  void rarer();
  void step_clock();
  void change_files();
  void change_store();
  void change_layout();
  void advance(std::int64_t most_ms);

  void kill();
  void kill_quietly(bool machine);
  void stop();
  void restart(unsigned damaged_percent = 20);
  bool try_start(bool is_changed, unsigned attempt);
  StoredState stored() const;
  std::vector<PartitionState> states_in_the_store() const;
  void during_recovery();
  void settle(const Recovered& recovered);
  void damage_log();
  /// A bit turns in what is folded again, before anything of it is out.
  void lose_a_block();
  /// All is well again: everything comes to rest, is stopped, and is compared; then on.
  void audit();
  void come_to_rest();

  Config config();
  void break_store();
  void heal_store();
  void note(std::string what);

  const std::filesystem::path folder_;
  const std::size_t traced_;
  std::deque<std::string> trace_;
  Random random_;
  ManualClock clock_;
  log_testing::FaultyFileSystem files_;
  Ledger ledger_;
  Traffic traffic_;
  Marks marks_;

  Config config_;
  std::shared_ptr<const Layout> layout_;
  bool layout_changed_ = true;  ///< chosen anew since the last life, perhaps the same
  std::optional<std::string> layout_text_;
  std::unique_ptr<Server> server_;
  std::optional<Database> saboteur_;
  bool store_broken_ = false;
  unsigned throws_in_ = 0;  ///< folded points until one throws once; 0: none does
  bool may_be_killed_ = false;
  bool damaged_ = false;  ///< since the last life: what is lost is told when the start is done
  std::vector<PartitionState> states_at_damage_;
  Summary summary_;
};

}  // namespace slipstream::simulation
