// What observers of a partition are told, and that one's state goes through restarts as windows do.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <map>
#include <stdexcept>

#include "base/bytes.h"
#include "pipeline/partition.h"

namespace slipstream {
namespace observers_testing {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::int64_t kBegin = 1'757'000'000 * kNsPerSecond;

/// An entry of the log: a point of a machine, or a tick.
struct Entry {
  int machine = 0;  ///< less than 0: a tick
  std::int64_t at_ms = 0;
  std::int16_t lap = 1;
};

/// Remembers all that it was told, in its order, as a number.
class Diary final : public PartitionObserver, public ObserverState {
 public:
  explicit Diary(std::string name = "diary") : name_(std::move(name)) {}

  std::string_view name() const override { return name_; }
  void observe(const PointBatch& batch, std::span<const Point> points) override {
    for (const Point& point : points) {
      if (throws_at-- == 0) throw std::runtime_error("an observer's fault");
      note(fmt::format("point {} {} {} {}", point.series, batch.chassis(point),
                       point.event_time.ns / kNsPerMs, point.lap));
    }
  }
  void observe_closed(std::span<const RollupPtr> rollups) override {
    for (const auto& rollup : rollups) {
      note(fmt::format("rollup {} {} {}", rollup->chassis, rollup->sequence, rollup->count));
    }
  }
  void tick(SteadyTime) override {}
  void forget(std::uint32_t series) override { note(fmt::format("forget {}", series)); }
  ObserverState* state() override { return this; }

  void save(std::string& out) const override { ByteWriter(out).fixed(digest); }
  Result<void> restore(std::string_view bytes) override {
    ByteReader in(bytes);
    digest = in.fixed<std::uint64_t>();
    return in.at_end() ? Result<void>{} : fail("no diary");
  }
  void clear() override { digest = 0; }

  std::uint64_t digest = 0;
  std::vector<std::string> notes;  ///< of this life
  int throws_at = -1;              ///< points from now on

 private:
  void note(std::string text) {
    digest = digest * 0x9e3779b97f4a7c15u + std::hash<std::string>{}(text) + 1;
    notes.push_back(std::move(text));
  }
  const std::string name_;
};

/// One without a state.
class Onlooker final : public PartitionObserver {
 public:
  explicit Onlooker(std::vector<std::string>& notes) : notes_(notes) {}
  std::string_view name() const override { return "onlooker"; }
  void observe(const PointBatch&, std::span<const Point> points) override {
    notes_.push_back(fmt::format("{} points", points.size()));
  }
  void observe_closed(std::span<const RollupPtr> rollups) override {
    for (const auto& rollup : rollups) notes_.push_back(fmt::format("rollup {}", rollup->sequence));
  }
  void tick(SteadyTime) override {}
  void forget(std::uint32_t) override {}

 private:
  std::vector<std::string>& notes_;
};

/// A partition of two machines at most, its log, and the checkpoints that it gives.
class Life final : public AcceptedSink, public OutputSink {
 public:
  explicit Life(std::vector<Entry> log, bool with_diary = true) : log_(std::move(log)) {
    start(with_diary);
  }
  /// The partition borrows what stands below it.
  ~Life() override { partition.reset(); }
  Life(const Life&) = delete;
  Life& operator=(const Life&) = delete;

  void start(bool with_diary = true, std::string name = "diary") {
    PartitionObservers observers;
    observers.push_back(std::make_unique<Onlooker>(seen));
    if (with_diary) {
      observers.push_back(std::make_unique<Diary>(std::move(name)));
      diary = static_cast<Diary*>(observers.back().get());
    }
    WindowDefinition lap{.name = "lap", .key_lap = true, .close_on_change = true, .idle_ms = 400};
    partition.emplace(
        embedded_partition(0),
        PartitionContext{.clock = clock_,
                         .ingest = ingest_,
                         .stats = stats_,
                         .schema = schema_,
                         .accepted = *this,
                         .outputs = *this,
                         .definitions = {lap},
                         .max_series = 2,
                         .queue = {},
                         .warn = [this](const std::string& text) { warnings.push_back(text); }},
        std::move(observers));
  }
  /// Another process goes on from the checkpoint.
  void crash(bool with_diary = true, std::string name = "diary") {
    start(with_diary, std::move(name));
    ASSERT_TRUE(partition->begin(stored));
  }
  /// Folds `count` entries more, or up to the next tick.
  void step(std::size_t count, bool replayed) {
    const auto at = static_cast<std::size_t>(partition->position());
    const Entry& first = log_[at];
    if (first.machine < 0) {
      Work work{.kind = Work::Kind::kTick, .offset = at, .time = {kBegin + first.at_ms * kNsPerMs}};
      work.replayed = replayed;
      return partition->process(work);
    }
    auto batch = std::make_unique<PointBatch>();
    for (std::size_t i = at; i < log_.size() && i < at + count && log_[i].machine >= 0; ++i) {
      append(log_[i], *batch);
    }
    Work work{.offset = at, .count = batch->points.size(), .batch = std::move(batch)};
    work.replayed = replayed;
    partition->process(work);
  }
  bool at_end() const { return partition->position() == log_.size(); }

