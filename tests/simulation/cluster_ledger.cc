#include "simulation/cluster_ledger.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "simulation/entry_order.h"
#include "window/definition.h"

namespace slipstream::simulation {
bool ClusterLedger::has_innocent_dead(const PartitionCommit& commit) {
  return std::ranges::any_of(commit.dead,
                             [](const DeadEntry& dead) { return dead.message == kPassingFault; });
}

void ClusterLedger::committed(std::uint32_t partition, const PartitionCommit& commit,
                              bool is_of_another_layout) {
  if (is_of_another_layout || has_innocent_dead(commit)) ++epoch_;
  for (const Output& output : commit.outputs) {
    for (const auto& rollup : output.rollups) {
      follow(partition, rollup->sequence);
      pass(*rollup);
    }
    for (const PlacedMark& placed : output.marks) {
      follow(partition, placed.sequence);
      pass(placed);
    }
  }
}

void ClusterLedger::follow(std::uint32_t partition, std::uint64_t number) {
  std::uint64_t& newest = newest_[partition];
  if (number != newest + 1) {
    violated(
        fmt::format("partition {}: after rollup or mark {} comes {}", partition, newest, number));
  }
  newest = number;
}

void ClusterLedger::pass(const PlacedMark& placed) {
  if (!marks_.insert(placed.mark->text).second) {
    violated(fmt::format("mark {} comes out twice", placed.mark->text));
  }
}

std::set<EntryPosition> ClusterLedger::buried(const MemoryLog& log) {
  std::set<EntryPosition> all;
  for (const DeadEntry& entry : log.dead()) all.insert(entry.at);
  return all;
}

void ClusterLedger::check_order(std::uint32_t partition, const MemoryLog& log,
                                std::uint64_t order) {
  Observed& observed = observed_[partition];
  const auto begin_anew_at = [&](std::uint64_t layouts) {
    if (std::exchange(observed.layouts, layouts) != layouts) observed.order = 0;
  };
  const auto dead = buried(log);
  for (const MemoryEntryPtr& entry : log.entries()) {
    begin_anew_at(entry->layouts);
    if (dead.contains(entry->at)) continue;
    EntryOrder expected(observed.order);
    expected.entry(*entry);
    observed.order = expected.hash();
  }
  begin_anew_at(log.layouts());
  if (order != observed.order) {
    violated(
        fmt::format("partition {}: its observer was told of other points and marks, or in "
                    "another order, than the log has them",
                    partition));
  }
}

void ClusterLedger::pass(const Rollup& rollup) {
  ++rollups_;
  if (!ids_.emplace(reinterpret_cast<const char*>(rollup.window_id.data()), rollup.window_id.size())
           .second) {
    violated(fmt::format("two rollups of {} have one window_id", rollup.window));
  }
  Figures figures{.count = rollup.count};
  for (const auto& field : rollup.fields) {
    const auto sum =
        static_cast<std::uint64_t>(std::llround(field.avg * static_cast<double>(field.count)));
    if (fields_.name(field.field) == kWeightA) figures.weight_a = sum;
    if (fields_.name(field.field) == kWeightB) figures.weight_b = sum;
  }
  const std::int64_t every_ns = rollup.window == "second" ? kNsPerSecond : 0;
  const bool by_sector = rollup.window == kVisit;
  const bool by_lap = by_sector || rollup.window == "laps";
  Figures& out = out_[{rollup.window, rollup.track, rollup.chassis, by_lap ? rollup.lap : 0,
                       by_sector ? rollup.sector : 0,
                       every_ns == 0 ? 0 : floor_to(rollup.first_time.ns, every_ns)}];
  out.count += figures.count;
  out.weight_a += figures.weight_a;
  out.weight_b += figures.weight_b;
  if (!by_sector || rollup.late) return;
  Stay& stay = stays_[{rollup.chassis, rollup.lap, rollup.sector}];
  if (++stay.closed > 1 && stay.epoch == epoch_) {
    violated(
        fmt::format("{} was in lap {}, sector {} and sent points all the time, and its window "
                    "was closed as idle",
                    rollup.chassis, rollup.lap, rollup.sector));
  }
}

void ClusterLedger::written(const MemoryEntry& entry) {
  points_ += entry.points.size();
  for (const SimPoint& point : entry.points) {
    const bool is_settling = entry.written - clock_set_at_ < kClockSettlesNs;
    const Stay fresh{.epoch = is_settling ? kExcused : epoch_};
    stays_.emplace(Visit{point.chassis, point.lap, point.sector}, fresh);
  }
}

void ClusterLedger::check_all_out(const MemoryLog& log) {
  std::map<EntryPosition, std::size_t> dead;
  for (const DeadEntry& entry : log.dead()) ++dead[entry.at];
  std::map<std::string, std::vector<WindowDefinition>> layouts;
  for (const MemoryEntryPtr& written : log.entries()) {
    const MemoryEntry& entry = *written;
    const auto buried = dead.find(entry.at);
    if (buried != dead.end() && buried->second != 1) {
      violated(fmt::format("an entry is {} times among the dead letters", buried->second));
    }
    const bool is_empty = entry.points.empty() && entry.marks.empty();
    if (is_empty && buried == dead.end()) violated("what is no point is nowhere");
    if (buried != dead.end()) {
      points_dead_ += entry.points.size();
      continue;
    }
    for (const SimMark& mark : entry.marks) {
      if (!mark.is_copy) marks_due_.insert(mark.text);
    }
    auto layout = layouts.find(entry.layout);
    if (layout == layouts.end()) {
      auto read = definitions_from_text(entry.layout);
      if (!read) violated(read.error().message);
      layout = layouts.emplace(entry.layout, std::move(*read)).first;
    }
    for (const SimPoint& point : entry.points) {
      for (const auto& definition : layout->second) {
        Figures& figures = expected_[place_of(definition, point)];
        ++figures.count;
        figures.weight_a += point.weight_a;
        figures.weight_b += point.weight_b;
      }
    }
  }
}

void ClusterLedger::compare() {
  if (marks_ != marks_due_) {
    violated(fmt::format("{} marks came out, {} went in", marks_.size(), marks_due_.size()));
  }
  for (const auto& [place, figures] : out_) {
    const Figures& due = expected_[place];
    if (figures != due) {
      violated(fmt::format("{}: {} came out, {} went in", text_of(place), text_of(figures),
                           text_of(due)));
    }
  }
  for (const auto& [place, due] : expected_) {
    if (!out_.contains(place)) {
      violated(fmt::format("{}: nothing came out, {} went in", text_of(place), text_of(due)));
    }
  }
  out_.clear();
  expected_.clear();
  stays_.clear();
}

}  // namespace slipstream::simulation
