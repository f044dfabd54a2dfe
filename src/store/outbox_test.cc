#include "store/outbox.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>

#include "codec/rollup_json.h"
#include "model/point.h"
#include "store/rollup_store.h"
#include "store/schema_sql.h"
#include "store/store_file.h"
#include "store/store_writer.h"

namespace slipstream {
namespace {

using testing::ElementsAre;
using testing::SizeIs;

class OutboxTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name =
        (std::filesystem::temp_directory_path() / "slipstream-outbox-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    directory_ = name;
    open();
  }
  void TearDown() override {
    store_.reset();
    std::filesystem::remove_all(directory_);
  }
  void open() {
    store_.reset();
    auto store = RollupStore::open(directory_, {.destinations = destinations_}, schema_.fields());
    ASSERT_TRUE(store) << store.error().message;
    store_ = std::move(*store);
  }
  static RollupPtr rollup(std::uint64_t sequence, const std::string& chassis = "A") {
    Rollup r;
    r.window = "bucket";
    r.track = "cota";
    r.chassis = chassis;
    r.count = sequence;
    r.sequence = sequence;
    return std::make_shared<Rollup>(std::move(r));
  }
  void commit(std::uint64_t from, std::uint64_t to) {
    Commit commit;
    for (std::uint64_t i = from; i <= to; ++i) commit.outgoing.push_back(rollup(i));
    ASSERT_TRUE(store_->commit(commit));
  }
  RollupOutbox& outbox(std::string_view destination = "redis") {
    return *store_->outbox()->of(destination);
  }
  std::vector<OutboxRow> rows(const std::string& shard = "s", std::size_t bytes = 1 << 20,
                              std::string_view destination = "redis") {
    auto read = outbox(destination).read(shard, bytes);
    EXPECT_TRUE(read);
    return read ? *read : std::vector<OutboxRow>{};
  }
  /// Of a partition that many instances share.
  static RollupPtr of_cluster(std::uint64_t sequence) {
    auto r = std::make_shared<Rollup>(*rollup(sequence));
    r->partition = stream_partition(0);
    return r;
  }
  std::string text(std::uint64_t sequence) {
    std::string out;
    append_rollup_json(out, *rollup(sequence), schema_.fields());
    return out + "\n";
  }