  void accept(PointBatchPtr) override {}
  bool has_room() const override { return true; }
  void accept(Output output) override {
    for (const auto& rollup : output.rollups) handed_over.push_back(rollup->sequence);
    if (!output.checkpoint) return;
    stored.offset = output.position;
    stored.windows = output.checkpoint->windows;
    for (const auto number : output.checkpoint->removed) series_.erase(number);
    for (const auto& [number, bytes] : output.checkpoint->changed) series_[number] = bytes;
    stored.series.assign(series_.begin(), series_.end());
  }

  std::optional<Partition> partition;
  Diary* diary = nullptr;
  PartitionState stored;
  std::vector<std::string> warnings;
  std::vector<std::string> seen;  ///< by the onlooker
  std::vector<std::uint64_t> handed_over;

 private:
  static void append(const Entry& entry, PointBatch& batch) {
    const auto text = [&](std::string_view of) {
      const TextRef ref{static_cast<std::uint32_t>(batch.text.size()),
                        static_cast<std::uint32_t>(of.size())};
      batch.text += of;
      return ref;
    };
    const std::string chassis = fmt::format("GR86-{}", entry.machine);
    Point point{};
    point.track = text("cota");
    point.chassis = text(chassis);
    point.series_hash = series_hash("cota", chassis);
    point.lap = entry.lap;
    point.event_time = {kBegin + entry.at_ms * kNsPerMs};
    point.arrival_time = {point.event_time.ns};
    batch.points.push_back(point);
  }

