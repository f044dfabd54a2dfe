#include "pipeline/journal.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <stdexcept>
#include <tuple>

#include "log/segment_log.h"
#include "log/testing.h"
#include "pipeline/supervisor.h"

namespace slipstream {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using testing::StartsWith;

struct Outputs final : AcceptedSink, OutputSink {
  void accept(PointBatchPtr batch) override { broadcast += batch->points.size(); }
  bool has_room() const override { return true; }
  void accept(Output output) override {
    for (const auto& rollup : output.rollups) counts[rollup->window] += rollup->count;
    for (const auto& key : output.keys) keys.push_back(key.key);
    for (const auto& dead : output.dead) dead_ranges.push_back(dead);
  }
  std::size_t broadcast = 0;
  std::map<std::string, std::uint64_t> counts;
  std::vector<std::string> keys;
  std::vector<DeadRange> dead_ranges;
};

struct NoSectors final : SectorMap {
  std::int32_t sector_at(std::string_view, double) const override { return 4; }
};

constexpr std::uint32_t kPartitions = 3;

/// The log that a test has opened, but that it refuses a block or two for what they are.
class FussyLog final : public Log {
 public:
  explicit FussyLog(SegmentLog& log) : log_(log) {}
  std::uint64_t first_offset() const override { return log_.first_offset(); }
  std::uint64_t next_offset() const override { return log_.next_offset(); }
  std::uint64_t synced_offset() const override { return log_.synced_offset(); }
  Result<void> append(const LogBlock& block) override {
    if (refuses == 0 || --refuses > 0) return log_.append(block);
    static const std::string kTooLarge((std::size_t{64} << 20) + 1, 'x');
    LogBlock refused = block;
    refused.payload = kTooLarge;
    return log_.append(refused);
  }
  Result<void> sync() override { return log_.sync(); }
  Result<std::unique_ptr<LogReader>> read_from(std::uint64_t offset) override {
    return log_.read_from(offset);
  }
  Result<std::size_t> retain(std::uint64_t protect_offset, std::int64_t now_ns) override {
    return log_.retain(protect_offset, now_ns);
  }

  int refuses = 0;  ///< the next but so many
 private:
  SegmentLog& log_;
};

/// A journal on a log in memory, stepped by hand.
class JournalTest : public testing::Test {
 protected:
  void start(JournalOptions options = {}) {
    auto log = SegmentLog::open(files_, "/log", {.clock = &clock_});
    ASSERT_TRUE(log) << log.error().message;
    log_ = std::move(*log);
    fussy_ = std::make_unique<FussyLog>(*log_);
    pipeline_ = make_pipeline();
    journal_ = std::make_unique<Journal>(
        fussy_.get(), *pipeline_,
        Journal::Parts{
            .outputs = outputs_,
            .sectors = sectors_,
            .schema = schema_,
            .ingest = ingest_,
            .clock = clock_,
            .stats = stats_,
            .definitions = definitions_,
            .needed_from = [] { return LogOffset{0}; },
            .dead = [this](LogOffset base, std::string_view payload,
                           const std::string&) { dead_.emplace_back(base, payload.size()); }},
        options, [this](const std::string& text) { warnings_.push_back(text); });
  }
  std::unique_ptr<Pipeline> make_pipeline() {
    return std::make_unique<Pipeline>(PipelineOptions{.partitions = kPartitions, .workers = 1},
                                      PartitionContext{.clock = clock_,
                                                       .ingest = ingest_,
                                                       .stats = stats_,
                                                       .schema = schema_,
                                                       .accepted = outputs_,
                                                       .outputs = outputs_,
                                                       .definitions = definitions_,
                                                       .queue = {}},
                                      [](std::uint32_t) { return nullptr; });
  }
  PointBatchPtr batch(std::uint32_t partition, std::size_t points = 1) {
    auto batch = std::make_unique<PointBatch>();
    batch->partition = partition;
    batch->text = "cotacar";
    for (std::size_t i = 0; i < points; ++i) {
      Point& point = batch->points.emplace_back();
      point.track = {0, 4};
      point.chassis = {4, 3};
      point.series_hash = series_hash("cota", "car");
      point.event_time = {clock_.now().ns};
      point.arrival_time = clock_.now();
      point.source = SourceKind::kHttp;
    }
    return batch;
  }
  Body body(Durability durability = Durability::kFsynced) {
    Body body{.batches = {}, .durability = durability};
    for (std::uint32_t p = 0; p < kPartitions; ++p) body.batches.push_back(batch(p));
    return body;
  }
  /// 0: not yet; 1: durable; -1: told that it is not.
  int* wait_for(LogOffset offset, Durability durability) {
    int* const answer = &answers_.emplace_back(0);
    journal_->when_durable(offset, durability, [answer](bool ok) { *answer = ok ? 1 : -1; });
    return answer;
  }
  struct Logged {
    std::uint64_t points = 0;
    std::vector<std::pair<LogOffset, LogOffset>> gaps;
  };
  Logged logged() {
    Logged found;
    BatchPool pool;
    EXPECT_TRUE(replay_log(
        *log_, 0, log_->synced_offset(), schema_, pool,
        {.work = [&](const LogWork& item) { found.points += item.partition ? item.work.count : 0; },
         .gap = [&](LogOffset from, LogOffset to) { found.gaps.emplace_back(from, to); }}));
    return found;
  }
  void fold() {
    for (auto& worker : pipeline_->workers()) {
      while (worker->poll(16) > 0) {
      }
    }
  }

