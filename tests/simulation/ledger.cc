#include "simulation/ledger.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

namespace slipstream::simulation {
namespace {

std::string text_of(std::string_view id) {
  std::string text;
  for (const char c : id) fmt::format_to(std::back_inserter(text), "{:02x}", c & 0xFF);
  return text;
}

std::uint64_t sum_of(double average, std::uint64_t count) {
  return static_cast<std::uint64_t>(std::llround(average * static_cast<double>(count)));
}

/// Of a row's statistics.
double average(std::string_view stats, std::string_view field) {
  const std::string name = fmt::format("\"avg_{}\":", field);
  const auto at = stats.find(name);
  double value = std::nan("");
  if (at != std::string_view::npos) {
    std::from_chars(stats.data() + at + name.size(), stats.data() + stats.size(), value);
  }
  return value;
}

bool covers(const std::vector<LostRange>& ranges, LogOffset offset) {
  return std::ranges::any_of(ranges,
                             [&](const LostRange& r) { return r.from <= offset && offset < r.to; });
}

/// Where there is no such partition, the point is of a former layout, and folded.
const PartitionState& state_of(const SimPoint& point, const std::vector<PartitionState>& states) {
  const auto found =
      std::ranges::find(states, embedded_partition(point.partition), &PartitionState::partition);
  return found != states.end() ? *found
                               : *std::ranges::min_element(states, {}, &PartitionState::offset);
}

}  // namespace

Figures Ledger::figures_of(const Rollup& rollup) const {
  Figures figures{.count = rollup.count};
  for (const auto& field : rollup.fields) {
    const auto name = fields_->name(field.field);
    if (field.count != rollup.count) violated("a field lacks points of its window");
    if (name == kWeightA) figures.weight_a = sum_of(field.avg, field.count);
    if (name == kWeightB) figures.weight_b = sum_of(field.avg, field.count);
  }
  return figures;
}

void Ledger::accept(const RollupBatch& rollups, std::span<const RollupRow>) {
  for (const auto& rollup : rollups) pass(*rollup);
}

void Ledger::pass(const Rollup& rollup) {
  const std::string id(reinterpret_cast<const char*>(rollup.window_id.data()),
                       rollup.window_id.size());
  std::uint64_t& newest = sequences_[rollup.partition.number];
  if (rollup.sequence <= newest) {
    // A consumer that lives through the server's crash drops these by their number: it must be the
    // same one. Of what is stored the server itself remembers.
    const auto before = unstored_.find({rollup.partition.number, rollup.sequence});
    if (rollup.stored || before == unstored_.end() || before->second != id ||
        passed_[id].figures != figures_of(rollup)) {
      violated(fmt::format("rollup {} of partition {} ({}) is passed on again, or as another",
                           rollup.sequence, rollup.partition.number, rollup.window));
    }
    return;
  }
  const bool may_leap = unseen_since_damage_.erase(rollup.partition.number) > 0 || is_damaged_;
  if (rollup.sequence != std::max(newest, layout_base_) + 1 && !may_leap) {
    violated(fmt::format("partition {}: after rollup {} comes {}", rollup.partition.number, newest,
                         rollup.sequence));
  }
  newest = rollup.sequence;
  newest_sequence_ = std::max(newest_sequence_, newest);
  if (came_before(rollup, id)) return;
  const Figures figures = figures_of(rollup);
  if (!passed_.emplace(id, Passed{rollup.partition.number, rollup.sequence, figures, rollup.stored})
           .second) {
    violated("two rollups have the window_id " + text_of(id));
  }
  ++rollups_;
  if (rollup.stored) {
    ++stored_;
  } else {
    unstored_[{rollup.partition.number, rollup.sequence}] = id;
  }
  // By name, since it may be of a former layout: what decides a place is the same in all.
  const std::int64_t every_ns = rollup.window == "second"   ? kNsPerSecond
                                : rollup.window == "strict" ? kNsPerSecond / 2
                                                            : 0;
  const bool by_sector = rollup.window == "bucket" || rollup.window == "sector";
  const bool by_lap = by_sector || rollup.window == "laps";
  Figures& out = out_[{rollup.window, rollup.track, rollup.chassis, by_lap ? rollup.lap : 0,
                       by_sector ? rollup.sector : 0,
                       every_ns == 0 ? 0 : floor_to(rollup.first_time.ns, every_ns)}];
  out.count += figures.count;
  out.weight_a += figures.weight_a;
  out.weight_b += figures.weight_b;
}

void Ledger::begin_with(const std::vector<PartitionState>& states) {
  if (!is_damaged_) return;
  for (const auto& state : states) {
    std::uint64_t& newest = sequences_[state.partition.number];
    if (newest > state.sequence) unwritten_.insert(state.partition.number);
    newest = std::min(newest, state.sequence);
  }
}

void Ledger::log_is_gone(const std::vector<PartitionState>& states) {
  for (const auto& taken : taken_) {
    taken->key_lost = true;
    for (std::size_t i = 0; i < taken->points.size(); ++i) {
      SimPoint& point = taken->points[i];
      const PartitionState& state = state_of(point, states);
      if (point.lost || taken->from + i < state.offset) continue;
      point.lost = true;
      ++points_lost_;
      if (newest(state.partition.number) > state.sequence) ++point.gaps;
    }
  }
  log_failed_ = true;
}

bool Ledger::came_before(const Rollup& rollup, const std::string& id) const {
  return is_damaged_ && !rollup.stored && passed_.contains(id);
}

void Ledger::crashed(LogOffset synced, bool machine, bool log_failing) {
  machine_died_ |= machine;
  log_failed_ |= log_failing;
  if (!doubtful_from_) doubtful_from_ = synced;
  for (const auto& taken : taken_) {
    if (taken->fate != Taken::Fate::kOpen) continue;
    if (taken->to <= *doubtful_from_) {
      taken->fate = Taken::Fate::kSafe;
    } else if (taken->acked_synced) {
      violated(fmt::format("points up to {} were acknowledged, the log is synced up to {}",
                           taken->to, *doubtful_from_));
    }
  }
}

void Ledger::settle(const std::map<LogOffset, std::pair<std::uint32_t, std::uint32_t>>& weights) {
  for (const auto& taken : taken_) {
    if (taken->fate != Taken::Fate::kOpen) continue;
    std::size_t found = 0;
    for (std::size_t i = 0; i < taken->points.size(); ++i) {
      const auto at = weights.find(taken->from + i);
      if (at == weights.end()) continue;
      if (at->second != std::pair(taken->points[i].weight_a, taken->points[i].weight_b)) {
        violated(fmt::format("offset {} of the log holds another point", taken->from + i));
      }
      ++found;
    }
    if (found != 0 && found != taken->points.size()) {
      violated(
          fmt::format("of a body of {} points {} are in the log", taken->points.size(), found));
    }
    taken->fate = found == 0 ? Taken::Fate::kGone : Taken::Fate::kSafe;
    if (found == 0 && taken->acked_logged && !machine_died_ && !log_failed_) {
      violated(fmt::format("points up to {} were logged, and the machine did not stop", taken->to));
    }
  }
  std::erase_if(taken_, [](const TakenPtr& t) { return t->fate == Taken::Fate::kGone; });
  doubtful_from_.reset();
  machine_died_ = log_failed_ = false;
}

void Ledger::lost(const std::vector<LostRange>& ranges, const std::vector<PartitionState>& states) {
  const auto gaps_of = [&](const PartitionState& state) {
    const LogOffset out = unwritten_.contains(state.partition.number)
                              ? std::numeric_limits<LogOffset>::max()
                              : state.committed_offset.value_or(0);
    return static_cast<std::uint64_t>(std::ranges::count_if(ranges, [&](const LostRange& range) {
      return std::max(range.from, state.offset) < std::min(range.to, out);
    }));
  };
  for (const auto& taken : taken_) {
    taken->key_lost |= covers(ranges, taken->entries_from);
    for (std::size_t i = 0; i < taken->points.size(); ++i) {
      SimPoint& point = taken->points[i];
      const LogOffset offset = taken->from + i;
      const PartitionState& state = state_of(point, states);
      if (offset < state.offset) continue;
      const auto gaps = gaps_of(state);
      if (!point.lost && covers(ranges, offset)) {
        point.lost = true;
        ++points_lost_;
      }
      if (std::exchange(point.gaps, point.gaps + gaps) == 0 && gaps > 0) ++points_blurred_;
    }
  }
}

Database& Ledger::database() {
  if (!database_) {
    auto opened = Database::open(path_, SQLITE_OPEN_READONLY);
    if (!opened) violated(opened.error().message);
    database_.emplace(std::move(*opened));
  }
  return *database_;
}

void Ledger::check_store() {
  auto rows = database().prepare(
      "SELECT id, window_id, partition, sequence, count, stats FROM rollups WHERE id > ?1 "
      "ORDER BY id");
  if (!rows) violated(rows.error().message);
  rows->bind(1, last_row_);
  while (true) {
    const auto row = rows->step();
    if (!row) violated(row.error().message);
    if (!*row) break;
    last_row_ = rows->integer(0);
    ++rows_;
    const auto passed = passed_.find(std::string(rows->blob(1)));
    if (passed == passed_.end()) violated("a rollup is in the store and was not passed on");
    const Passed& p = passed->second;
    const auto count = static_cast<std::uint64_t>(rows->integer(4));
    const Figures figures{count, sum_of(average(rows->text(5), kWeightA), count),
                          sum_of(average(rows->text(5), kWeightB), count)};
    if (!p.stored || p.partition != rows->integer(2) ||
        p.sequence != static_cast<std::uint64_t>(rows->integer(3)) || p.figures != figures) {
      violated("a rollup is in the store as another than was passed on");
    }
  }
  if (rows_ != stored_) {
    violated(fmt::format("{} rollups are in the store, {} were passed on", rows_, stored_));
  }
}

// A body that was refused, or whose key was lost, is sent again: then its points stand in the log
// behind newer ones, whatever they were when they were first sent.
std::set<std::string> Ledger::find_wandering() {
  std::set<std::string> wandering;
  for (const auto& taken : taken_) {
    for (const SimPoint& point : taken->points) {
      std::uint64_t& newest = newest_of_machine_[point.chassis];
      const bool is_behind = point.straggler || point.number < newest;
      newest = std::max(newest, point.number);
      if (point.gaps > 0 && is_behind) wandering.insert(point.chassis);
    }
  }
  return wandering;
}

void Ledger::check_all_out(const std::vector<DeadRange>& dead) {
  struct Due {
    Figures certain;
    std::uint64_t possible = 0;  ///< lost, but perhaps in rollups that had gone out
    bool blurred = false;
    bool moves = false;  ///< a missing point moves where the windows end that follow
  };
  const std::set<std::string> wandering = find_wandering();
  std::map<Place, Due> expected;
  std::map<std::string, bool> exact;
  for (const auto& taken : taken_) {
    points_taken_ += taken->points.size();
    for (std::size_t i = 0; i < taken->points.size(); ++i) {
      const SimPoint& point = taken->points[i];
      const LogOffset offset = taken->from + i;
      const bool is_dead = std::ranges::any_of(dead, [&](const DeadRange& d) {
        return d.partition.number == point.partition && d.from <= offset && offset < d.to;
      });
      if (is_dead && !point.lost) ++points_dead_;
      if (is_dead || (point.lost && point.gaps == 0)) continue;
      for (const auto& definition : taken->layout->windows) {
        Due& due = expected[place_of(definition, point)];
        due.blurred |= point.gaps > 0;
        due.moves |= definition.close_count > 0 || taken->layout->max_series < kCars ||
                     wandering.contains(point.chassis);
        exact[definition.name] = definition.late == LatePolicy::kRollup;
        if (point.lost) {
          ++due.possible;
          continue;
        }
        ++due.certain.count;
        due.certain.weight_a += point.weight_a;
        due.certain.weight_b += point.weight_b;
      }
    }
    taken->fate = Taken::Fate::kSafe;
  }
  for (const auto& [place, figures] : out_) {
    const Due due = expected[place];
    const std::uint64_t most = due.certain.count + due.possible;
    const bool late_dropped = !exact[std::get<0>(place)] && figures.count <= most;
    const bool within =
        due.blurred && (due.moves || (due.certain.count <= figures.count && figures.count <= most));
    if (figures != due.certain && !late_dropped && !within) {
      violated(fmt::format("{}: {} came out, {} and perhaps {} went in{}", text_of(place),
                           text_of(figures), text_of(due.certain), due.possible,
                           due.blurred ? ", beside damage" : ""));
    }
  }
  for (const auto& [place, due] : expected) {
    if (due.blurred && due.moves) continue;
    if (due.certain.count > 0 && exact[std::get<0>(place)] && !out_.contains(place)) {
      violated(
          fmt::format("{}: nothing came out, {} went in", text_of(place), text_of(due.certain)));
    }
  }
  out_.clear();
  taken_.clear();
  if (std::exchange(is_damaged_, false)) {
    for (const auto& [partition, newest] : sequences_) unseen_since_damage_.insert(partition);
  }
  unwritten_.clear();
}

}  // namespace slipstream::simulation
