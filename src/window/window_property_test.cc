// Any interleaving of the machines' points gives the rollups of a straightforward recomputation,
// and no point is lost or counted twice, whatever comes.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>

#include "window/testing.h"
#include "window/window_set.h"

namespace slipstream {
namespace {

using window_testing::Fold;
using window_testing::Reading;

/// A rollup as the recomputation sees it.
struct Expected {
  std::uint64_t count = 0;
  double sum = 0;
  double min = INFINITY;
  double max = -INFINITY;
  std::int64_t first_ms = INT64_MAX;
  std::int64_t last_ms = INT64_MIN;

  void add(const Reading& r) {
    ++count;
    sum += r.value;
    min = std::min(min, r.value);
    max = std::max(max, r.value);
    first_ms = std::min(first_ms, r.ms);
    last_ms = std::max(last_ms, r.ms);
  }
  /// What is compared: averages to a part in 10^9.
  auto key() const {
    const double avg = count == 0 ? 0 : sum / static_cast<double>(count);
    return std::tuple(count, std::llround(avg * 1e6), min, max, first_ms, last_ms);
  }
};
using Figures = decltype(Expected{}.key());
/// By window and chassis, in order of closing.
using Table = std::map<std::pair<std::string, std::string>, std::vector<Figures>>;

Table table_of(const RollupBatch& rollups) {
  Table table;
  for (const auto& r : rollups) {
    const auto& f = r->fields.at(0);
    table[{r->window, r->chassis}].push_back({r->count, std::llround(f.avg * 1e6), f.min, f.max,
                                              r->first_time.ns / kNsPerMs,
                                              r->last_time.ns / kNsPerMs});
  }
  return table;
}

std::string chassis(std::uint32_t series) {
  return "GR86-" + std::to_string(series);
}

/// One machine's lap: time and place go on, in steps of any size.
std::vector<Reading> drive(std::uint32_t series) {
  std::vector<Reading> readings;
  const int points = *rc::gen::inRange(0, 80);
  Reading at{.series = series, .ms = *rc::gen::inRange(0, 5'000)};
  for (int i = 0; i < points; ++i) {
    at.ms += *rc::gen::inRange(0, 400);
    if (*rc::gen::inRange(0, 8) == 0 && ++at.sector == 3) {
      at.sector = 0;
      ++at.lap;
    }
    at.value = *rc::gen::inRange(-10'000, 10'000) / 16.0;
    readings.push_back(at);
  }
  return readings;
}

std::vector<Reading> interleave(std::vector<std::vector<Reading>> machines) {
  std::vector<Reading> all;
  std::vector<std::size_t> next(machines.size());
  while (true) {
    std::vector<std::size_t> alive;
    for (std::size_t m = 0; m < machines.size(); ++m) {
      if (next[m] < machines[m].size()) alive.push_back(m);
    }
    if (alive.empty()) return all;
    const std::size_t m = alive[*rc::gen::inRange<std::size_t>(0, alive.size())];
    all.push_back(machines[m][next[m]++]);
  }
}

/// Runs of one place, cut into pieces of `limit` points (0: not cut).
void recompute_runs(const std::string& window, const std::vector<Reading>& machine,
                    std::uint64_t limit, Table& table) {
  Expected open;
  for (std::size_t i = 0; i < machine.size(); ++i) {
    const auto& r = machine[i];
    const bool moved = i > 0 && (r.lap != machine[i - 1].lap || r.sector != machine[i - 1].sector);
    auto& out = table[{window, chassis(r.series)}];
    if (moved && open.count > 0) {
      out.push_back(open.key());
      open = {};
    }
    open.add(r);
    if (open.count == limit) {
      out.push_back(open.key());
      open = {};
    }
  }
  if (open.count > 0) table[{window, chassis(machine.front().series)}].push_back(open.key());
}

void recompute_seconds(const std::vector<Reading>& machine, Table& table) {
  std::map<std::int64_t, Expected> by_second;
  for (const auto& r : machine) by_second[r.ms / 1'000].add(r);
  for (const auto& [second, expected] : by_second) {
    table[{"second", chassis(machine.front().series)}].push_back(expected.key());
  }
}

RC_GTEST_PROP(WindowProperty, AnyInterleavingGivesTheRollupsOfARecomputation, ()) {
  const auto limit = *rc::gen::inRange<std::uint32_t>(1, 12);
  std::vector<std::vector<Reading>> machines;
  Table expected;
  const auto machine_count = *rc::gen::inRange<std::uint32_t>(1, 5);
  for (std::uint32_t m = 0; m < machine_count; ++m) {
    const auto machine = drive(m);
    machines.push_back(machine);
    if (machine.empty()) continue;
    recompute_runs("bucket", machine, limit, expected);
    recompute_runs("sector", machine, 0, expected);
    recompute_seconds(machine, expected);
  }
  Fold fold(default_windows(limit));
  for (const auto& reading : interleave(machines)) fold.add(reading);
  fold.close_all();
  std::erase_if(expected, [](const auto& entry) { return entry.second.empty(); });
  RC_ASSERT(table_of(fold.rollups()) == expected);
}

RC_GTEST_PROP(WindowProperty, DisorderWithinTheLatenessChangesNothingInEventTimeWindows, ()) {
  auto machine = drive(0);
  RC_PRE(!machine.empty());
  Table expected;
  recompute_seconds(machine, expected);
  // Each point may be overtaken by what is less than the lateness younger.
  std::vector<std::pair<std::int64_t, Reading>> order;
  for (const auto& r : machine) order.emplace_back(r.ms + *rc::gen::inRange(0, 1'000), r);
  std::ranges::stable_sort(order, {}, &std::pair<std::int64_t, Reading>::first);
  Fold fold({default_windows()[2]});
  for (const auto& [arrival, reading] : order) fold.add(reading, arrival);
  fold.close_all();
  RC_ASSERT(fold.counts(0).late_points == 0u);
  RC_ASSERT(table_of(fold.rollups()) == expected);
}

RC_GTEST_PROP(WindowProperty, EveryAcceptedPointIsClosedOpenOrLateAlways, ()) {
  auto definitions = default_windows(*rc::gen::inRange<std::uint32_t>(1, 6), 300);
  for (auto& d : definitions) {
    d.late = *rc::gen::element(LatePolicy::kDrop, LatePolicy::kRollup);
  }
  definitions.push_back(definitions[2]);
  definitions.back().name = "strict";
  definitions.back().lateness_ms = 0;
  WindowDefinition places;  // many keys open at once, closed by idleness alone
  places.name = "places";
  places.key_lap = places.key_sector = true;
  places.idle_ms = 1'000;
  definitions.push_back(places);
  Fold fold(definitions);

  std::uint64_t accepted = 0;
  std::int64_t now_ms = 0;
  const int steps = *rc::gen::inRange(0, 300);
  for (int step = 0; step < steps; ++step) {
    switch (*rc::gen::inRange(0, 12)) {
      case 0:
        fold.tick_ms(now_ms += *rc::gen::inRange(0, 1'500));
        break;
      case 1:
        fold.forget(*rc::gen::inRange<std::uint32_t>(0, 4));
        break;
      default:
        fold.add({.series = *rc::gen::inRange<std::uint32_t>(0, 3),
                  .ms = *rc::gen::inRange<std::int64_t>(-3'000, 30'000),
                  .lap = *rc::gen::inRange(0, 12),
                  .sector = *rc::gen::inRange(0, 8)},
                 now_ms);
        ++accepted;
    }
    for (std::size_t d = 0; d < definitions.size(); ++d) {
      const auto& c = fold.counts(d);
      RC_ASSERT(c.closed_points + c.open_points + c.late_points == accepted);
    }
  }
  fold.close_all();
  for (std::size_t d = 0; d < definitions.size(); ++d) {
    std::uint64_t in_time = 0;
    std::uint64_t late = 0;
    for (const auto& r : fold.rollups()) {
      if (r->window == definitions[d].name) (r->late ? late : in_time) += r->count;
    }
    const auto& c = fold.counts(d);
    RC_ASSERT(c.open_points == 0u);
    RC_ASSERT(in_time == c.closed_points);
    if (definitions[d].late == LatePolicy::kRollup) RC_ASSERT(late == c.late_points);
  }
}

}  // namespace
}  // namespace slipstream
