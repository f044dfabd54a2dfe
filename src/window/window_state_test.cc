// A fold that is saved and restored, anywhere and ever so often, gives what one gives that never
// was.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "window/state_testing.h"

namespace slipstream {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using window_testing::NamedReading;
using window_testing::Process;

std::vector<WindowDefinition> all_kinds(std::uint32_t limit) {
  auto definitions = default_windows(limit, 300);
  for (auto& d : definitions) d.ahead_ms = 500;
  definitions[1].statistics.set(StatisticGroup::kQuantiles);
  WindowDefinition strict;
  strict.name = "strict";
  strict.every_ms = 100;
  strict.lateness_ms = 0;
  strict.idle_ms = 0;
  strict.ahead_ms = 300;
  strict.statistics.set(StatisticGroup::kFirst);
  WindowDefinition places;  // many keys open at once, closed by idleness alone
  places.name = "places";
  places.key_lap = places.key_sector = true;
  places.idle_ms = 1'000;
  places.statistics.set(StatisticGroup::kQuantiles);
  definitions.push_back(strict);
  definitions.push_back(places);
  return definitions;
}

enum class Event : std::uint8_t { kPoint, kTick, kForget, kCheckpoint, kCrash };
struct Step {
  Event event;
  NamedReading reading;  ///< of a point; its series of a forget, its arrival of a tick
};

constexpr std::uint32_t kSeries = 4;

NamedReading any_reading(std::int64_t now_ns) {
  NamedReading r{.series = *rc::gen::inRange<std::uint32_t>(0, kSeries),
                 .event_ns = (*rc::gen::inRange<std::int64_t>(-300, 3'000) +
                              *rc::gen::element(0, 0, 0, 0, 0, 0, 0, 280'000)) *
                             kNsPerMs,
                 .arrival_ns = now_ns + *rc::gen::inRange<std::int64_t>(-3, 3) * 400'000,
                 .lap = *rc::gen::inRange<std::int16_t>(0, 3),
                 .sector = *rc::gen::inRange(0, 3)};
  const int fields = *rc::gen::element(0, 1, 3, 3, 3, 3, 6);
  const int first = *rc::gen::element(0, 0, 0, 0, 5, 6);
  for (int i = first; i < first + fields; ++i) {
    r.values.emplace_back(fmt::format("f{}", i), *rc::gen::inRange(-9'999, 9'999) / 7.0);
  }
  return r;
}

std::vector<Step> any_steps() {
  std::vector<Step> steps;
  std::int64_t now_ns = 0;  // event times are about as long as the steps
  const int size = *rc::gen::inRange(0, 400);
  for (int i = 0; i < size; ++i) {
    now_ns += *rc::gen::inRange<std::int64_t>(0, 30) * 700'001;
    switch (*rc::gen::inRange(0, 24)) {
      case 0:
      case 1:
        now_ns += *rc::gen::inRange<std::int64_t>(0, 400) * 999'999;
        steps.push_back({Event::kTick, {.arrival_ns = now_ns}});
        break;
      case 2:
        steps.push_back({Event::kForget, {.series = *rc::gen::inRange(0u, kSeries)}});
        break;
      case 3:
        steps.push_back({Event::kCheckpoint, {}});
        break;
      case 4:
        steps.push_back({Event::kCrash, {}});
        break;
      default:
        steps.push_back({Event::kPoint, any_reading(now_ns)});
    }
  }
  return steps;
}

/// A process that keeps a checkpoint of what changed, crashes when told to, and then starts again
/// from the checkpoint with what the log has of the steps since: whole milliseconds.
class Restarting {
 public:
  explicit Restarting(std::vector<WindowDefinition> definitions)
      : definitions_(std::move(definitions)), process_(std::in_place, definitions_, 0) {}

  void run(std::vector<Step> steps) {
    for (std::size_t i = 0; i < steps.size(); ++i) {
      NamedReading r = steps[i].reading;
      r.arrival_ns = floor_to_ms({r.arrival_ns}).ns;
      switch (steps[i].event) {
        case Event::kPoint:
          process_->add(r);
          changed_.insert(r.series);
          break;
        case Event::kTick:
          process_->tick(r.arrival_ns);
          for (const auto series : process_->windows().touched()) changed_.insert(series);
          break;
        case Event::kForget:
          process_->forget(r.series);
          changed_.insert(r.series);
          break;
        case Event::kCheckpoint:
          checkpoint(i + 1);
          break;
        case Event::kCrash:
          steps[i].event = Event::kForget;
          steps[i].reading.series = kSeries;  // nothing: one crash is enough
          crash();
          i = next_step_ - 1;
          break;
      }
    }
  }
  Process& process() { return *process_; }

 private:
  void checkpoint(std::size_t next_step) {
    for (const auto series : changed_) series_[series] = process_->saved(series);
    changed_.clear();
    set_.clear();
    process_->windows().save(set_);
    told_ = process_->told();
    next_step_ = next_step;
  }
  void crash() {
    process_.emplace(definitions_, ++salt_);
    std::vector<std::pair<std::uint32_t, std::string>> all(series_.begin(), series_.end());
    if (salt_ % 2 == 1) std::ranges::reverse(all);
    for (const auto& [series, bytes] : all) {
      RC_ASSERT(process_->restore(series, bytes).has_value());
      RC_ASSERT(process_->saved(series) == bytes);
    }
    if (!set_.empty()) RC_ASSERT(process_->windows().restore(set_).has_value());
    process_->told() = told_;
    changed_.clear();
  }

  std::vector<WindowDefinition> definitions_;
  std::optional<Process> process_;
  int salt_ = 0;
  std::set<std::uint32_t> changed_;
  // the checkpoint
  std::map<std::uint32_t, std::string> series_;
  std::string set_;
  std::vector<std::string> told_;
  std::size_t next_step_ = 0;
};

RC_GTEST_PROP(WindowState, RestartsAnywhereChangeNoRollup, ()) {
  const auto definitions = all_kinds(*rc::gen::inRange<std::uint32_t>(1, 8));
  const auto steps = any_steps();
  Process whole(definitions, 0);
  for (const auto& [event, reading] : steps) {
    if (event == Event::kPoint) whole.add(reading);
    if (event == Event::kTick) whole.tick(reading.arrival_ns);
    if (event == Event::kForget) whole.forget(reading.series);
  }
  Restarting restarting(definitions);
  restarting.run(steps);
  for (int end = 0; end < 2; ++end) {
    Process& other = restarting.process();
    RC_ASSERT(other.told() == whole.told());
    RC_ASSERT(other.windows().sequence() == whole.windows().sequence());
    for (std::size_t d = 0; d < definitions.size(); ++d) {
      const WindowCounts& a = whole.windows().counts(d);
      const WindowCounts& b = other.windows().counts(d);
      RC_ASSERT(a.closed_points == b.closed_points);
      RC_ASSERT(a.open_points == b.open_points);
      RC_ASSERT(a.late_points == b.late_points);
      RC_ASSERT(a.rollups == b.rollups);
    }
    whole.close_all();
    other.close_all();
  }
}

/// Opens windows of all kinds, late ones among them, and fields that points lack.
void make_busy(Process& process) {
  const std::int64_t arrival_ns = 1'757'000'000 * kNsPerSecond;
  for (int i = 0; i < 12; ++i) {
    NamedReading r{.event_ns = i * 150 * kNsPerMs,
                   .arrival_ns = arrival_ns + i,
                   .lap = static_cast<std::int16_t>(i / 5),
                   .values = {{"f1", i / 3.0}, {"f2", -i}}};
    if (i % 4 == 3) r.values.emplace_back("f9", 1e300);
    process.add(r);
  }
  process.add({.event_ns = 10, .arrival_ns = arrival_ns, .lap = 1, .values = {{"f1", 0.5}}});
}

std::string busy_series() {
  Process process(all_kinds(100), 1);
  make_busy(process);
  return process.saved(0);
}

/// Uses what was restored, as far as it was: nothing may go wrong any more.
void go_on(Process& process) {
  for (const std::int64_t ms : {0, 900, 5'000}) {
    process.add({.event_ns = ms * kNsPerMs,
                 .arrival_ns = (1'757'000'000'000 + ms) * kNsPerMs,
                 .values = {{"f1", 1}, {"f2", 2}}});
    process.tick((1'757'000'000'500 + ms) * kNsPerMs);
  }
  process.forget(0);
}

TEST(WindowState, AnythingCutShortIsAnError) {
  const std::string bytes = busy_series();
  Process process(all_kinds(100), 2);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    ASSERT_FALSE(process.restore(0, std::string_view(bytes).substr(0, size))) << size;
  }
  EXPECT_FALSE(process.restore(0, bytes + '\0'));
  EXPECT_EQ(process.windows().counts(0).open_points, 0u);
  EXPECT_TRUE(process.restore(0, bytes));
  go_on(process);
}

TEST(WindowState, AnyFlippedBitIsAnErrorOrAStateToGoOnFrom) {
  const std::string bytes = busy_series();
  std::optional<Process> process;
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    if (bit % 512 == 0) process.emplace(all_kinds(100), 2);  // damaged names fill its field table
    std::string damaged = bytes;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
    if (process->restore(0, damaged)) go_on(*process);
    process->told().clear();
  }
}

TEST(WindowState, AnyBytesAreAnErrorOrAStateToGoOnFrom) {
  rc::check([] {
    std::string bytes = busy_series();
    const int changes = *rc::gen::inRange(1, 6);
    for (int i = 0; i < changes; ++i) {
      const auto at = *rc::gen::inRange<std::size_t>(0, bytes.size());
      const auto size = *rc::gen::inRange<std::size_t>(0, 10);
      bytes.replace(at, size,
                    *rc::gen::element<std::string>("", "\xff\xff\xff\xff\x0f", "\x7f",
                                                   std::string(8, '\xff'), "\1\1"));
    }
    Process process(all_kinds(100), 2);
    if (process.restore(0, bytes)) go_on(process);
  });
}

TEST(WindowState, SetsNumbersCutShortOrOfOtherDefinitionsAreAnError) {
  Process process(all_kinds(100), 1);
  make_busy(process);
  std::string bytes;
  process.windows().save(bytes);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(process.windows().restore(std::string_view(bytes).substr(0, size)));
  }
  WindowSet other(default_windows(), embedded_partition(3));
  EXPECT_THAT(other.restore(bytes).error().message, HasSubstr("other window definitions"));
}

TEST(WindowState, OthersAreKnownUntilTheyEnd) {
  WindowSet windows(default_windows(), embedded_partition(0));
  windows.start_sequence_at(40);
  windows.earlier_rollups().add({windows.sequence(), 40});
  windows.earlier_rollups().add({windows.sequence(), 70});
  windows.skip_numbers_of(70, 100);
  windows.earlier_rollups().add({windows.sequence(), 190});
  std::string bytes;
  windows.save(bytes);
  WindowSet restored(default_windows(), embedded_partition(0));
  ASSERT_TRUE(restored.restore(bytes));
  EXPECT_EQ(restored.sequence(), 170u);
  const auto& ranges = restored.earlier_rollups().ranges();
  ASSERT_EQ(ranges.size(), 2u);
  EXPECT_EQ(ranges[0].after, 40u);
  EXPECT_EQ(ranges[0].last, 70u);
  EXPECT_EQ(ranges[1].after, 170u);
  EXPECT_EQ(ranges[1].last, 190u);
  EXPECT_FALSE(restored.restore(bytes.substr(0, bytes.size() - 1)));
  restored.earlier_rollups().clear();
  EXPECT_TRUE(restored.earlier_rollups().ranges().empty());
}

TEST(WindowState, SeriesIsRefusedWhereItCannotBe) {
  const std::string bytes = busy_series();
  Process process(all_kinds(100), 2);
  ASSERT_TRUE(process.restore(7, bytes));
  EXPECT_THAT(process.restore(7, bytes).error().message, HasSubstr("in use"));
  Process other(default_windows(), 2);
  EXPECT_THAT(other.restore(0, bytes).error().message, HasSubstr("other window definitions"));
}

TEST(WindowState, FullFieldTableIsAnErrorNotAnotherField) {
  const std::string bytes = busy_series();
  Process process(all_kinds(100), 2);
  for (int i = 0; process.fields().intern(fmt::format("more {}", i)); ++i) {
  }
  EXPECT_FALSE(process.restore(0, bytes));
}

TEST(WindowState, UnusedNumberStaysUnused) {
  Process process(all_kinds(100), 2);
  const std::string bytes = process.saved(5);
  ASSERT_TRUE(process.restore(5, bytes));
  EXPECT_EQ(process.saved(5), bytes);
}

TEST(WindowState, IdsDoNotRepeatWhenASeriesComesAgain) {
  std::set<std::array<std::uint8_t, 16>> ids;
  RollupBatch rollups;
  std::uint64_t sequence = 0;
  for (int definitions_changed = 0; definitions_changed < 2; ++definitions_changed) {
    WindowSet windows(default_windows(), embedded_partition(0));
    windows.start_sequence_at(sequence);
    PointBatch batch;
    batch.text = "cotaGR86";
    Point point{};
    point.track = {0, 4};
    point.chassis = {4, 4};
    point.series = 0;
    batch.points.push_back(point);
    for (int life = 0; life < 20; ++life) {
      for (int i = 0; i < life * 7 % 13 + 1; ++i) windows.fold(batch, batch.points[0], rollups);
      windows.forget(0, rollups);
    }
    sequence = windows.sequence();
  }
  for (const auto& rollup : rollups) EXPECT_TRUE(ids.insert(rollup->window_id).second);
  EXPECT_EQ(ids.size(), sequence);
}

TEST(WindowState, TickTellsWhichSeriesItChanged) {
  Process process(default_windows(10, 300), 0);
  const std::int64_t start_ns = 1'757'000'000 * kNsPerSecond;
  for (const std::uint32_t series : {4u, 1u, 2u}) {
    process.add({.series = series, .arrival_ns = start_ns + (series == 2 ? 200 * kNsPerMs : 0)});
  }
  process.tick(start_ns + 299 * kNsPerMs);
  EXPECT_THAT(process.windows().touched(), ElementsAre());
  process.tick(start_ns + 300 * kNsPerMs);
  EXPECT_THAT(process.windows().touched(), ElementsAre(1, 4));
  process.tick(start_ns + 500 * kNsPerMs);
  EXPECT_THAT(process.windows().touched(), ElementsAre(2));
  process.close_all();
  EXPECT_THAT(process.windows().touched(), ElementsAre(1, 2, 4));
}

TEST(WindowState, IdleIsMeasuredInTheLogsMilliseconds) {
  Process process(default_windows(10, 300), 0);
  process.add({.arrival_ns = 1'000'999'999});
  process.tick(1'299'999'999);
  EXPECT_THAT(process.windows().touched(), ElementsAre());
  process.tick(1'300'000'000);
  EXPECT_THAT(process.windows().touched(), ElementsAre(0));
}

TEST(WindowState, LateWindowsIdleInTheLogsMillisecondsToo) {
  Process process({default_windows(10, 300)[0]}, 0);
  process.add({.event_ns = 10, .arrival_ns = 1'000'000'000, .lap = 1});
  process.add({.event_ns = 20, .arrival_ns = 1'000'000'000, .lap = 2});
  process.add({.event_ns = 5, .arrival_ns = 1'000'999'999, .lap = 1});
  process.tick(1'299'999'999);
  EXPECT_EQ(process.windows().sequence(), 1u);
  process.tick(1'300'000'000);
  EXPECT_EQ(process.windows().sequence(), 3u);
}

TEST(WindowState, UsualSeriesFitsInTwoKilobytes) {
  Process process(default_windows(), 0);
  for (int i = 0; i < 7; ++i) {
    NamedReading r{.event_ns = 1'757'000'000 * kNsPerSecond + i * 40 * kNsPerMs,
                   .arrival_ns = 1'757'000'001 * kNsPerSecond};
    for (int f = 0; f < 8; ++f) r.values.emplace_back(fmt::format("field_name_{}", f), i + f / 3.0);
    process.add(r);
  }
  EXPECT_LT(process.saved(0).size(), 2'048u);
  RecordProperty("bytes", static_cast<int>(process.saved(0).size()));
}

}  // namespace
}  // namespace slipstream