  std::vector<RollupDestination> destinations_ = {{.name = "redis",
                                                   .windows = {"bucket"},
                                                   .shards = {"s"},
                                                   .rollups_per_row = 3,
                                                   .max_rollups = 10}};
  std::filesystem::path directory_;
  Schema schema_;
  std::unique_ptr<RollupStore> store_;
};

TEST_F(OutboxTest, RowsHoldRollupsInOrderAndAreThereAfterARestart) {
  EXPECT_THAT(outbox().shards(), SizeIs(0));
  commit(1, 5);
  const std::string writer = outbox().writer();
  open();
  EXPECT_EQ(outbox().writer(), writer);
  EXPECT_THAT(outbox().shards(), ElementsAre("s"));
  const auto all = rows();
  ASSERT_THAT(all, SizeIs(2));
  EXPECT_EQ(all[0].rollups, text(1) + text(2) + text(3));
  EXPECT_EQ(all[1].rollups, text(4) + text(5));
  EXPECT_EQ(all[1].count, 2u);
  EXPECT_EQ(outbox().stats().rows.value(), 2);
  EXPECT_EQ(outbox().stats().rollups.value(), 5);
  EXPECT_THAT(rows("s", 1), SizeIs(1)) << "a row at least";
}

TEST_F(OutboxTest, IdsOfRemovedRowsAreNotUsedAgain) {
  commit(1, 3);
  const auto first = rows().front().id;
  ASSERT_TRUE(outbox().remove("s", first));
  EXPECT_THAT(outbox().shards(), SizeIs(0));
  open();
  commit(4, 4);
  EXPECT_GT(rows().front().id, first);
  EXPECT_EQ(outbox().stats().rollups.value(), 1);
}

TEST_F(OutboxTest, TheOldestGiveWayBeyondTheLimit) {
  for (std::uint64_t i = 1; i <= 40; i += 4) commit(i, i + 3);
  EXPECT_LE(outbox().stats().rollups.value(), 10);
  EXPECT_GE(outbox().stats().rollups.value(), 8) << "whole rows go";
  EXPECT_EQ(outbox().stats().dropped.value() +
                static_cast<std::uint64_t>(outbox().stats().rollups.value()),
            40u);
  EXPECT_EQ(rows().back().rollups, text(40));
  commit(100, 130);
  EXPECT_LE(outbox().stats().rollups.value(), 10) << "in one transaction too";
  EXPECT_EQ(rows().back().rollups, text(130));
}

TEST_F(OutboxTest, ALimitBelowWhatATransactionBringsKeepsTheNewest) {
  destinations_[0].rollups_per_row = 100;
  destinations_[0].max_rollups = 10;
  open();
  commit(1, 95);
  EXPECT_EQ(outbox().stats().rollups.value(), 5) << "whole rows go, but not the last one";
  EXPECT_EQ(rows().back().rollups.substr(rows().back().rollups.size() - text(95).size()), text(95));
  EXPECT_EQ(outbox().stats().dropped.value(), 90u);
}

TEST_F(OutboxTest, ATransactionThatFailsLeavesNothing) {
  ASSERT_TRUE(store_->commit({.outgoing = {rollup(1)}}));
  {
    auto other = Database::open((directory_ / "slipstream.db").string(), SQLITE_OPEN_READWRITE);
    ASSERT_TRUE(other);
    ASSERT_TRUE(other->execute("BEGIN IMMEDIATE"));
    EXPECT_FALSE(store_->commit({.outgoing = {rollup(2)}}));
  }
  EXPECT_EQ(outbox().stats().rollups.value(), 1);
  EXPECT_THAT(rows(), SizeIs(1));
}

TEST_F(OutboxTest, EachSeriesHasItsShard) {
  const auto& shards = destinations_[0].shards = {"s:{0}", "s:{1}", "s:{2}"};
  open();
  Commit commit;
  for (int i = 0; i < 10; ++i) {
    commit.outgoing.push_back(rollup(static_cast<std::uint64_t>(i) + 1, std::to_string(i)));
  }
  ASSERT_TRUE(store_->commit(commit));
  for (std::size_t s = 0; s < shards.size(); ++s) {
    for (const auto& row : rows(shards[s])) {
      for (int i = 0; i < 10; ++i) {
        const auto chassis = std::to_string(i);
        if (!row.rollups.contains("\"chassis\":\"" + chassis + "\"")) continue;
        EXPECT_EQ(series_hash("cota", chassis) % 3, s);
      }
    }
  }
  EXPECT_EQ(outbox().stats().rollups.value(), 10);
}

TEST_F(OutboxTest, TheWriterPutsInWhatTheEmbeddedLogMadeOfItsWindowsOnce) {
  const auto make = [&] {
    auto writer = std::make_unique<StoreWriter>(
        *store_, std::vector<RollupSink*>{}, system_clock(), [](const std::string&) {},
        StoreWriterOptions{.commit_interval_ms = 0});
    writer->begin([] { return LogOffset{100}; }, *store_->load());
    return writer;
  };
  auto other = std::make_shared<Rollup>(*rollup(3));
  other->window = "second";
  {
    auto writer = make();
    writer->accept({.partition = embedded_partition(0), .rollups = {rollup(1), rollup(2), other}});
    writer->accept({.partition = stream_partition(0), .rollups = {of_cluster(9)}});
    EXPECT_TRUE(writer->flush());
  }
  EXPECT_EQ(outbox().stats().rollups.value(), 2);
  auto writer = make();  // a restart whose replay gives them again
  writer->accept(
      {.partition = embedded_partition(0), .rollups = {rollup(1), rollup(2), other, rollup(4)}});
  EXPECT_TRUE(writer->flush());
  EXPECT_EQ(outbox().stats().rollups.value(), 3);
  EXPECT_EQ(rows().back().rollups, text(4));
}

TEST_F(OutboxTest, EachDestinationHasItsWindowsAndItsOwnPlace) {
  destinations_.push_back({.name = "other", .windows = {"second", "bucket"}, .max_rollups = 100});
  open();
  auto second = std::make_shared<Rollup>(*rollup(3));
  second->window = "second";
  ASSERT_TRUE(store_->commit({.outgoing = {rollup(1), rollup(2), second}}));
  EXPECT_EQ(outbox().stats().rollups.value(), 2);
  EXPECT_EQ(outbox("other").stats().rollups.value(), 3);
  EXPECT_THAT(outbox("other").shards(), ElementsAre(""));
  ASSERT_TRUE(outbox().remove("s", rows().back().id));
  commit(4, 6);
  open();
  EXPECT_EQ(rows().front().rollups, text(4) + text(5) + text(6));
  const auto of_other = rows("", 1 << 20, "other");
  ASSERT_THAT(of_other, SizeIs(2)) << "what one has got the other has still to get";
  EXPECT_TRUE(of_other[0].rollups.starts_with(text(1) + text(2))) << of_other[0].rollups;
  EXPECT_EQ(of_other[0].count, 3u);
  EXPECT_EQ(of_other[1].rollups, text(4) + text(5) + text(6));
  EXPECT_EQ(store_->outbox()->of("nobody"), nullptr);
}

TEST_F(OutboxTest, EachDestinationHasTheFiguresItAskedFor) {
  const std::vector<std::string> averages = {"avg"};
  const RollupSelection few{.fields = {"rpm"}, .left_out = statistics_beside(averages).value()};
  destinations_.push_back({.name = "few", .windows = {"bucket"}, .selection = few});
  destinations_.push_back({.name = "all", .windows = {"bucket"}});
  open();
  Rollup full = *rollup(1);
  full.fields = {{.field = field::kSpeedKmh, .count = 1}, {.field = field::kRpm, .count = 1}};
  ASSERT_TRUE(store_->commit({.outgoing = {std::make_shared<Rollup>(full)}}));
  std::string whole;
  append_rollup_json(whole, full, schema_.fields());
  std::string some;
  append_rollup_json(some, full, schema_.fields(), few);
  EXPECT_LT(some.size(), whole.size());
  EXPECT_EQ(rows().front().rollups, whole + '\n');
  EXPECT_EQ(rows("", 1 << 20, "few").front().rollups, some + '\n');
  EXPECT_EQ(rows("", 1 << 20, "all").front().rollups, whole + '\n');
}

TEST_F(OutboxTest, OneDestinationsLimitIsNotTheOthers) {
  destinations_.push_back({.name = "other", .windows = {"bucket"}, .max_rollups = 100});
  open();
  for (std::uint64_t i = 1; i <= 40; i += 4) commit(i, i + 3);
  EXPECT_LE(outbox().stats().rollups.value(), 10);
  EXPECT_GE(outbox().stats().dropped.value(), 30u);
  EXPECT_EQ(outbox("other").stats().rollups.value(), 40);
  EXPECT_EQ(outbox("other").stats().dropped.value(), 0u);
  EXPECT_EQ(rows("", 1, "other").front().rollups, text(1) + text(2) + text(3) + text(4));
}

TEST_F(OutboxTest, RowsOfADestinationThatIsAwayStayUntilItIsThereAgain) {
  const auto all = destinations_;
  commit(1, 3);
  destinations_ = {{.name = "other", .windows = {"bucket"}}};
  open();
  commit(4, 6);
  EXPECT_EQ(store_->outbox()->of("redis"), nullptr);
  EXPECT_EQ(outbox("other").stats().rollups.value(), 3);
  destinations_ = all;
  open();
  ASSERT_THAT(rows(), SizeIs(1));
  EXPECT_EQ(rows()[0].rollups, text(1) + text(2) + text(3));
}

TEST_F(OutboxTest, TwoDestinationsOfOneNameAreRefused) {
  store_.reset();
  const auto opened = RollupStore::open(
      directory_, {.destinations = {destinations_[0], destinations_[0]}}, schema_.fields());
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::kRefused);
}

