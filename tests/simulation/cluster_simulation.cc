#include "simulation/cluster_simulation.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "base/fault.h"
#include "simulation/cluster_instance.h"

namespace slipstream::simulation {
namespace {

constexpr std::int64_t kBegin = 1'757'000'000 * kNsPerSecond;
constexpr std::size_t kInstances = 3;
constexpr const char* kPoisonous = "poison";
constexpr std::int64_t kIdleMs = 5'000;
constexpr std::int64_t kMostSilenceMs = 700;  ///< of a car, while the log is there
constexpr std::int64_t kReturnMs = 3'000;     ///< in which all are heard again

/// What decides to which window a point belongs is the same under each name, always.
std::vector<WindowDefinition> windows(Random& random) {
  WindowDefinition visit;
  visit.name = kVisit;
  visit.key_lap = visit.key_sector = visit.close_on_change = true;
  visit.idle_ms = kIdleMs;
  visit.stored = true;
  visit.late = LatePolicy::kRollup;
  WindowDefinition second;
  second.name = "second";
  second.every_ms = 1'000;
  second.idle_ms = random.one_of({1'000, 5'000});
  second.stored = true;
  second.late = LatePolicy::kRollup;
  WindowDefinition laps;
  laps.name = "laps";
  laps.key_lap = true;
  laps.idle_ms = random.one_of({1'000, 20'000});
  WindowDefinition sevens;
  sevens.name = "sevens";
  sevens.close_count = 7;
  sevens.idle_ms = 0;
  std::vector<WindowDefinition> chosen{visit};
  for (auto& other : {second, laps, sevens}) {
    if (random.chance(60)) chosen.push_back(other);
  }
  return chosen;
}

}  // namespace

ClusterSimulation::ClusterSimulation(std::uint64_t seed, std::size_t traced,
                                     const PlantedFaults& faults)
    : faults_(faults),
      traced_(traced),
      random_(seed),
      clock_(kBegin),
      schema_(SchemaOptions{}),
      ledger_(schema_.fields()),
      disks_(kInstances),
      orders_(kPartitions) {
  fault::hook() = [this](std::string_view point, std::string_view chassis) {
    if (point != "fold") return;
    if (chassis == kPoisonous) throw std::runtime_error("a poisoned point");
    if (throws_in_ > 0 && --throws_in_ == 0) throw std::runtime_error(kPassingFault);
  };
  for (std::uint32_t p = 0; p < kPartitions; ++p) {
    logs_.push_back(std::make_unique<MemoryLog>(
        clock_, random_, faults_, [this, p](const PartitionCommit& commit, bool is_other) {
          ledger_.committed(p, commit, is_other);
          if (is_other) ++summary_.layouts;
          if (is_other || ClusterLedger::has_innocent_dead(commit)) forget_places(p);
        }));
  }
  for (std::size_t i = 0; i < 8; ++i) {
    cars_.push_back({.track = i % 3 == 0 ? "barber" : "cota",
                     .chassis = fmt::format("GR86-{:03}", i),
                     .partition = static_cast<std::uint32_t>(i % kPartitions),
                     .next = clock_.steady()});
  }
  for (std::size_t n = 0; n < kInstances; ++n) {
    instances_.emplace_back();
    boot(n);
  }
  for (std::uint32_t p = 0; p < kPartitions; ++p) hand_over(p);
}

ClusterSimulation::~ClusterSimulation() {
  fault::hook() = nullptr;
}

void ClusterSimulation::run(std::uint64_t steps) {
  for (std::uint64_t i = 0; i < steps; ++i) step();
  audit();
}

ClusterSummary ClusterSimulation::summary() const {
  ClusterSummary summary = summary_;
  summary.points = ledger_.points();
  summary.points_dead = ledger_.points_dead();
  summary.rollups = ledger_.rollups();
  summary.marks = ledger_.marks();
  return summary;
}

void ClusterSimulation::note(std::string what) {
  if (traced_ == 0) return;
  if (trace_.size() == traced_) trace_.pop_front();
  trace_.push_back(fmt::format(
      "{:9.3f} s  {}", static_cast<double>(clock_.steady().ns) / kNsPerSecond, std::move(what)));
}

ClusterOptions ClusterSimulation::options() {
  return {.partitions = kPartitions,
          .windows = windows(random_),
          .commit_interval_ms = random_.one_of({0, 50, 2'000}),
          .block_ms = random_.one_of({200, 1'000}),
          .grace_ms = faults_.no_grace ? 0 : ClusterOptions{}.grace_ms};
}

void ClusterSimulation::step() {
  const auto what = random_.pick(1'000);
  if (what < 370) return advance(random_.between(1, 120));
  if (what < 380) return send_mark_of_instance();
  if (what < 960) return step_one();
  rarer();
}

void ClusterSimulation::advance(std::int64_t ms) {
  constexpr std::int64_t kStepMs = 100;
  for (; ms > 0; ms -= kStepMs) {
    clock_.advance(std::min(ms, kStepMs) * kNsPerMs);
    send_due();
  }
}

/// Cars whose time it is write their points, several in an entry.
void ClusterSimulation::send_due() {
  if (outage_since_) return;
  const SteadyTime now = clock_.steady();
  for (std::uint32_t p = 0; p < kPartitions; ++p) {
    std::vector<SimPoint> points;
    for (Car& car : cars_) {
      if (car.partition != p || now < car.next) continue;
      car.next = now + random_.between(20, kMostSilenceMs) * kNsPerMs;
      for (auto more = random_.chance(20) ? random_.pick(4) : 0; more > 0; --more) {
        points.push_back(point_of(car));
      }
      points.push_back(point_of(car));
    }
    if (points.empty()) continue;
    const int writer = random_.chance(25) ? static_cast<int>(random_.pick(kInstances)) : -1;
    if (random_.chance(30)) {
      for (auto& point : points) write(p, {std::move(point)}, writer);
    } else if (writer < 0 && random_.chance(10)) {
      std::vector<SimMark> marks{{.text = new_mark(writer), .after = random_.pick(points.size())}};
      if (random_.chance(30)) marks.push_back({.text = new_mark(writer), .after = points.size()});
      write(p, std::move(points), writer, std::move(marks));
    } else {
      write(p, std::move(points), writer);
    }
    if (random_.pick(120) == 0) write(p, {}, -1);
    if (random_.pick(200) == 0) {
      write(p, {SimPoint{.track = "cota", .chassis = kPoisonous, .event_ns = clock_.now().ns}}, -1);
    }
  }
}

/// An instance writes it into each log.
void ClusterSimulation::send_mark_of_instance() {
  if (outage_since_) return;
  const auto writer = static_cast<int>(random_.pick(kInstances));
  const std::string text = new_mark(writer);
  for (std::uint32_t p = 0; p < kPartitions; ++p) {
    write(p, {}, writer, {{.text = text, .is_copy = p != 0}});
  }
}

std::string ClusterSimulation::new_mark(int writer) {
  std::string text = fmt::format("m{}", mark_writers_.size());
  mark_writers_[text] = writer;
  return text;
}

/// One machine's points stand before those of all others, which wait for long.
void ClusterSimulation::pour_out() {
  if (outage_since_) return;
  Car& car = cars_[random_.pick(cars_.size())];
  note(car.chassis + " pours out points");
  for (auto left = random_.pick(400); left > 0; --left) write(car.partition, {point_of(car)}, -1);
}

void ClusterSimulation::write(std::uint32_t partition, std::vector<SimPoint> points, int writer,
                              std::vector<SimMark> marks) {
  for (const SimPoint& point : points) {
    if (writer >= 0) writers_[id_of(point.weight_a, point.weight_b)] = writer;
  }
  logs_[partition]->write(std::move(points), writer, std::move(marks));
  ledger_.written(*logs_[partition]->entries().back());
}

SimPoint ClusterSimulation::point_of(Car& car) {
  const std::int64_t now_ns = clock_.now().ns;
  if (car.was_heard && random_.chance(6)) {
    car.left_lap = car.lap;
    car.left_sector = car.sector;
    car.left_ns = now_ns;
    if (++car.sector == 3) {
      car.sector = 0;
      ++car.lap;
    }
  }
  car.was_heard = true;
  SimPoint point{.track = car.track,
                 .chassis = car.chassis,
                 .lap = car.lap,
                 .sector = car.sector,
                 .event_ns = now_ns,
                 .weight_a = static_cast<std::uint32_t>(random_.pick(1u << 24)),
                 .weight_b = static_cast<std::uint32_t>(random_.pick(1u << 24))};
  // A straggler, of the sector before.
  if (car.left_ns != 0 && car.left_ns < now_ns && random_.chance(3)) {
    point.lap = car.left_lap;
    point.sector = car.left_sector;
    point.event_ns = car.left_ns - random_.between(1, 3'000) * kNsPerMs;
  }
  return point;
}

/// Windows know a machine's place, and what it left, only by what they have heard since.
void ClusterSimulation::forget_places(std::uint32_t partition) {
  for (Car& car : cars_) {
    if (car.partition == partition) forget_place(car);
  }
}

void ClusterSimulation::forget_place(Car& car) {
  car.left_ns = 0;
  car.was_heard = false;
}

void ClusterSimulation::step_one() {
  const auto partition = static_cast<std::uint32_t>(random_.pick(kPartitions));
  auto& instance = instances_[random_.pick(kInstances)];
  if (instance) step_runner(*instance, partition);
}

void ClusterSimulation::step_runner(Instance& instance, std::uint32_t partition) {
  std::string& token = instance.tokens[partition];
  if (token.empty()) return;
  auto& runner = instance.runners[partition];
  FeedStatus done = FeedStatus::kWorked;
  std::string what = "step";
  if (!runner) {
    what = "begin";
    runner = std::make_unique<PartitionRunner>(
        std::make_unique<MemoryFeed>(MemoryFeed::Parts{.log = *logs_[partition],
                                                       .clock = clock_,
                                                       .random = random_,
                                                       .schema = schema_,
                                                       .pool = pool_,
                                                       .failing_per_mille = failing_per_mille_},
                                     token, static_cast<int>(instance.number), partition),
        instance.parts, instance.options, partition, instance.memory[partition]);
    done = runner->begin();
  } else {
    done = runner->step();
  }
  if (traced_ != 0 && done != FeedStatus::kIdle) {
    note(fmt::format("instance {}, partition {}: {}{}", instance.number, partition, what,
                     done == FeedStatus::kLost     ? ": lost, " + runner->error()
                     : done == FeedStatus::kFenced ? ": fenced"
                                                   : ""));
  }
  if (done == FeedStatus::kLost) {
    ++summary_.lost;
    runner.reset();
  } else if (done == FeedStatus::kFenced) {
    ++summary_.fenced;
    runner.reset();
    token.clear();
  }
}

void ClusterSimulation::rarer() {
  const auto what = random_.pick(100);
  if (what < 16) return advance(random_.one_of({500, 2'000, 8'000}));
  if (what < 20) return pour_out();
  if (what < 35) return hand_over(static_cast<std::uint32_t>(random_.pick(kPartitions)));
  if (what < 50) return kill(random_.pick(kInstances));
  if (what < 62) {
    const auto number = random_.pick(kInstances);
    if (!instances_[number]) boot(number);
    return;
  }
  if (what < 72) {
    for (auto& log : logs_) log->do_late();
    return note("what was late is done");
  }
  if (what < 79) return outage_since_ ? end_outage() : begin_outage();
  if (what < 86) {
    throws_in_ = static_cast<unsigned>(1 + random_.pick(30));
    return note(fmt::format("the fold throws in {} points", throws_in_));
  }
  if (what < 90) {
    failing_per_mille_ = random_.one_of({0u, 5u, 50u});
    return note(fmt::format("{} of 1000 calls fail", failing_per_mille_));
  }
  if (what < 94) {
    auto& instance = instances_[random_.pick(kInstances)];
    if (instance) instance->is_full = !instance->is_full && random_.chance(30);
    return;
  }
  if (what < 97) {
    const auto step_ms =
        random_.between(-random_.one_of({100, 20'000}), random_.one_of({100, 20'000, 600'000}));
    clock_.step(step_ms * kNsPerMs);
    ledger_.clock_was_set(clock_.steady());
    return note(fmt::format("the wall clock is set by {} ms", step_ms));
  }
  if (random_.chance(40)) audit();
}

void ClusterSimulation::kill(std::size_t number) {
  if (!instances_[number]) return;
  ++summary_.kills;
  instances_[number].reset();
  note(fmt::format("instance {} dies", number));
}

void ClusterSimulation::boot(std::size_t number) {
  instances_[number] = std::make_unique<Instance>(*this, number, options());
  note(fmt::format("instance {} begins", number));
}

/// To another instance: the owner before has given it up, or it does not know yet.
void ClusterSimulation::hand_over(std::uint32_t partition) {
  const auto number = random_.pick(kInstances);
  if (!instances_[number] || outage_since_) return;
  for (auto& instance : instances_) {
    if (!instance || !instance->runners[partition] || random_.chance(60)) continue;
    const FeedStatus done = instance->runners[partition]->finish(false);
    note(fmt::format("instance {} gives up partition {}{}", instance->number, partition,
                     done == FeedStatus::kWorked ? "" : ", but fails"));
    instance->runners[partition].reset();
    instance->tokens[partition].clear();
  }
  take(partition, number);
}

void ClusterSimulation::take(std::uint32_t partition, std::size_t number) {
  ++summary_.takeovers;
  Instance& instance = *instances_[number];
  instance.runners[partition].reset();
  instance.tokens[partition] = fmt::format("{}/{}", number, ++tokens_);
  logs_[partition]->take(instance.tokens[partition]);
  note(fmt::format("instance {} takes partition {}", number, partition));
}

void ClusterSimulation::begin_outage() {
  ++summary_.outages;
  outage_since_ = clock_.steady();
  for (auto& log : logs_) log->is_reachable = false;
  note("the log is away");
}

/// All who write come back within a while, which is a short one after a short outage.
void ClusterSimulation::end_outage() {
  const SteadyTime now = clock_.steady();
  const bool was_short = now - *outage_since_ < kNsPerSecond;
  for (Car& car : cars_) {
    car.next = now + random_.between(0, was_short ? kMostSilenceMs : kReturnMs) * kNsPerMs;
  }
  outage_since_.reset();
  for (auto& log : logs_) log->is_reachable = true;
  note("the log is back");
}

void ClusterSimulation::audit() {
  note("audit");
  ++summary_.audits;
  if (outage_since_) end_outage();
  failing_per_mille_ = 0;
  throws_in_ = 0;
  for (auto& log : logs_) log->do_late();
  come_to_rest();
  for (auto& log : logs_) ledger_.check_all_out(*log);
  ledger_.compare();
  for (auto& log : logs_) log->forget_entries();
  // Windows are closed in the middle of a sector: nobody goes on in it.
  for (Car& car : cars_) {
    ++car.lap;
    forget_place(car);
  }
}

void ClusterSimulation::come_to_rest() {
  constexpr int kRounds = 1'000;
  for (std::uint32_t p = 0; p < kPartitions; ++p) {
    const auto number = random_.pick(kInstances);
    if (!instances_[number]) boot(number);
    Instance& owner = *instances_[number];
    owner.is_full = false;
    take(p, number);
    int round = 0;
    for (bool is_done = false; !is_done; ++round) {
      if (round == kRounds) violated("nothing is wrong any more, and it does not come to rest");
      clock_.advance(20 * kNsPerMs);
      // What was given and did not arrive is given to the next feed.
      if (round % 100 == 99) owner.runners[p].reset();
      step_runner(owner, p);
      if (!owner.runners[p] || !logs_[p]->is_at_rest()) continue;
      is_done = owner.runners[p]->finish(true) == FeedStatus::kWorked;
      owner.runners[p].reset();
    }
    std::uint64_t newest = logs_[p]->marks().empty() ? 0 : logs_[p]->marks().back().sequence;
    for (const auto& rollup : logs_[p]->rollups()) {
      if (rollup->stored) newest = std::max(newest, rollup->sequence);
    }
    if (owner.disk.seen[p] != newest) {
      violated(fmt::format("the owner's store has rollups and marks up to {}, {} were committed",
                           owner.disk.seen[p], newest));
    }
    ledger_.check_order(p, *logs_[p], orders_[p]);
  }
}

}  // namespace slipstream::simulation
