#include "store/outbox.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>

#include "codec/rollup_json.h"
#include "model/point.h"
#include "store/rollup_store.h"
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
    auto store = RollupStore::open(
        directory_,
        {.outbox = {.streams = streams_, .rollups_per_row = per_row_, .max_rollups = 10}},
        schema_.fields());
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
  Outbox& outbox() { return *store_->outbox(); }
  std::vector<OutboxRow> rows(const std::string& stream = "s", std::size_t bytes = 1 << 20) {
    auto read = outbox().read(stream, bytes);
    EXPECT_TRUE(read);
    return read ? *read : std::vector<OutboxRow>{};
  }
  std::string text(std::uint64_t sequence) {
    std::string out;
    append_rollup_json(out, *rollup(sequence), schema_.fields());
    return out + "\n";
  }

  std::vector<std::string> streams_ = {"s"};
  std::size_t per_row_ = 3;
  std::filesystem::path directory_;
  Schema schema_;
  std::unique_ptr<RollupStore> store_;
};

TEST_F(OutboxTest, RowsHoldRollupsInOrderAndAreThereAfterARestart) {
  EXPECT_THAT(outbox().streams(), SizeIs(0));
  commit(1, 5);
  const std::string writer = outbox().writer();
  open();
  EXPECT_EQ(outbox().writer(), writer);
  EXPECT_THAT(outbox().streams(), ElementsAre("s"));
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
  EXPECT_THAT(outbox().streams(), SizeIs(0));
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

TEST_F(OutboxTest, EachSeriesHasItsStream) {
  streams_ = {"s:{0}", "s:{1}", "s:{2}"};
  open();
  Commit commit;
  for (int i = 0; i < 10; ++i) {
    commit.outgoing.push_back(rollup(static_cast<std::uint64_t>(i) + 1, std::to_string(i)));
  }
  ASSERT_TRUE(store_->commit(commit));
  for (std::size_t s = 0; s < streams_.size(); ++s) {
    for (const auto& row : rows(streams_[s])) {
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
        StoreWriterOptions{.commit_interval_ms = 0, .outgoing_windows = {"bucket"}});
    writer->begin([] { return LogOffset{100}; }, *store_->load());
    return writer;
  };
  auto other = std::make_shared<Rollup>(*rollup(3));
  other->window = "second";
  {
    auto writer = make();
    writer->accept({.partition = 0, .rollups = {rollup(1), rollup(2), other}});
    writer->accept({.partition = kStreamPartitions, .rollups = {rollup(9)}});
    EXPECT_TRUE(writer->flush());
  }
  EXPECT_EQ(outbox().stats().rollups.value(), 2);
  auto writer = make();  // a restart whose replay gives them again
  writer->accept({.partition = 0, .rollups = {rollup(1), rollup(2), other, rollup(4)}});
  EXPECT_TRUE(writer->flush());
  EXPECT_EQ(outbox().stats().rollups.value(), 3);
  EXPECT_EQ(rows().back().rollups, text(4));
}

}  // namespace
}  // namespace slipstream
