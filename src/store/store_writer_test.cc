#include "store/store_writer.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "store/store_fixture.h"
#include "tracing/testing.h"

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

TEST_F(StoreWriterTest, CommitIsTheTransactionThatWentThrough) {
  tracing_testing::RecordedSpans recorded(clock_);
  writer_->accept({.partition = embedded_partition(2),
                   .position = 10,
                   .rollups = {numbered(1, 1)},
                   .sampled = {recorded.tracer().begin(), recorded.tracer().begin()}});
  auto other = Database::open((directory_ / "slipstream.db").string(), SQLITE_OPEN_READWRITE);
  ASSERT_TRUE(other->execute("BEGIN EXCLUSIVE"));
  durable_ = 10;
  EXPECT_EQ(writer_->poll(1), 0u);
  EXPECT_THAT(recorded.names(), SizeIs(0)) << "it failed, and comes again";
  ASSERT_TRUE(other->execute("ROLLBACK"));
  clock_.advance(kNsPerSecond);
  EXPECT_EQ(writer_->poll(1), 1u);
  EXPECT_THAT(recorded.names(), testing::ElementsAre("commit", "commit"));
  EXPECT_NE(recorded.spans()[0].trace, recorded.spans()[1].trace);
  bool has_exemplar = false;
  for (std::size_t i = 0; i <= LatencyHistogram::kBoundsSeconds.size(); ++i) {
    has_exemplar |= writer_->stats().commit_time.exemplar(i).has_value();
  }
  EXPECT_TRUE(has_exemplar);
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

/// Marks of a stream, whose numbers are among those of its stored rollups.
class MarksOfStreams : public StoreWriterTest, protected StoredMarkSink {
 protected:
  void SetUp() override {
    StoreWriterTest::SetUp();
    writer_->send_marks_to(*this);
  }
  using StoreWriterTest::accept;
  void accept(std::span<const StoredMark> marks) override {
    for (const auto& stored : marks) told_.push_back(stored.mark->text);
  }
  static PlacedMark mark(std::uint64_t number) {
    return {.mark = std::make_shared<const Mark>(
                Mark{.track = "spa", .kind = "note", .text = fmt::format("m{}", number)}),
            .sequence = number};
  }
  /// Rollups have odd numbers, marks even ones.
  void give(std::uint64_t from, std::uint64_t to) {
    Output output{.partition = stream_partition(3), .made_elsewhere = true};
    for (std::uint64_t n = from; n <= to; ++n) {
      if (n % 2 == 0) {
        output.marks.push_back(mark(n));
      } else {
        output.rollups.push_back(numbered(static_cast<std::uint8_t>(n), n));
      }
    }
    writer_->accept(std::move(output));
    writer_->poll(1);
  }

  std::vector<std::string> told_;
};

TEST_F(MarksOfStreams, AreStoredAndPassedOnOnceHoweverPagesOverlap) {
  give(1, 5);
  give(1, 5);
  give(3, 8);
  give(4, 4);
  EXPECT_THAT(told_, testing::ElementsAre("m2", "m4", "m6", "m8"));
  EXPECT_THAT(passed_on_, testing::ElementsAre(1, 3, 5, 7));
  EXPECT_EQ(store_->query_marks({})->marks.size(), 4u);
  EXPECT_EQ(store_->load()->stream_sequences.at(stream_partition(3)), 8u);
}

TEST_F(MarksOfStreams, AreNotStoredAgainByTheNextRun) {
  give(1, 4);
  writer_ = std::make_unique<StoreWriter>(
      *store_, std::vector<RollupSink*>{this}, clock_, [](const std::string&) {},
      StoreWriterOptions{.commit_interval_ms = 0});
  writer_->send_marks_to(*this);
  writer_->begin([this] { return durable_; }, *store_->load());
  give(1, 6);
  EXPECT_THAT(told_, testing::ElementsAre("m2", "m4", "m6"));
}

class LapsOfTheWriter : public StoreWriterTest, protected StoredLapSink {
 protected:
  void SetUp() override {
    StoreWriterTest::SetUp();
    writer_->send_laps_to(*this);
    durable_ = 100;
  }
  using StoreWriterTest::accept;
  void accept(std::span<const StoredLap> laps) override {
    for (const auto& lap : laps) laps_.emplace_back(lap.row, lap.lap->revision);
  }
  void tell(std::uint32_t revision) {
    Lap lap{.activity = {.track = "spa", .chassis = "A", .source_session = "s1"},
            .lap = 3,
            .revision = revision};
    Output output{.partition = embedded_partition(0), .position = 1};
    output.laps.laps.push_back(std::make_shared<const Lap>(std::move(lap)));
    writer_->accept(std::move(output));
  }

  std::vector<std::pair<LapRow, std::uint32_t>> laps_;
};

TEST_F(LapsOfTheWriter, ArePassedOnOnceARevisionAndNeverWhileTheyAreDriven) {
  for (const std::uint32_t revision : {0u, 0u, 1u, 1u, 2u, 0u}) {
    tell(revision);
    writer_->poll(1);
  }
  using Passed = std::pair<LapRow, std::uint32_t>;
  EXPECT_THAT(laps_, testing::ElementsAre(Passed(2, 1), Passed(3, 2)));
  EXPECT_EQ(writer_->stats().laps.value(), 2u);
}

TEST_F(LapsOfTheWriter, ASessionIsEditedByTheWritersThread) {
  tell(1);
  writer_->poll(1);
  const std::string id = store_->query_sessions({})->at(0).id;
  std::vector<std::string> names;
  const auto take = [&names](const Result<std::optional<StoredSession>>& edited) {
    names.push_back(edited && *edited ? (*edited)->name : "none");
  };
  EXPECT_TRUE(writer_->edit_session({id, "race"}, take));
  EXPECT_TRUE(writer_->edit_session({"s0", "race"}, take));
  EXPECT_THAT(names, SizeIs(0));
  EXPECT_EQ(writer_->poll(1), 2u);
  EXPECT_THAT(names, testing::ElementsAre("race", "none"));
  while (writer_->edit_session({id, "again"}, take)) continue;
  writer_->flush();
  EXPECT_EQ(store_->find_session(id)->value().name, "again");
}

}  // namespace
}  // namespace slipstream
