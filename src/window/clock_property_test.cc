// Whatever machines' clocks do, and however often the fold is taken up by another process: the
// points that were accepted are the sum of `count` over a window's rollups, late and open ones
// included.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <map>
#include <memory>
#include <vector>

#include "window/state_testing.h"

namespace slipstream {
namespace {

using window_testing::NamedReading;
using window_testing::Process;

constexpr std::uint32_t kClockedMachines = 3;
constexpr std::int64_t kHourMs = 3'600'000;

/// A machine whose clock somebody sets, or that keeps local time, or has no battery.
struct ClockedMachine {
  std::int64_t offset_ms = 0;  ///< of its clock, ahead of ours
  std::int16_t lap = 1;
  std::int32_t sector = 0;

  void turn() {
    switch (*rc::gen::inRange(0, 12)) {
      case 0:
        offset_ms = *rc::gen::element<std::int64_t>(0, 0, 1'900, 2'100, 60'000, 280'000);
        break;
      case 1:
        offset_ms -= kHourMs;
        break;
      case 2:
        offset_ms = *rc::gen::inRange<std::int64_t>(-3'000, 10'000);
        break;
      case 3:
        ++lap;
        sector = 0;
        break;
      case 4:
        sector = *rc::gen::inRange(0, 3);
        break;
      default:
        break;
    }
  }
};

class ClockedFold {
 public:
  explicit ClockedFold(std::vector<WindowDefinition> definitions)
      : definitions_(std::move(definitions)) {
    begin();
  }

  void step() {
    now_ms_ += *rc::gen::inRange<std::int64_t>(0, 300);
    switch (*rc::gen::inRange(0, 30)) {
      case 0:
        return restart();
      case 1:
        return process_->forget(*rc::gen::inRange(0u, kClockedMachines));
      case 2:
      case 3:
      case 4:
      case 5:
        return process_->tick(now_ms_ * kNsPerMs);
      case 6:  // ours is set too
        now_ms_ += *rc::gen::element<std::int64_t>(-5'000, -500, 3'000, 70'000);
        return process_->tick(now_ms_ * kNsPerMs);
      default:
        return point();
    }
  }

  void check() {
    std::vector<std::uint64_t> in_rollups(definitions_.size());
    count(told_, in_rollups);
    count(process_->closed(), in_rollups);
    for (std::size_t d = 0; d < definitions_.size(); ++d) {
      const WindowCounts& c = process_->windows().counts(d);
      const bool drops = definitions_[d].late == LatePolicy::kDrop;
      const std::uint64_t dropped = drops ? c.late_points : 0;
      RC_ASSERT(c.closed_points + c.open_points + c.late_points == accepted_);
      RC_ASSERT(in_rollups[d] + c.open_points + c.gathered_points + dropped == accepted_);
    }
  }
  void end() {
    process_->close_all();
    for (std::size_t d = 0; d < definitions_.size(); ++d) {
      RC_ASSERT(process_->windows().counts(d).open_points == 0u);
      RC_ASSERT(process_->windows().counts(d).gathered_points == 0u);
    }
    check();
  }

 private:
  void begin() { process_ = std::make_unique<Process>(definitions_, *rc::gen::inRange(0, 7)); }

  void point() {
    const auto number = *rc::gen::inRange(0u, kClockedMachines);
    ClockedMachine& machine = machines_[number];
    machine.turn();
    const std::int64_t old_ms = *rc::gen::element<std::int64_t>(0, 0, 0, 0, 40, 900, 1'500, 4'000);
    process_->add({.series = number,
                   .event_ns = (now_ms_ + machine.offset_ms - old_ms) * kNsPerMs,
                   .arrival_ns = now_ms_ * kNsPerMs + *rc::gen::inRange<std::int64_t>(0, kNsPerMs),
                   .lap = machine.lap,
                   .sector = machine.sector,
                   .values = {{"f1", 1.0}}});
    ++accepted_;
  }

  void restart() {
    std::string whole;
    process_->windows().save(whole);
    std::vector<std::string> series;
    for (std::uint32_t s = 0; s < kClockedMachines; ++s) series.push_back(process_->saved(s));
    told_.insert(told_.end(), process_->closed().begin(), process_->closed().end());
    begin();
    RC_ASSERT(process_->windows().restore(whole).has_value());
    for (std::uint32_t s = 0; s < kClockedMachines; ++s) {
      RC_ASSERT(process_->restore(s, series[s]).has_value());
    }
  }

  void count(const RollupBatch& rollups, std::vector<std::uint64_t>& sums) const {
    for (const auto& rollup : rollups) {
      for (std::size_t d = 0; d < definitions_.size(); ++d) {
        if (definitions_[d].name == rollup->window) sums[d] += rollup->count;
      }
    }
  }

  const std::vector<WindowDefinition> definitions_;
  std::unique_ptr<Process> process_;
  RollupBatch told_;  ///< by earlier processes
  std::map<std::uint32_t, ClockedMachine> machines_;
  std::int64_t now_ms_ = 1'757'000'000'000;
  std::uint64_t accepted_ = 0;
};

std::vector<WindowDefinition> windows_of_all_kinds() {
  auto definitions = default_windows(*rc::gen::inRange<std::uint32_t>(1, 12), 300);
  WindowDefinition strict;
  strict.name = "strict";
  strict.every_ms = 100;
  strict.lateness_ms = 0;
  strict.idle_ms = 0;
  WindowDefinition dropping = definitions[2];
  dropping.name = "dropping";
  dropping.late = LatePolicy::kDrop;
  WindowDefinition as_before = definitions[2];  // 0.1's
  as_before.name = "as before";
  as_before.ahead_ms.reset();
  definitions.insert(definitions.end(), {strict, dropping, as_before});
  return definitions;
}

RC_GTEST_PROP(ClockProperty, AcceptedPointsAreTheSumOfCountOverEachWindowsRollups, ()) {
  ClockedFold fold(windows_of_all_kinds());
  for (int left = *rc::gen::inRange(0, 300); left > 0; --left) {
    fold.step();
    fold.check();
  }
  fold.end();
}

}  // namespace
}  // namespace slipstream
