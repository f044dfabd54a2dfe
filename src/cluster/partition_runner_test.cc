#include "cluster/partition_runner.h"

#include <gmock/gmock.h>

#include "cluster/fake_feed.h"

namespace slipstream::cluster_testing {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

class PartitionRunnerTest : public ClusterTest {
 protected:
  std::unique_ptr<PartitionRunner> make() {
    return std::make_unique<PartitionRunner>(std::make_unique<FakeFeed>(log, pool), parts, options,
                                             0, memory);
  }
  std::unique_ptr<PartitionRunner> begin() {
    auto runner = make();
    EXPECT_EQ(runner->begin(), FeedStatus::kWorked);
    log.calls.clear();
    return runner;
  }
  void answer(std::vector<FakeEntry> entries, bool is_full = false) {
    log.answers.push_back({.entries = std::move(entries), .is_full = is_full});
  }
};

TEST_F(PartitionRunnerTest, TheNextReadIsUnderWayAndTheNextCommitPutTogetherWhileTheLogWorks) {
  const auto runner = begin();
  answer({{1}, {2}}, true);
  answer({{3}});
  EXPECT_EQ(runner->step(), FeedStatus::kWorked);
  EXPECT_THAT(log.calls,
              ElementsAre("ask 1000", "read", "ask 1000", "take 1", "take 2", "stage 2"));
  EXPECT_EQ(log.acknowledged, 0u) << "the read that was under way does not take it along";
  log.calls.clear();
  EXPECT_EQ(runner->step(), FeedStatus::kWorked);
  answer({});
  EXPECT_EQ(runner->step(), FeedStatus::kWorked);
  EXPECT_THAT(log.calls, ElementsAre("read", "take 3", "ask 0 with commit", "read"));
  EXPECT_EQ(log.acknowledged, 2u);
}

TEST_F(PartitionRunnerTest, NewsAreWaitedForWhenAllIsCommittedAndNotLongWhileWindowsAreOpen) {
  const auto runner = begin();
  answer({{1}});
  answer({});
  runner->step();
  runner->step();
  EXPECT_TRUE(runner->is_well());
  log.calls.clear();
  EXPECT_EQ(runner->step(), FeedStatus::kIdle);
  EXPECT_THAT(log.calls, ElementsAre("ask 100"));
  EXPECT_EQ(log.acknowledged, 1u);
}

TEST_F(PartitionRunnerTest, ARollupGoesToTheStoreOnceItIsCommittedAndNotBefore) {
  auto runner = begin();
  answer({{1, "GR86-01", 1}, {2, "GR86-01", 2}});
  runner->step();
  log.answers.push_back({.status = FeedStatus::kLost});
  EXPECT_EQ(runner->step(), FeedStatus::kLost);
  EXPECT_EQ(runner->error(), "the log is away");
  EXPECT_THAT(store, IsEmpty());

  log.left = {{1, "GR86-01", 1}, {2, "GR86-01", 2}};
  runner = begin();
  EXPECT_THAT(store, ElementsAre(1));
  EXPECT_EQ(memory.rollups_seen, 1u);
  EXPECT_THAT(shown, ElementsAre(1, 2)) << "what was shown is not shown again";
}

TEST_F(PartitionRunnerTest, RollupsOfOwnersBeforeGoToTheStore) {
  const auto rollup = std::make_shared<Rollup>();
  rollup->sequence = 7;
  rollup->stored = true;
  log.stored.rollups = {rollup};
  const auto runner = begin();
  EXPECT_THAT(store, ElementsAre(7));
  answer({{1, "GR86-01", 1}, {2, "GR86-01", 2}});
  answer({});
  runner->step();
  runner->step();
  EXPECT_THAT(store, ElementsAre(7, 8)) << "numbers go on, though the checkpoint is gone";
  EXPECT_THAT(made_here, ElementsAre(8)) << "the owner before sends its own";
}

TEST_F(PartitionRunnerTest, AMarkGoesToTheStoreByItsNumberAmongTheRollupsOnceItIsCommitted) {
  auto runner = begin();
  answer({{1, "GR86-01", 1}, {2, "GR86-01", 2}, {.at = 3, .mark = "rain"}, {4, "GR86-01", 3}});
  runner->step();
  log.answers.push_back({.status = FeedStatus::kLost});
  EXPECT_EQ(runner->step(), FeedStatus::kLost);
  EXPECT_THAT(marks, IsEmpty());

  log.left = {{1, "GR86-01", 1}, {2, "GR86-01", 2}, {.at = 3, .mark = "rain"}, {4, "GR86-01", 3}};
  runner = begin();
  EXPECT_THAT(marks, ElementsAre("2 rain"));
  EXPECT_THAT(store, ElementsAre(1, 3)) << "no rollup has the mark's number";
  EXPECT_THAT(log.marks, SizeIs(1));
  EXPECT_EQ(memory.rollups_seen, 3u);
}

TEST_F(PartitionRunnerTest, MarksAloneAreCommittedAndAcknowledged) {
  const auto runner = begin();
  answer({{.at = 1, .mark = "rain"}, {.at = 2, .mark = "dry"}});
  answer({});
  runner->step();
  runner->step();
  EXPECT_THAT(marks, ElementsAre("1 rain", "2 dry"));
  EXPECT_EQ(log.acknowledged, 2u);
  EXPECT_EQ(memory.rollups_seen, 2u);
  EXPECT_TRUE(runner->is_well());
}

TEST_F(PartitionRunnerTest, ACopyOfAMarkIsForObserversAndTakesNoNumber) {
  const auto runner = begin();
  answer({{.at = 1, .mark = "rain", .is_copy = true}, {.at = 2, .mark = "dry"}});
  answer({});
  runner->step();
  runner->step();
  EXPECT_THAT(marks, ElementsAre("1 dry"));
  EXPECT_EQ(log.acknowledged, 2u);
}

TEST_F(PartitionRunnerTest, MarksOfOwnersBeforeGoToTheStore) {
  const auto rollup = std::make_shared<Rollup>();
  rollup->sequence = 8;
  rollup->stored = true;
  log.stored = {
      .rollups = {rollup},
      .marks = {{.mark = std::make_shared<const Mark>(Mark{.text = "rain"}), .sequence = 7}}};
  memory.rollups_seen = 6;
  const auto runner = begin();
  EXPECT_THAT(marks, ElementsAre("7 rain"));
  EXPECT_THAT(store, ElementsAre(8));
  answer({{.at = 1, .mark = "dry"}});
  answer({});
  runner->step();
  runner->step();
  EXPECT_THAT(marks, ElementsAre("7 rain", "9 dry")) << "numbers go on";
}

/// Writes down marks and points.
class MarksScribe final : public PartitionObserver, public ObserverState {
 public:
  MarksScribe(std::vector<std::string>& notes, bool has_state)
      : notes_(notes), has_state_(has_state) {}
  std::string_view name() const override { return has_state_ ? "scribe" : "onlooker"; }
  void observe(const PointBatch&, std::span<const Point> points) override {
    notes_.push_back(fmt::format("{} points", points.size()));
  }
  void observe_mark(const Mark& mark) override {
    if (mark.text == kPoison) throw std::runtime_error("a poisoned mark");
    notes_.push_back(mark.text);
  }
  void tick(SteadyTime) override {}
  void forget(std::uint32_t) override {}
  ObserverState* state() override { return has_state_ ? this : nullptr; }
  void save(std::string&) const override {}
  Result<void> restore(std::string_view) override { return {}; }
  void clear() override {}