TEST_F(OutboxTest, OfSharedPartitionsItHoldsWhatThisInstanceMadeWhereADestinationAsksForIt) {
  destinations_.push_back({.name = "other", .windows = {"bucket"}, .of_cluster = true});
  open();
  StoreWriter writer(*store_, {}, system_clock(), [](const std::string&) {},
                     {.commit_interval_ms = 0});
  writer.begin([] { return LogOffset{100}; }, *store_->load());
  writer.accept({.partition = stream_partition(0), .rollups = {of_cluster(1)}});
  writer.accept(
      {.partition = stream_partition(0), .rollups = {of_cluster(2)}, .made_elsewhere = true});
  writer.accept({.partition = embedded_partition(0), .rollups = {rollup(3)}});
  EXPECT_TRUE(writer.flush());
  EXPECT_EQ(outbox().stats().rollups.value(), 1) << "the embedded log's";
  ASSERT_THAT(rows("", 1 << 20, "other"), SizeIs(1));
  EXPECT_EQ(rows("", 1 << 20, "other")[0].count, 2u) << "and those that were not told";
}

/// A store as 0.1 left it: rows by stream.
class OldOutboxTest : public OutboxTest {
 protected:
  void SetUp() override {
    OutboxTest::SetUp();
    store_.reset();
    std::filesystem::remove_all(directory_);
    std::filesystem::create_directory(directory_);
    auto old = Database::open((directory_ / kStoreFile).string(),
                              SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
    ASSERT_TRUE(old);
    for (int part = 0; part < 5; ++part) ASSERT_TRUE(old->execute(kStoreSchema[part]));
    ASSERT_TRUE(old->execute("INSERT INTO outbox_writer VALUES (0, 'writer-of-0.1')"));
    auto put = old->prepare("INSERT INTO outbox (stream, count, rollups) VALUES (?1, 1, ?2)");
    ASSERT_TRUE(put);
    for (std::uint64_t i = 1; i <= 5; ++i) {
      const std::string rollups = text(i);
      put->bind(1, i <= 3 ? "s" : "s-before").bind(2, rollups);
      ASSERT_TRUE(put->run());
    }
    ASSERT_TRUE(old->execute("DELETE FROM outbox WHERE id = 1; PRAGMA user_version = 5"));
  }
};

TEST_F(OldOutboxTest, WhatWaitedIsSentUnderItsIdsByTheSameWriter) {
  open();
  EXPECT_EQ(outbox().writer(), "writer-of-0.1");
  EXPECT_THAT(outbox().shards(), ElementsAre("s", "s-before"));
  EXPECT_EQ(outbox().stats().rollups.value(), 4);
  ASSERT_THAT(rows(), SizeIs(2));
  EXPECT_EQ(rows()[0].id, 2u);
  EXPECT_EQ(rows()[0].rollups, text(2));
  EXPECT_EQ(rows()[1].rollups, text(3));
  ASSERT_THAT(rows("s-before"), SizeIs(2)) << "of a stream that has another name by now";
  EXPECT_EQ(rows("s-before")[1].id, 5u);
  commit(6, 6);
  EXPECT_EQ(rows().back().id, 6u);
  EXPECT_THAT(check_store_file(directory_ / kStoreFile)->faults, SizeIs(0));
}

TEST_F(OldOutboxTest, IdsOfRowsThatWereSentBeforeAreNotUsedAgain) {
  {
    auto old = Database::open((directory_ / kStoreFile).string(), SQLITE_OPEN_READWRITE);
    ASSERT_TRUE(old->execute("DELETE FROM outbox"));
  }
  open();
  EXPECT_THAT(outbox().shards(), SizeIs(0));
  commit(1, 1);
  EXPECT_EQ(rows().front().id, 6u);
}

}  // namespace
}  // namespace slipstream
