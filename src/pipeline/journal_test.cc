#include "pipeline/journal.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <stdexcept>
#include <tuple>

#include "pipeline/journal_fixture.h"
#include "pipeline/supervisor.h"

namespace slipstream {
namespace {

using journal_testing::JournalTest;
using journal_testing::kPartitions;

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using testing::StartsWith;

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

TEST_F(JournalTest, WhatNobodyWaitsForIsWrittenSoonAndSyncedLater) {
  start({.flush_interval_ms = 10, .sync_interval_ms = 100});
  offer(0);
  journal_->poll(1);
  for (int i = 0; i < 9; ++i) {
    offer(1);
    poll_after(10);
  }
  EXPECT_EQ(journal_->stats().appended_blocks.value(), 10u) << "a kill costs none of them";
  EXPECT_EQ(log_->next_offset(), journal_->next_offset());
  EXPECT_EQ(journal_->durable_offset(), 0u);
  EXPECT_EQ(*wait_for(journal_->next_offset(), Durability::kLogged), 1) << "it is logged already";
  EXPECT_EQ(durable_moved_, 0);
  poll_after(10);
  EXPECT_EQ(journal_->durable_offset(), journal_->next_offset());
  EXPECT_EQ(durable_moved_, 1);
  EXPECT_EQ(journal_->stats().fsync.count(), 1u);
  EXPECT_EQ(journal_->stats().backlog_bytes.value(), 0);
}

TEST_F(JournalTest, NothingIsWrittenForWindowsThatCannotBeOpen) {
  start({.flush_interval_ms = 10, .sync_interval_ms = 200});
  for (int second = 0; second < 120; ++second) poll_after(1'000);
  EXPECT_EQ(journal_->next_offset(), 0u) << "the log was empty, and nothing came";
  offer(0);
  poll_after(10);
  const LogOffset with_point = journal_->next_offset();
  for (int i = 0; i < 20; ++i) poll_after(50);
  EXPECT_GT(journal_->next_offset(), with_point) << "ticks for what the point has opened";
}

TEST_F(JournalTest, WhoWaitsGetsASyncWheneverHeAsks) {
  start({.flush_interval_ms = 10, .sync_interval_ms = 60'000});
  Body cheap = body(Durability::kLogged);
  const auto offset = journal_->offer_all(cheap);
  ASSERT_TRUE(offset);
  journal_->poll(1);
  EXPECT_EQ(journal_->durable_offset(), 0u);
  const int* const later = wait_for(*offset, Durability::kFsynced);
  EXPECT_EQ(*later, 0);
  journal_->poll(1);
  EXPECT_EQ(*later, 1);
  Body dear = body(Durability::kFsynced);
  ASSERT_TRUE(journal_->offer_all(dear));
  poll_after(10);
  EXPECT_EQ(journal_->durable_offset(), journal_->next_offset()) << "before its sender asks";
}

TEST_F(JournalTest, AfterAFailedSyncAllThatWasNotSyncedIsWrittenAgain) {
  start({.flush_interval_ms = 10, .sync_interval_ms = 200});
  for (std::uint32_t i = 0; i < 5; ++i) {
    offer(i % kPartitions, 2);
    poll_after(10);
  }
  offer(0);
  files_.set_faults({.failed_syncs = 100, .failed_sync_loses_pages = true});
  poll_after(200);
  EXPECT_EQ(journal_->stats().failing.value(), 1);
  EXPECT_EQ(journal_->durable_offset(), 0u);
  files_.set_faults({});
  offer(1);
  poll_after(1'000);
  EXPECT_EQ(journal_->stats().failing.value(), 0);
  ASSERT_TRUE(journal_->flush());
  files_.crash();
  ASSERT_NO_FATAL_FAILURE(start());
  EXPECT_EQ(logged().points, 12u);
  EXPECT_THAT(logged().gaps, IsEmpty());
}

TEST_F(JournalTest, WhatTheLogSyncedWithASegmentsEndIsNotWrittenTwice) {
  start({.flush_interval_ms = 10, .sync_interval_ms = 60'000}, 1);
  offer(0, 2);
  journal_->poll(1);
  const LogOffset first_end = journal_->next_offset();
  EXPECT_EQ(journal_->durable_offset(), 0u);
  files_.set_faults({.failed_creates = 100});  // the next segment's: the one before is synced
  offer(1, 3);
  poll_after(10);
  EXPECT_EQ(journal_->stats().failing.value(), 1);
  EXPECT_EQ(journal_->durable_offset(), log_->synced_offset());
  EXPECT_EQ(journal_->durable_offset(), first_end);
  files_.set_faults({});
  poll_after(1'000);
  EXPECT_EQ(journal_->stats().failing.value(), 0);
  ASSERT_TRUE(journal_->flush());
  EXPECT_EQ(logged().points, 5u);
}

TEST_F(JournalTest, ABlockIsRefusedWithoutThoseThatAreWrittenAndNotSynced) {
  start({.flush_interval_ms = 10, .sync_interval_ms = 60'000});
  offer(0, 2);
  journal_->poll(1);
  fussy_->refuses = 1;
  offer(1, 3);
  poll_after(10);
  offer(2, 4);
  poll_after(10);
  ASSERT_TRUE(journal_->flush());
  EXPECT_EQ(journal_->stats().refused_points.value(), 3u);
  EXPECT_THAT(dead_, SizeIs(1));
  EXPECT_EQ(logged().points, 6u);
}

TEST_F(JournalTest, OfSeveralBatchesThoseAreTakenThatThereIsRoomFor) {
  start({.max_backlog_bytes = 3'000});
  std::vector<PointBatchPtr> batches;
  batches.push_back(batch(0));
  batches.push_back(batch(1, 500));
  batches.push_back(batch(2));
  journal_->offer_each(batches);
  EXPECT_EQ(batches[0], nullptr);
  EXPECT_NE(batches[1], nullptr);
  EXPECT_EQ(batches[2], nullptr);
  EXPECT_EQ(journal_->next_offset(), 2u);
}

TEST_F(JournalTest, ALargeBatchThatIsNotTakenLeavesNothingBehind) {
  start({.max_backlog_bytes = 60'000, .block_bytes = 3'000});
  std::vector<PointBatchPtr> batches;
  batches.push_back(batch(1, 100));
  batches.push_back(batch(0, 500));
  batches.push_back(batch(2, 2));
  journal_->offer_each(batches);
  EXPECT_EQ(batches[0], nullptr);
  ASSERT_NE(batches[1], nullptr) << "there is no room for it";
  EXPECT_EQ(batches[2], nullptr);
  ASSERT_TRUE(journal_->flush());
  EXPECT_EQ(logged().points, 102u);
}

TEST_F(JournalTest, ALongBacklogIsSyncedBeforeMoreIsRefused) {
  start({.flush_interval_ms = 10, .sync_interval_ms = 60'000, .max_backlog_bytes = 40'000});
  for (std::uint32_t i = 0; i < 100; ++i) {
    auto one = batch(i % kPartitions, 10);
    ASSERT_TRUE(journal_->offer(one)) << i;
    fold();
    poll_after(10);
  }
  EXPECT_GT(journal_->durable_offset(), 900u);
}

TEST_F(JournalTest, SyncsAreAnIntervalApartAndTakeAllThatCame) {
  start({.flush_interval_ms = 10, .sync_interval_ms = 0});
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

TEST_F(JournalTest, AClockThatIsSetBackOrForwardStopsNothing) {
  start({.flush_interval_ms = 10, .sync_interval_ms = 0});
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