  const std::vector<Entry> log_;
  ManualClock clock_{kBegin};
  IngestStats ingest_;
  PipelineStats stats_{1};
  Schema schema_;
  std::map<std::uint32_t, std::string> series_;
};

/// As likely in the first cases as in the last, whose sizes otherwise grow.
int pick(int from, int to) {
  return *rc::gen::resize(rc::kNominalSize, rc::gen::inRange(from, to));
}

std::vector<Entry> any_log() {
  std::vector<Entry> log;
  std::int64_t at_ms = 0;
  for (int i = pick(0, 120); i > 0; --i) {
    at_ms += pick(1, 150);
    log.push_back({.machine = *rc::gen::element(-1, 0, 0, 0, 1, 1, 2, 3),
                   .at_ms = at_ms,
                   .lap = static_cast<std::int16_t>(pick(1, 4))});
  }
  return log;
}

RC_GTEST_PROP(Observers, StateAfterRestartsIsThatOfARunWithoutThem, ()) {
  const auto log = any_log();
  Life undisturbed(log);
  while (!undisturbed.at_end()) undisturbed.step(1, false);

  Life life(log);
  LogOffset folded_until = 0;  // by the longest life
  int troubles = 12;
  while (!life.at_end()) {
    const LogOffset before = life.partition->position();
    const bool again = before < folded_until;
    auto count = static_cast<std::size_t>(pick(1, 9));
    if (again) count = std::min<std::size_t>(count, folded_until - before);
    if (troubles > 0 && pick(0, 10) == 0) life.diary->throws_at = pick(0, 4);
    try {
      life.step(count, again);
    } catch (const std::runtime_error&) {
      --troubles;
      RC_ASSERT(life.partition->reset(&life.stored).has_value());
    }
    life.diary->throws_at = -1;
    folded_until = std::max(folded_until, life.partition->position());
    if (pick(0, 6) == 0) life.partition->checkpoint();
    if (troubles > 0 && pick(0, 8) == 0) {
      --troubles;
      life.crash();
    }
  }
  RC_ASSERT(life.diary->digest == undisturbed.diary->digest);
}

TEST(Observers, AreToldOfARollupRightBehindThePointThatClosedIt) {
  Life life({{0, 0, 1}, {0, 10, 2}, {1, 20, 1}, {-1, 600}});
  life.step(3, false);
  life.step(1, false);
  EXPECT_THAT(life.diary->notes,
              ElementsAre("point 0 GR86-0 1757000000000 1", "point 0 GR86-0 1757000000010 2",
                          "rollup GR86-0 1 1", "point 1 GR86-1 1757000000020 1",
                          "rollup GR86-0 2 1", "rollup GR86-1 3 1"));
}

TEST(Observers, AreToldOfASeriesLastRollupBeforeItIsForgotten) {
  Life life({{0, 0, 1}, {1, 10, 1}, {2, 20, 1}});
  life.step(3, false);
  EXPECT_THAT(life.diary->notes,
              ElementsAre("point 0 GR86-0 1757000000000 1", "point 1 GR86-1 1757000000010 1",
                          "rollup GR86-0 1 1", "forget 0", "point 0 GR86-2 1757000000020 1"));
}

TEST(Observers, WithoutAStateSeeLivePointsAndWhatIsHandedOver) {
  Life life({{0, 0, 1}, {0, 10, 2}, {0, 20, 3}});
  life.step(2, false);
  life.crash();
  life.seen.clear();
  life.step(2, true);
  EXPECT_THAT(life.seen, ElementsAre("rollup 1")) << "this life has not handed it over yet";
  ASSERT_TRUE(life.partition->reset(nullptr));
  life.seen.clear();
  life.step(2, true);
  EXPECT_THAT(life.seen, IsEmpty());
  EXPECT_EQ(life.diary->notes.back(), "rollup GR86-0 1 1") << "one with a state needs it again";
  life.step(1, false);
  EXPECT_THAT(life.seen, ElementsAre("rollup 2", "1 points"));
}

TEST(Observers, OneThatThrowsLosesNoRollup) {
  Life life({{0, 0, 1}, {0, 10, 2}});
  life.diary->throws_at = 1;
  EXPECT_THROW(life.step(2, false), std::runtime_error);
  EXPECT_THAT(life.handed_over, IsEmpty());
  ASSERT_TRUE(life.partition->reset(nullptr));
  life.diary->throws_at = -1;
  life.step(2, true);
  EXPECT_THAT(life.handed_over, ElementsAre(1u));
}

TEST(Observers, WithoutSavedStateBeginAnew) {
  Life life({{0, 0, 1}, {0, 10, 2}}, false);
  life.step(1, false);
  life.partition->checkpoint();
  EXPECT_EQ(life.stored.windows[0], 2) << "as windows alone are saved, for versions before";
  life.crash();
  EXPECT_EQ(life.diary->digest, 0u);
  life.step(1, false);
  EXPECT_NE(life.diary->digest, 0u);
  EXPECT_THAT(life.handed_over, ElementsAre(1u));
  EXPECT_THAT(life.warnings, IsEmpty());
}

TEST(Observers, AStateOfNobodyHereIsLetGoWithAWord) {
  Life life({{0, 0, 1}, {0, 10, 2}});
  life.step(1, false);
  life.partition->checkpoint();
  life.crash(true, "another");
  EXPECT_THAT(life.warnings, ElementsAre(HasSubstr("\"diary\"")));
  EXPECT_EQ(life.diary->digest, 0u);
  life.crash(false);
  life.step(1, false);
  EXPECT_THAT(life.handed_over, ElementsAre(1u)) << "the windows are as they were";
}

TEST(Observers, StatesCutShortAreAnErrorAndNoOtherState) {
  Life life({{0, 0, 1}});
  life.step(1, false);
  life.partition->checkpoint();
  const PartitionState whole = life.stored;
  for (std::size_t size = 1; size < whole.windows.size(); ++size) {
    PartitionState cut = whole;
    cut.windows.resize(size);
    life.start();
    const bool has_begun = life.partition->begin(cut).has_value();
    EXPECT_TRUE(!has_begun || life.diary->digest == 0) << size;
  }
}

}  // namespace
}  // namespace observers_testing
}  // namespace slipstream
