#include "store/store_writer.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "store/store_fixture.h"

namespace slipstream {
namespace {

using testing::SizeIs;

class StoreWriterTest : public RollupStoreTest, protected RollupSink {
 protected:
  void SetUp() override {
    RollupStoreTest::SetUp();
    store_ = open();
    writer_ = std::make_unique<StoreWriter>(
        *store_, std::vector<RollupSink*>{this}, clock_,
        [this](const std::string& w) { warnings_.push_back(w); },
        StoreWriterOptions{.queue_bytes = 4'000, .commit_interval_ms = 0});
    writer_->begin([this] { return durable_; }, {});
  }
  void accept(const RollupBatch& rollups, std::span<const RollupRow> rows) override {
    for (const auto& r : rollups) passed_on_.push_back(r->sequence);
    rows_.insert(rows_.end(), rows.begin(), rows.end());
  }
  RollupPtr numbered(std::uint8_t id, std::uint64_t sequence, bool stored = true) {
    auto r = std::make_shared<Rollup>(*rollup(id, id));
    r->sequence = sequence;
    r->stored = stored;
    return r;
  }
  std::size_t stored() { return store_->query({})->rollups.size(); }

  std::unique_ptr<RollupStore> store_;
  ManualClock clock_{kNsPerSecond};
  LogOffset durable_ = 0;
  std::vector<std::string> warnings_;
  std::vector<std::uint64_t> passed_on_;
  std::vector<RollupRow> rows_;
  std::unique_ptr<StoreWriter> writer_;
};

TEST_F(StoreWriterTest, NothingIsCommittedBeforeTheLogIsDurableUpToIt) {
  writer_->accept(
      {.partition = embedded_partition(0), .position = 10, .rollups = {numbered(1, 1)}});
  EXPECT_EQ(writer_->poll(1), 0u);
  durable_ = 9;
  EXPECT_EQ(writer_->poll(1), 0u);
  EXPECT_EQ(stored(), 0u);
  durable_ = 10;
  EXPECT_EQ(writer_->poll(1), 1u);
  EXPECT_EQ(stored(), 1u);
  EXPECT_THAT(passed_on_, testing::ElementsAre(1));
}

TEST_F(StoreWriterTest, WhatAReplayGivesAgainIsDropped) {
  durable_ = 100;
  writer_->accept({.partition = embedded_partition(0),
                   .position = 1,
                   .rollups = {numbered(1, 1), numbered(2, 2, false)}});
  writer_->poll(1);
  writer_->accept({.partition = embedded_partition(0),
                   .position = 2,
                   .rollups = {numbered(1, 1), numbered(2, 2, false), numbered(3, 3)}});
  writer_->accept({.partition = embedded_partition(1), .position = 2, .rollups = {numbered(4, 1)}});
  writer_->poll(1);
  EXPECT_THAT(passed_on_, testing::ElementsAre(1, 2, 3, 1));
  EXPECT_THAT(rows_, testing::ElementsAre(1, 0, 2, 3)) << "where the store has each";
  EXPECT_EQ(stored(), 3u);
  EXPECT_EQ(writer_->stats().repeated.value(), 2u);
  EXPECT_EQ(open()->load()->partitions[0].sequence, 3u);
  EXPECT_EQ(open()->load()->partitions[0].committed_offset, 2u);
}

TEST_F(StoreWriterTest, WhatTheStoreHasAlreadyIsPassedOnToNobody) {
  durable_ = 100;
  writer_->accept({.partition = embedded_partition(0), .position = 7, .rollups = {numbered(1, 1)}});
  writer_->poll(1);
  writer_->accept({.partition = embedded_partition(0),
                   .position = 9,
                   .rollups = {numbered(1, 20), numbered(2, 21, false)}});
  writer_->accept(
      {.partition = embedded_partition(0), .position = 9, .rollups = {numbered(3, 22)}});
  writer_->poll(1);
  EXPECT_THAT(passed_on_, testing::ElementsAre(1, 21, 22));
  EXPECT_THAT(rows_, testing::ElementsAre(1, 0, 2));
  EXPECT_EQ(writer_->stats().written.value(), 2u);
  EXPECT_EQ(writer_->stats().repeated.value(), 1u);
  const auto state = open()->load()->partitions.at(0);
  EXPECT_EQ(state.sequence, 22u);
  EXPECT_EQ(state.committed_offset, 9u);
}

TEST_F(StoreWriterTest, KeepsWhatCannotBeWrittenAndTriesAgain) {
  durable_ = 100;
  auto other = Database::open((directory_ / "slipstream.db").string(), SQLITE_OPEN_READWRITE);
  ASSERT_TRUE(other->execute("BEGIN EXCLUSIVE"));
  for (std::uint8_t i = 1; writer_->has_room(); ++i) {
    writer_->accept(
        {.partition = embedded_partition(0), .position = i, .rollups = {numbered(i, i)}});
  }
  const auto waiting = writer_->stats().waiting.value();
  EXPECT_EQ(writer_->poll(1), 0u);
  EXPECT_EQ(writer_->stats().failing.value(), 1);
  EXPECT_EQ(writer_->stats().waiting.value(), waiting);
  EXPECT_THAT(passed_on_, SizeIs(0)) << "what a client has seen, the store has";
  ASSERT_TRUE(other->execute("ROLLBACK"));
  EXPECT_EQ(writer_->poll(1), 0u) << "it waits a second first";
  clock_.advance(kNsPerSecond);
  EXPECT_EQ(writer_->poll(1), static_cast<std::size_t>(waiting));
  EXPECT_EQ(writer_->stats().failing.value(), 0);
  EXPECT_EQ(stored(), static_cast<std::size_t>(waiting));
  EXPECT_THAT(warnings_, SizeIs(3)) << "nor could anything be removed";
  EXPECT_TRUE(writer_->has_room());
}

TEST_F(StoreWriterTest, TheLogIsNeededFromTheOldestCommittedCheckpoint) {
  durable_ = 100;
  StoredState stored;
  stored.partitions = {
      {.partition = embedded_partition(0), .offset = 5, .sequence = 0, .windows = "", .series = {}},
      {.partition = embedded_partition(1),
       .offset = 8,
       .sequence = 0,
       .windows = "",
       .series = {}}};
  writer_->begin([this] { return durable_; }, stored);
  EXPECT_EQ(writer_->needed_from(), 5u);
  writer_->accept({.partition = embedded_partition(0),
                   .position = 20,
                   .checkpoint = std::make_unique<Checkpoint>()});
  EXPECT_EQ(writer_->needed_from(), 5u);
  writer_->poll(1);
  EXPECT_EQ(writer_->needed_from(), 8u);
}

}  // namespace
}  // namespace slipstream