  ManualClock clock_{1'757'000'000 * kNsPerSecond};
  log_testing::FaultyFileSystem files_;
  IngestStats ingest_;
  PipelineStats stats_{3};
  Schema schema_;
  NoSectors sectors_;
  Outputs outputs_;
  const std::vector<WindowDefinition> definitions_ = default_windows();
  std::vector<std::string> warnings_;
  std::deque<int> answers_;
  std::unique_ptr<SegmentLog> log_;
  std::unique_ptr<FussyLog> fussy_;
  std::vector<std::pair<LogOffset, std::size_t>> dead_;
  std::unique_ptr<Pipeline> pipeline_;
  std::unique_ptr<Journal> journal_;
};

TEST_F(JournalTest, AnAcknowledgementWaitsForWhatItAskedFor) {
  start();
  auto first = batch(0);
  ASSERT_TRUE(journal_->offer(first));
  ASSERT_TRUE(journal_->flush()) << "its file is there";
  Body given = body();
  const auto offset = journal_->offer_all(given);
  ASSERT_TRUE(offset);
  EXPECT_EQ(*offset, 4u);
  EXPECT_EQ(*wait_for(*offset, Durability::kReceived), 1);
  const int* const logged = wait_for(*offset, Durability::kLogged);
  const int* const synced = wait_for(*offset, Durability::kFsynced);
  EXPECT_EQ(*logged, 0);
  files_.set_faults({.failed_syncs = 100});
  clock_.advance(10 * kNsPerMs);
  journal_->poll(1);
  EXPECT_EQ(*logged, 1);
  EXPECT_EQ(*synced, -1) << "the sync failed";
  files_.set_faults({});
  clock_.advance(kNsPerSecond);
  const int* const again = wait_for(*offset, Durability::kFsynced);
  EXPECT_EQ(*again, -1) << "while the log fails nobody is kept waiting";
  journal_->poll(1);
  EXPECT_EQ(*wait_for(*offset, Durability::kFsynced), 1);
  EXPECT_GE(log_->synced_offset(), *offset);
}

TEST_F(JournalTest, SyncsAreAnIntervalApartAndTakeAllThatCame) {
  start({.flush_interval_ms = 10});
  Body first = body();
  ASSERT_TRUE(journal_->offer_all(first));
  EXPECT_EQ(journal_->poll(1), 1u) << "after silence at once";
  clock_.advance(5 * kNsPerMs);
  for (int i = 0; i < 4; ++i) {
    auto one = batch(0);
    ASSERT_TRUE(journal_->offer(one));
  }
  EXPECT_EQ(journal_->poll(1), 0u);
  clock_.advance(5 * kNsPerMs);
  EXPECT_EQ(journal_->poll(1), 1u);
  EXPECT_EQ(journal_->stats().appended_blocks.value(), 2u);
  EXPECT_EQ(journal_->durable_offset(), journal_->next_offset());
}

TEST_F(JournalTest, ALargeBodyIsInSeveralBlocksAndThereAsAWhole) {
  start({.block_bytes = 4'000});
  Body large{.batches = {}, .durability = Durability::kFsynced};
  for (std::uint32_t p = 0; p < kPartitions; ++p) large.batches.push_back(batch(p, 200));
  Body small = body();
  ASSERT_TRUE(journal_->offer_all(small));
  const auto offset = journal_->offer_all(large);
  ASSERT_TRUE(offset);
  const int* const answer = wait_for(*offset, Durability::kFsynced);
  EXPECT_EQ(journal_->poll(1), 1u);
  EXPECT_EQ(*answer, 1);
  EXPECT_GT(journal_->stats().appended_blocks.value(), 10u);
  EXPECT_EQ(logged().points, 603u);
  Body next = body();
  ASSERT_TRUE(journal_->offer_all(next));
  ASSERT_TRUE(journal_->flush());
  EXPECT_EQ(logged().points, 606u);
}

TEST_F(JournalTest, OfALargeBodyThatIsCutOffNothingIsThere) {
  for (unsigned seed = 1; seed < 40; ++seed) {
    SCOPED_TRACE(seed);
    journal_.reset();
    log_.reset();
    log_testing::FaultyFileSystem files(seed);
    auto opened = SegmentLog::open(files, "/log", {.clock = &clock_});
    ASSERT_TRUE(opened);
    pipeline_ = make_pipeline();
    Journal journal(opened->get(), *pipeline_,
                    {.outputs = outputs_,
                     .sectors = sectors_,
                     .schema = schema_,
                     .ingest = ingest_,
                     .clock = clock_,
                     .stats = stats_,
                     .definitions = definitions_,
                     .needed_from = [] { return LogOffset{0}; }},
                    {.block_bytes = 2'000}, [](const std::string&) {});
    Body small = body();
    ASSERT_TRUE(journal.offer_all(small));
    ASSERT_TRUE(journal.flush());
    Body large{.batches = {}, .durability = Durability::kReceived};
    for (std::uint32_t p = 0; p < kPartitions; ++p) large.batches.push_back(batch(p, 100));
    ASSERT_TRUE(journal.offer_all(large));
    files.set_faults({.failed_syncs = 100});
    EXPECT_FALSE(journal.flush());
    files.crash();
    opened->reset();
    files.set_faults({});
    opened = SegmentLog::open(files, "/log", {.clock = &clock_});
    ASSERT_TRUE(opened);
    log_ = std::move(*opened);
    const std::uint64_t points = logged().points;
    EXPECT_TRUE(points == 3 || points == 303) << points;
    log_.reset();
  }
}

TEST_F(JournalTest, AClockThatIsSetBackOrForwardStopsNothing) {
  start({.flush_interval_ms = 10});
  for (const std::int64_t step_s : {-15, -86'400, 86'400, -900}) {
    SCOPED_TRACE(step_s);
    clock_.step(step_s * kNsPerSecond);
    Body given = body();
    const auto offset = journal_->offer_all(given);
    ASSERT_TRUE(offset);
    const int* const answer = wait_for(*offset, Durability::kFsynced);
    clock_.advance(10 * kNsPerMs);
    journal_->poll(1);
    EXPECT_EQ(*answer, 1);
    files_.set_faults({.failed_writes = 100});
    auto waiting = batch(0);
    ASSERT_TRUE(journal_->offer(waiting));
    clock_.advance(10 * kNsPerMs);
    journal_->poll(1);
    files_.set_faults({});
    clock_.step(-step_s * kNsPerSecond / 2);
    clock_.advance(kNsPerSecond);
    journal_->poll(1);
    EXPECT_EQ(journal_->stats().failing.value(), 0) << "it is tried again after a second";
    clock_.advance(10 * kNsPerMs);
    journal_->poll(1);
    EXPECT_EQ(journal_->durable_offset(), journal_->next_offset());
  }
}

TEST_F(JournalTest, WhatTheLogRefusesForWhatItIsGoesToTheDeadLettersAndStopsNothing) {
  start({.block_bytes = 4'000});
  Body before = body();
  ASSERT_TRUE(journal_->offer_all(before));
  ASSERT_TRUE(journal_->flush());
  for (int refused_block = 1; refused_block <= 3; ++refused_block) {
    fussy_->refuses = refused_block;
    Body large{.batches = {}, .durability = Durability::kFsynced};
    for (std::uint32_t p = 0; p < kPartitions; ++p) large.batches.push_back(batch(p, 50));
    const auto offset = journal_->offer_all(large);
    ASSERT_TRUE(offset);
    const int* const refused = wait_for(*offset, Durability::kFsynced);
    Body after = body();
    const auto offset_after = journal_->offer_all(after);
    ASSERT_TRUE(offset_after);
    const int* const taken = wait_for(*offset_after, Durability::kFsynced);
    EXPECT_TRUE(journal_->flush());
    EXPECT_EQ(*refused, -1);
    EXPECT_EQ(*taken, 1) << "what comes behind it is taken";
    EXPECT_EQ(*wait_for(*offset, Durability::kFsynced), -1) << "asked again, it is no other answer";
    EXPECT_EQ(journal_->stats().refused_points.value(), 150u * refused_block);
    EXPECT_EQ(journal_->stats().failing.value(), 0);
    EXPECT_EQ(journal_->durable_offset(), journal_->next_offset());
    EXPECT_EQ(logged().points, 3u + 3u * refused_block);
    EXPECT_THAT(logged().gaps, SizeIs(refused_block)) << "a restart passes over them";
  }
  EXPECT_GE(dead_.size(), 9u);
  EXPECT_THAT(warnings_, Contains(StartsWith("the log refuses 150 points for what they are")));
}

TEST_F(JournalTest, ABodyCountsInWhatMayWaitBeforeItIsTaken) {
  start({.max_backlog_bytes = 20'000});
  files_.set_faults({.disk_bytes = 10});
  Body first = body(Durability::kReceived);
  ASSERT_TRUE(journal_->offer_all(first));
  journal_->poll(1);
  Body large{.batches = {}, .durability = Durability::kReceived};
  large.batches.push_back(batch(0, 400));
  EXPECT_LT(journal_->room_bytes(), large.batches.front()->bytes());
  EXPECT_EQ(journal_->offer_all(large).error(), Refusal::kFull);
  Body small = body(Durability::kReceived);
  EXPECT_TRUE(journal_->offer_all(small));
  EXPECT_LE(journal_->stats().backlog_bytes.value(), 20'000);
}

TEST_F(JournalTest, FullDiskRefusesBodiesFoldsOnAndLosesNothingAccepted) {
  start({.max_backlog_bytes = 50'000});
  files_.set_faults({.disk_bytes = 10});
  Body before = body();
  const auto offset = journal_->offer_all(before);
  ASSERT_TRUE(offset);
  const int* const waiting = wait_for(*offset, Durability::kFsynced);
  journal_->poll(1);
  EXPECT_EQ(*waiting, -1);
  EXPECT_EQ(journal_->stats().failing.value(), 1);
  Body refused = body();
  EXPECT_EQ(journal_->offer_all(refused).error(), Refusal::kLogUnavailable);
  EXPECT_THAT(refused.batches, SizeIs(3)) << "nothing was taken";
  Body content_with_less = body(Durability::kReceived);
  EXPECT_TRUE(journal_->offer_all(content_with_less));
  std::size_t accepted = 6;
  for (auto more = batch(1, 10); journal_->offer(more); more = batch(1, 10)) accepted += 10;
  EXPECT_LT(accepted, 2'000u) << "what waits is bounded";
  fold();
  EXPECT_EQ(outputs_.broadcast, accepted);

  files_.set_faults({});
  clock_.advance(kNsPerSecond);
  journal_->poll(1);
  EXPECT_EQ(journal_->stats().failing.value(), 0);
  EXPECT_TRUE(journal_->flush());
  EXPECT_THAT(warnings_, SizeIs(2));
  std::uint64_t logged = 0;
  BatchPool pool;
  const auto count = [&](const LogWork& item) { logged += item.partition ? item.work.count : 0; };
  ASSERT_TRUE(replay_log(*log_, 0, journal_->next_offset(), schema_, pool, {.work = count}));
  EXPECT_EQ(logged, accepted);
}

TEST_F(JournalTest, ABodyAndItsKeyAreInTheLogTogetherOrNotAtAll) {
  start();
  const AnsweredKey key{"key", clock_.now(), 200, "answer"};
  Body given = body();
  given.key = &key;
  ASSERT_TRUE(journal_->offer_all(given));
  EXPECT_THAT(outputs_.keys, ElementsAre("key"));
  journal_->flush();
  BatchPool pool;
  const auto read =
      replay_log(*log_, 0, journal_->next_offset(), schema_, pool, {.work = [](const LogWork&) {}});
  ASSERT_TRUE(read);
  EXPECT_EQ(read->points, 3u);
  ASSERT_THAT(read->keys, SizeIs(1));
  EXPECT_EQ(read->keys[0].answer, "answer");
  EXPECT_EQ(journal_->stats().appended_blocks.value(), 1u);
}

TEST_F(JournalTest, TicksAreInTheLogAndStopWhenNothingIsOpen) {
  start();
  auto one = batch(0);
  ASSERT_TRUE(journal_->offer(one));
  for (int i = 0; i < 100; ++i) {
    clock_.advance(50 * kNsPerMs);
    journal_->poll(1);
    fold();
  }
  EXPECT_EQ(outputs_.counts["bucket"], 1u) << "closed as idle";
  for (int i = 0; i < 200; ++i) {
    clock_.advance(500 * kNsPerMs);
    journal_->poll(1);
    fold();
  }
  EXPECT_EQ(outputs_.counts["sector"], 1u) << "closed as idle, after a minute";
  const LogOffset quiet = journal_->next_offset();
  clock_.advance(10 * kNsPerSecond);
  journal_->poll(1);
  EXPECT_EQ(journal_->next_offset(), quiet);
}

TEST_F(JournalTest, NothingComesInTheLogBehindTheLastClose) {
  start();
  auto some = batch(0, 3);
  ASSERT_TRUE(journal_->offer(some));
  journal_->close_windows();
  const LogOffset end = journal_->next_offset();
  for (int i = 0; i < 20; ++i) {
    clock_.advance(kNsPerSecond);
    journal_->poll(1);
  }
  fold();
  EXPECT_EQ(journal_->next_offset(), end);
  EXPECT_EQ(log_->next_offset(), end);
}

TEST_F(JournalTest, ReplayGivesTheRollupsOfTheFirstTime) {
  start();
  for (int i = 0; i < 300; ++i) {
    for (std::uint32_t p = 0; p < kPartitions; ++p) {
      auto some = batch(p, 7);
      ASSERT_TRUE(journal_->offer(some));
    }
    clock_.advance((i % 50 == 0 ? 3'000 : 40) * kNsPerMs);
    journal_->poll(1);
  }
  journal_->close_windows();
  fold();
  ASSERT_TRUE(journal_->flush());
  const auto first = outputs_.counts;
  outputs_.counts.clear();

  const auto again = make_pipeline();
  BatchPool pool;
  Supervisor supervisor({.log = log_.get(),
                         .schema = schema_,
                         .pool = pool,
                         .outputs = outputs_,
                         .load = nullptr,
                         .dead_letters = nullptr,
                         .warn = nullptr},
                        {});
  std::vector<Partition*> partitions;
  for (std::uint32_t p = 0; p < kPartitions; ++p) partitions.push_back(&again->partition(p));
  const auto summary = supervisor.recover(partitions, log_->next_offset(), nullptr);
  ASSERT_TRUE(summary);
  EXPECT_THAT(summary->lost, IsEmpty());
  EXPECT_EQ(outputs_.counts, first);
}

TEST_F(JournalTest, AReplayThatReadsAheadMeetsTheSameInTheSameOrder) {
  start();
  for (int i = 0; i < 400; ++i) {
    const AnsweredKey key{fmt::format("key-{}", i), clock_.now(), 200, "answer"};
    Body given = body();
    if (i % 10 == 0) given.key = &key;
    ASSERT_TRUE(journal_->offer_all(given));
    clock_.advance(40 * kNsPerMs);
    journal_->poll(1);
  }
  ASSERT_TRUE(journal_->flush());
  const std::string file = "/log/00000000000000000000.slog";
  files_.flip(file, files_.content(file).size() / 2);
  const auto met = [&](ReadAhead ahead) {
    std::vector<std::string> all;
    BatchPool pool;
    const auto read = replay_log(
        *log_, 5, journal_->next_offset() - 5, schema_, pool,
        {.work =
             [&](const LogWork& item) {
               all.push_back(fmt::format("{} {} {} {}", item.partition.value_or(99),
                                         item.work.offset, item.work.count, item.work.time.ns));
             },
         .key = [&](const AnsweredKey& key,
                    LogOffset end) { all.push_back(fmt::format("{} {}", key.key, end)); },
         .gap = [&](LogOffset from,
                    LogOffset to) { all.push_back(fmt::format("gap {} {}", from, to)); }},
        ahead);
    EXPECT_TRUE(read);
    EXPECT_THAT(read->lost, SizeIs(1));
    all.push_back(fmt::format("{} points, {} keys", read->points, read->keys.size()));
    return all;
  };
  const auto expected = met(ReadAhead::kNo);
  EXPECT_THAT(expected, Contains(StartsWith("gap")));
  EXPECT_EQ(met(ReadAhead::kYes), expected);
}

TEST_F(JournalTest, AReplayThatReadsAheadEndsWithWhoTakesFromIt) {
  start();
  for (int i = 0; i < 400; ++i) {
    Body given = body();
    ASSERT_TRUE(journal_->offer_all(given));
    ASSERT_TRUE(journal_->flush());
  }
  BatchPool pool;
  int taken = 0;
  const auto take = [&](const LogWork&) {
    if (++taken == 3) throw std::runtime_error("enough");
  };
  EXPECT_THROW(std::ignore = replay_log(*log_, 0, journal_->next_offset(), schema_, pool,
                                        {.work = take}, ReadAhead::kYes),
               std::runtime_error);
  EXPECT_EQ(taken, 3);
}

}  // namespace
}  // namespace slipstream
