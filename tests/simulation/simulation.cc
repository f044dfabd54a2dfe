#include "simulation/simulation.h"

#include <fmt/format.h>
#include <unistd.h>

#include <stdexcept>

#include "base/fault.h"

namespace slipstream::simulation {
namespace {

constexpr std::int64_t kBegin = 1'757'000'000 * kNsPerSecond;

std::filesystem::path new_folder(std::uint64_t seed) {
  const std::filesystem::path memory = "/dev/shm";
  const auto parent =
      std::filesystem::is_directory(memory) ? memory : std::filesystem::temp_directory_path();
  auto folder = parent / fmt::format("slipstream-simulation-{}-{}", ::getpid(), seed);
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  return folder;
}

/// What decides to which window a point belongs is the same under each name, always.
std::vector<WindowDefinition> all_windows(Random& random) {
  auto windows = default_windows(static_cast<std::uint32_t>(2 + random.pick(9)));
  windows[0].statistics.set(StatisticGroup::kFirst, random.chance(50));
  windows[1].statistics.set(StatisticGroup::kQuantiles, random.chance(20));
  windows[1].idle_ms = random.one_of({5'000, 60'000});
  windows[1].late = windows[2].late = LatePolicy::kRollup;
  WindowDefinition laps;
  laps.name = "laps";
  laps.key_lap = true;
  laps.idle_ms = random.one_of({1'000, 20'000});
  laps.stored = true;
  WindowDefinition strict;
  strict.name = "strict";
  strict.every_ms = 500;
  strict.lateness_ms = 0;
  strict.stored = true;
  WindowDefinition sevens;
  sevens.name = "sevens";
  sevens.close_count = 7;
  sevens.idle_ms = 0;
  windows.insert(windows.end(), {laps, strict, sevens});
  return windows;
}

}  // namespace

Simulation::Simulation(std::uint64_t seed, std::size_t traced)
    : folder_(new_folder(seed)),
      traced_(traced),
      random_(seed),
      clock_(kBegin),
      files_(seed + 1),
      ledger_((folder_ / "slipstream.db").string()),
      traffic_(random_, ledger_) {
  fault::hook() = [this](std::string_view point, std::string_view chassis) {
    if (point != "fold") return;
    // A passing fault never meets the same work twice at once: what does counts as poison.
    if (chassis == kPoison) throw std::runtime_error("a poisoned point");
    if (throws_in_ > 0 && --throws_in_ == 0) throw std::runtime_error("a passing fault");
  };
  config_.store.data_dir = folder_;
  change_layout();
  restart();
}

Simulation::~Simulation() {
  fault::hook() = nullptr;
  server_.reset();
  saboteur_.reset();
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

void Simulation::run(std::uint64_t steps) {
  for (std::uint64_t i = 0; i < steps; ++i) step();
  audit();
}

Summary Simulation::summary() const {
  Summary summary = summary_;
  summary.points = ledger_.points_taken();
  summary.points_lost = ledger_.points_lost();
  summary.points_blurred = ledger_.points_blurred();
  summary.points_dead = ledger_.points_dead();
  summary.rollups = ledger_.rollups();
  summary.answered_again = traffic_.answered_again();
  return summary;
}

void Simulation::note(std::string what) {
  if (traced_ == 0) return;
  if (trace_.size() == traced_) trace_.pop_front();
  trace_.push_back(fmt::format("{:9.3f} s  {}",
                               static_cast<double>(clock_.now().ns - kBegin) / kNsPerSecond,
                               std::move(what)));
}

void Simulation::advance(std::int64_t most_ms) {
  clock_.advance(random_.between(0, most_ms * kNsPerMs));
}

void Simulation::step() {
  const auto what = random_.pick(1'000);
  if (what < 310) return offer();
  if (what < 560) return advance(30);
  if (what < 975) return poll();
  rarer();
}

void Simulation::offer() {
  if (random_.chance(5)) return note(marks_.offer(*server_, random_, clock_.now()));
  if (random_.chance(70)) {
    const bool taken = traffic_.offer_datagram(*server_, layout_, clock_.now());
    if (!taken) ++summary_.refused;
    if (traced_ != 0) note(taken ? "datagram" : "datagram refused");
    return;
  }
  auto what = traffic_.offer_body(*server_, layout_, clock_.now());
  if (what == "body refused") ++summary_.refused;
  note(std::move(what));
}

void Simulation::poll() {
  const std::uint64_t which = random_.pick(5);
  if (which < 2) {
    const std::size_t wrote = server_->journal().poll(1);
    if (traced_ != 0) note(fmt::format("journal: {} written", wrote));
  } else if (which < 4) {
    auto& workers = server_->pipeline().workers();
    const std::size_t worker = random_.pick(workers.size());
    const std::size_t done = workers[worker]->poll(1 + random_.pick(16));
    if (traced_ != 0) note(fmt::format("worker {}: {}", worker, done));
  } else {
    const std::size_t committed = server_->store_writer().poll(1);
    if (traced_ != 0) note(fmt::format("store: {} committed", committed));
  }
}

void Simulation::rarer() {
  const auto what = random_.pick(100);
  if (what < 22) {
    note("time passes");
    return advance(random_.one_of({500, 2'000, 5'000}));
  }
  if (what < 24) {
    note("much time passes");
    return advance(70'000);
  }
  if (what < 28) return step_clock();
  if (what < 45) return change_files();
  if (what < 60) {
    throws_in_ = static_cast<unsigned>(1 + random_.pick(30));
    return note(fmt::format("the fold throws in {} points", throws_in_));
  }
  if (what < 68) {
    note("checkpoint");
    return server_->pipeline().checkpoint();
  }
  if (what < 80) return change_store();
  if (what < 84) return audit();
  if (what < 85) return lose_a_block();
  if (what < 87) {
    stop();
    return restart();
  }
  // Some kills follow each other at once.
  for (auto kills = 1 + (random_.chance(20) ? random_.pick(4) : 0); kills > 0; --kills) {
    kill();
    restart();
  }
}

/// The wall clock alone: nothing may wait for it.
void Simulation::step_clock() {
  const auto step_ms = random_.between(-random_.one_of({100, 20'000, 600'000}),
                                       random_.one_of({100, 20'000, 600'000}));
  clock_.step(step_ms * kNsPerMs);
  note(fmt::format("the wall clock is set by {} ms", step_ms));
}

void Simulation::change_files() {
  log_testing::Faults faults;
  if (random_.chance(40)) {
    note("the files are well");
    return files_.set_faults(faults);
  }
  const auto at_times = [&](unsigned percent) { return random_.chance(50) ? percent : 0u; };
  faults.short_writes = at_times(30);
  faults.failed_writes = at_times(10);
  faults.failed_syncs = at_times(20);
  faults.failed_truncates = at_times(20);
  faults.failed_creates = at_times(20);
  faults.failed_removes = at_times(20);
  faults.failed_sync_loses_pages = random_.chance(50);
  if (random_.chance(20)) faults.disk_bytes = random_.pick(200'000);
  files_.set_faults(faults);
  note("the files fail at times");
}

void Simulation::change_store() {
  if (store_broken_ && random_.chance(70)) return heal_store();
  if (!store_broken_) break_store();
}

/// Transactions fail at one of their writes: what they wrote before must go again.
void Simulation::break_store() {
  heal_store();
  const auto table = random_.one_of({"packed_rollups", "partitions", "open_series",
                                     "idempotency_keys", "dead_letters", "stored_marks"});
  for (const auto what : {"INSERT", "UPDATE", "DELETE"}) {
    const auto made = saboteur_->execute(
        fmt::format("CREATE TRIGGER no_{0} BEFORE {0} ON {1} BEGIN SELECT RAISE(ABORT, 'the disk "
                    "is full'); END",
                    what, table)
            .c_str());
    if (!made) violated(made.error().message);
  }
  store_broken_ = true;
  note(fmt::format("the store fails at {}", table));
}

void Simulation::heal_store() {
  if (!saboteur_) {
    auto opened = Database::open((folder_ / "slipstream.db").string(), SQLITE_OPEN_READWRITE);
    if (!opened) violated(opened.error().message);
    saboteur_.emplace(std::move(*opened));
  }
  for (const auto what : {"INSERT", "UPDATE", "DELETE"}) {
    const auto gone = saboteur_->execute(fmt::format("DROP TRIGGER IF EXISTS no_{}", what).c_str());
    if (!gone) violated(gone.error().message);
  }
  if (store_broken_) note("the store is well");
  store_broken_ = false;
}

void Simulation::change_layout() {
  auto windows = all_windows(random_);
  std::vector<WindowDefinition> chosen;
  for (auto& window : windows) {
    if (random_.chance(70) || (chosen.empty() && &window == &windows.back())) {
      chosen.push_back(std::move(window));
    }
  }
  auto layout = std::make_shared<Layout>();
  layout->partitions = static_cast<std::uint32_t>(1 + random_.pick(5));
  layout->windows = chosen;
  config_.windows = std::move(chosen);
  config_.pipeline.partitions = layout->partitions;
  config_.pipeline.max_series = random_.one_of({2u, 4u, 100'000u});
  layout->max_series = config_.pipeline.max_series;
  layout_ = std::move(layout);
  layout_changed_ = true;
  note(fmt::format("another layout: {} partitions, {} series each, {} windows", layout_->partitions,
                   config_.pipeline.max_series, layout_->windows.size()));
}

}  // namespace slipstream::simulation
