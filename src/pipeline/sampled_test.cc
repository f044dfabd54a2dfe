// What is sampled leaves spans on its way through the journal and its partitions.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pipeline/journal_fixture.h"
#include "tracing/testing.h"

namespace slipstream {
namespace {

using journal_testing::JournalTest;
using journal_testing::kPartitions;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using tracing_testing::RecordedSpans;

class SampledTest : public JournalTest {
 protected:
  Body sampled_body(Durability durability = Durability::kFsynced) {
    Body given = body(durability);
    given.sampled = recorded_.tracer().begin();
    for (const auto& batch : given.batches) batch->sampled = given.sampled;
    return given;
  }

  RecordedSpans recorded_{clock_};
};

TEST_F(SampledTest, LogEndsWhenABodyIsAsDurableAsItsSenderAsked) {
  start();
  Body given = sampled_body();
  ASSERT_TRUE(journal_->offer_all(given));
  EXPECT_THAT(recorded_.names(), IsEmpty());
  clock_.advance(3 * kNsPerMs);
  ASSERT_TRUE(journal_->flush());
  ASSERT_THAT(recorded_.names(), ElementsAre("log"));
  const TraceSpan& span = recorded_.spans().front();
  EXPECT_EQ(span.times.end_ns - span.times.start_ns, 3 * kNsPerMs);
  EXPECT_EQ(span.error, "");
}

TEST_F(SampledTest, LogOfABatchThatNobodyWaitsForEndsWithItsWrite) {
  start({.flush_interval_ms = 10, .sync_interval_ms = 100});
  auto one = batch(1);
  one->sampled = recorded_.tracer().begin();
  ASSERT_TRUE(journal_->offer(one));
  poll_after(10);
  EXPECT_THAT(recorded_.names(), ElementsAre("log"));
  EXPECT_EQ(journal_->durable_offset(), 0u);
}

TEST_F(SampledTest, ALogThatFailsIsTold) {
  start();
  Body given = sampled_body();
  ASSERT_TRUE(journal_->offer_all(given));
  files_.set_faults({.failed_syncs = 100});
  poll_after(10);
  ASSERT_THAT(recorded_.names(), ElementsAre("log"));
  EXPECT_NE(recorded_.spans().front().error, "");
}

TEST_F(SampledTest, EachPartitionFoldsItsShareAndHandsTheTraceOnWithItsCheckpoint) {
  start();
  Body given = sampled_body();
  const SampledTracePtr sampled = given.sampled;
  ASSERT_TRUE(journal_->offer_all(given));
  fold();
  ASSERT_THAT(recorded_.names(), ElementsAre("fold", "fold", "fold"));
  std::set<std::int64_t> partitions;
  for (const TraceSpan& span : recorded_.spans()) {
    for (const auto& [name, value] : span.attributes) {
      if (name == kPartitionAttribute) partitions.insert(std::get<std::int64_t>(value));
    }
  }
  EXPECT_THAT(partitions, SizeIs(kPartitions));
  fold();  // whose turn is over by then tells its checkpoint
  EXPECT_THAT(outputs_.sampled, SizeIs(kPartitions));
  EXPECT_THAT(outputs_.sampled, testing::Each(sampled));
}

TEST_F(SampledTest, WhatIsReadBackFromTheLogLeavesNone) {
  start();
  Body given = sampled_body();
  ASSERT_TRUE(journal_->offer_all(given));
  ASSERT_TRUE(journal_->flush());
  const std::size_t before = recorded_.spans().size();
  BatchPool pool;
  std::size_t points = 0;
  ASSERT_TRUE(replay_log(*log_, 0, log_->synced_offset(), schema_, pool,
                         {.work =
                              [&](const LogWork& item) {
                                if (!item.work.batch) return;
                                points += item.work.batch->points.size();
                                EXPECT_EQ(item.work.batch->sampled, nullptr);
                              },
                          .gap = [](LogOffset, LogOffset) {}}));
  EXPECT_EQ(points, kPartitions);
  EXPECT_EQ(recorded_.spans().size(), before);
}

TEST_F(SampledTest, ABatchThatIsUsedAgainIsNoPartOfItsLastTrace) {
  BatchPool pool;
  auto one = batch(0);
  one->sampled = recorded_.tracer().begin();
  pool.put(std::move(one));
  EXPECT_EQ(pool.get()->sampled, nullptr);
}

}  // namespace
}  // namespace slipstream