 private:
  std::vector<std::string>& notes_;
  const bool has_state_;
};

class MarksObservedTest : public PartitionRunnerTest {
 protected:
  MarksObservedTest() {
    factory = [this](PartitionId) {
      PartitionObservers observers;
      observers.push_back(std::make_unique<MarksScribe>(with_state, true));
      observers.push_back(std::make_unique<MarksScribe>(onlooker, false));
      return observers;
    };
  }
  std::vector<std::string> with_state;
  std::vector<std::string> onlooker;
};

TEST_F(MarksObservedTest, InTheirPlaceAndByWhoLooksOnOnlyWhereTheyAreNew) {
  log.loaded.given_until = {1, 0};
  log.left = {{.at = 1, .mark = "old"}};
  const auto runner = begin();
  answer({{2}, {.at = 3, .mark = "rain"}, {4}, {.at = 5, .is_own = true, .mark = "ours"}});
  runner->step();
  EXPECT_THAT(with_state, ElementsAre("old", "1 points", "rain", "1 points", "ours"));
  EXPECT_THAT(onlooker, ElementsAre("1 points", "rain", "1 points"));
}

TEST_F(MarksObservedTest, OneThatEndsItsWorkerTwiceIsDead) {
  auto runner = begin();
  const std::vector<FakeEntry> entries = {{.at = 1, .mark = kPoison}, {.at = 2, .mark = "rain"}};
  answer(entries);
  EXPECT_EQ(runner->step(), FeedStatus::kLost);
  log.left = entries;
  int begins = 0;
  do {
    runner = make();
    ASSERT_LT(++begins, 10);
  } while (runner->begin() != FeedStatus::kWorked);
  ASSERT_THAT(log.dead, SizeIs(1));
  EXPECT_EQ(log.dead[0].message, "a poisoned mark");
  EXPECT_THAT(marks, ElementsAre("1 rain"));
}

TEST_F(PartitionRunnerTest, WhatWasGivenBeforeAndWhatWeWroteIsNotShown) {
  log.loaded.given_until = {5, 0};
  log.left = {{4}, {5}};
  const auto runner = begin();
  answer({{6}, {7, "GR86-01", 1, true}, {8}});
  runner->step();
  EXPECT_THAT(shown, ElementsAre(6, 8));
}

TEST_F(PartitionRunnerTest, EntriesThatThrowTwiceAreDeadHoweverManyTheyAre) {
  auto runner = begin();
  const std::vector<FakeEntry> entries = {{1}, {2, kPoison}, {3}, {4, kPoison}, {5}};
  answer(entries);
  EXPECT_EQ(runner->step(), FeedStatus::kLost);
  EXPECT_TRUE(memory.culprits.empty()) << "the first time says nothing";
  log.left = entries;
  int begins = 0;
  do {
    runner = make();
    ASSERT_LT(++begins, 10);
  } while (runner->begin() != FeedStatus::kWorked);
  EXPECT_EQ(begins, 3);
  ASSERT_THAT(log.dead, SizeIs(2));
  EXPECT_EQ(log.dead[0].at.high, 2u);
  EXPECT_EQ(log.dead[1].message, "a poisoned point");
  EXPECT_EQ(log.acknowledged, 5u);
  EXPECT_THAT(shown, ElementsAre(1, 3, 5));
  EXPECT_FALSE(memory.is_suspicious);
  EXPECT_THAT(memory.culprits, IsEmpty());
}

TEST_F(PartitionRunnerTest, TimePassesForWindowsOnlyWhenAllHasBeenRead) {
  const auto runner = begin();
  answer({{1}});
  runner->step();
  clock.advance(1'200 * kNsPerMs);
  answer({{.at = 2, .chassis = "GR86-02", .arrival_ms = 1'200}}, true);
  runner->step();
  EXPECT_EQ(pipeline_stats.windows[0].open_points.value(), 2);
  answer({});
  runner->step();
  EXPECT_EQ(pipeline_stats.windows[0].open_points.value(), 1) << "the first one is idle";
}

TEST_F(PartitionRunnerTest, AfterAStallSendersHaveTimeToBeHeardOfAgain) {
  const auto runner = begin();
  answer({{1}});
  runner->step();
  clock.advance(60'000 * kNsPerMs);
  answer({});
  runner->step();
  EXPECT_EQ(pipeline_stats.windows[0].open_points.value(), 1);
  for (int i = 0; i < 51; ++i) {
    clock.advance(100 * kNsPerMs);
    answer({});
    runner->step();
    EXPECT_EQ(pipeline_stats.windows[0].open_points.value(), i < 49 ? 1 : 0);
  }
}

TEST_F(PartitionRunnerTest, NothingIsAskedForWhileTheStoreHasNoRoom) {
  const auto runner = begin();
  room = false;
  EXPECT_EQ(runner->step(), FeedStatus::kIdle);
  EXPECT_THAT(log.calls, IsEmpty());
  room = true;
  answer({{1}}, true);
  runner->step();
  EXPECT_THAT(log.calls, Contains("ask 1000"));
}

TEST_F(PartitionRunnerTest, TheEndCommitsWhatIsFoldedAndClosesWhatIsOpenIfAsked) {
  auto runner = begin();
  answer({{1}});
  runner->step();
  EXPECT_EQ(runner->finish(false), FeedStatus::kWorked);
  EXPECT_EQ(log.acknowledged, 1u);
  EXPECT_THAT(log.rollups, IsEmpty());
  runner = begin();
  answer({{2}});
  runner->step();
  EXPECT_EQ(runner->finish(true), FeedStatus::kWorked);
  ASSERT_THAT(log.rollups, SizeIs(1));
}

TEST_F(PartitionRunnerTest, TheEndDoesNotWaitForNews) {
  const auto runner = begin();
  runner->step();
  EXPECT_THAT(log.calls, ElementsAre("ask 1000"));
  EXPECT_EQ(runner->finish(true), FeedStatus::kWorked);
  EXPECT_THAT(log.calls, ElementsAre("ask 1000"));
}

TEST_F(PartitionRunnerTest, WhatAFeedBringsLastHoldsAndNothingFollows) {
  const auto runner = begin();
  answer({{1}});
  runner->step();
  log.answers.push_back({.entries = {{2}}, .is_last = true});
  EXPECT_EQ(runner->step(), FeedStatus::kLost);
  EXPECT_EQ(log.acknowledged, 1u);
  EXPECT_FALSE(runner->is_well());
}

TEST_F(PartitionRunnerTest, WhatWasOpenedUnderOtherDefinitionsIsClosedAsItWasOpened) {
  // A checkpoint of the definitions before, as an owner leaves it.
  PartitionState left;
  {
    struct Collected final : OutputSink {
      bool has_room() const override { return true; }
      void accept(Output output) override { outputs.push_back(std::move(output)); }
      std::vector<Output> outputs;
    } collected;
    PipelineStats old_stats(1);
    Partition old(stream_partition(0),
                  {.clock = clock,
                   .ingest = ingest,
                   .stats = old_stats,
                   .schema = schema,
                   .accepted = *this,
                   .outputs = collected,
                   .definitions = laps("old"),
                   .checkpoint_interval_ms = 0,
                   .queue = {}},
                  {});
    FakeFeed feed(log, pool);
    bool has_any = false;
    log.left = {{1}, {2}};
    ASSERT_EQ(feed.take_over(has_any), FeedStatus::kWorked);
    EntryBatch entries;
    const Culprits none;
    for (LogOffset at = 0; feed.next(entries, {.culprits = &none}); ++at) {
      Work work{.offset = at, .batch = std::move(entries.batch)};
      old.process(work);
    }
    old.checkpoint();
    left.windows = collected.outputs.back().checkpoint->windows;
    left.series = collected.outputs.back().checkpoint->changed;
  }
  log.left.clear();
  log.loaded = {.state = left, .layout = to_text(laps("old"))};
  const auto runner = begin();
  ASSERT_THAT(log.rollups, SizeIs(1));
  EXPECT_EQ(log.rollups[0]->window, "old");
  EXPECT_EQ(log.rollups[0]->count, 2u);
  EXPECT_THAT(log.removed, ElementsAre(0)) << "its series are gone from the checkpoint";
  EXPECT_THAT(store, ElementsAre(1));
}

/// Counts points, and remembers how many over restarts.
class PointCount final : public PartitionObserver, public ObserverState {
 public:
  explicit PointCount(std::uint64_t& count) : count_(count) {}
  std::string_view name() const override { return "count"; }
  void observe(const PointBatch&, std::span<const Point> points) override {
    count_ += points.size();
  }
  void tick(SteadyTime) override {}
  void forget(std::uint32_t) override {}
  ObserverState* state() override { return this; }
  void save(std::string& out) const override { out = std::to_string(count_); }
  Result<void> restore(std::string_view bytes) override {
    count_ = std::stoull(std::string(bytes));
    return {};
  }
  void clear() override { count_ = 0; }

 private:
  std::uint64_t& count_;
};

TEST_F(PartitionRunnerTest, AnObserversStateGoesOnWithTheNextOwner) {
  std::uint64_t count = 0;
  parts.make_observers = [&](PartitionId id) {
    EXPECT_EQ(id, stream_partition(0));
    PartitionObservers observers;
    observers.push_back(std::make_unique<PointCount>(count));
    return observers;
  };
  {
    const auto runner = begin();
    answer({{1}, {2}});
    answer({});
    runner->step();
    runner->step();
    // These are folded, and not committed: the next owner gets them again.
    answer({{3}}, true);
    runner->step();
    EXPECT_EQ(count, 3u);
    EXPECT_EQ(log.acknowledged, 2u);
  }
  log.loaded = {.state = log.checkpoint, .layout = to_text(options.windows)};
  log.left = {{3}};
  log.answers.clear();
  const auto runner = begin();
  EXPECT_EQ(count, 3u) << "each point once";
  EXPECT_EQ(log.acknowledged, 3u);
}

}  // namespace
}  // namespace slipstream::cluster_testing
