// Bodies and blocks: what is too large for one, what the log refuses, what may wait.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pipeline/journal_fixture.h"

namespace slipstream {
namespace {

using journal_testing::JournalTest;
using journal_testing::kPartitions;
using testing::Contains;
using testing::SizeIs;
using testing::StartsWith;

TEST_F(JournalTest, ALargeBodyIsInSeveralBlocksAndThereAsAWhole) {
  start({.block_bytes = 4'000});
  Body large{.batches = {}, .durability = Durability::kFsynced};
  for (std::uint32_t p = 0; p < kPartitions; ++p) large.batches.push_back(batch(p, 200));
  Body small = body();
  ASSERT_TRUE(journal_->offer_all(small));
  const auto offset = journal_->offer_all(large);
  ASSERT_TRUE(offset);
  const int* const answer = wait_for(*offset, Durability::kFsynced);
  ASSERT_TRUE(journal_->flush());
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
    Journal journal(opened->get(), *pipeline_, parts(), {.block_bytes = 2'000},
                    [](const std::string&) {});
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

}  // namespace
}  // namespace slipstream
