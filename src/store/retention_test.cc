#include "store/retention.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "store/rollup_reader.h"
#include "store/store_file.h"
#include "store/store_fixture.h"

namespace slipstream {
namespace {

using testing::SizeIs;

struct RetentionTest : RollupStoreTest {};

TEST_F(RetentionTest, RemovesTheOldest) {
  auto store = open({.retention = {.hours = 1, .rollups = 2}});
  ASSERT_TRUE(store->commit(
      {.rollups = {rollup(1, 10), rollup(2, 7'000), rollup(3, 7'100), rollup(4, 7'200)}}));
  EXPECT_FALSE(store->prune({7'200 * kNsPerSecond}, {6'600 * kNsPerSecond}).value());
  EXPECT_THAT(store->query({})->rollups, SizeIs(2));
}

TEST_F(RetentionTest, AStoreOfThisVersionKeepsSecondsForAWeekUnlessToldOtherwise) {
  constexpr std::int64_t kHourNs = 3'600 * kNsPerSecond;
  std::unique_ptr<RollupStore> store = open();
  const auto count = [&](const char* window) {
    return store->query({.window = window, .limit = 1'000})->rollups.size();
  };
  const auto prune_at = [&](std::int64_t hour) {
    while (store->prune({hour * kHourNs}, {}).value()) continue;
  };
  // Whose points are of long ago: how long they are stored counts. Odd ones are of `second`.
  ASSERT_TRUE(store->commit({.rollups = {rollup(1, 5), rollup(2, 5), rollup(3, 6)}}));
  prune_at(1'000);
  ASSERT_TRUE(store->commit({.rollups = {rollup(5, 7), rollup(4, 7)}}));
  prune_at(1'001);
  prune_at(1'168);
  EXPECT_EQ(count("second"), 3u);
  prune_at(1'169);
  EXPECT_EQ(count("second"), 1u) << "a week after they were stored";
  store = open();
  prune_at(1'170);
  EXPECT_EQ(count("second"), 0u);
  EXPECT_EQ(count("sector"), 2u) << "for ever";

  store = open({.retention = {.windows = {{"second", 0}, {"sector", 10}}}});
  ASSERT_TRUE(store->commit({.rollups = {rollup(7, 8), rollup(6, 8)}}));
  prune_at(2'000);
  prune_at(2'011);
  EXPECT_EQ(count("second"), 1u) << "0: for ever";
  EXPECT_EQ(count("sector"), 1u) << "the newest row stays";
}

TEST_F(RetentionTest, APieceReadsNoMoreThanItsRows) {
  ASSERT_TRUE(open()->commit({.rollups = many(1, 2'000)}));
  auto database = Database::open(path(), SQLITE_OPEN_READONLY).value();
  auto plan = database.prepare("EXPLAIN QUERY PLAN " + Retention::rows_of_window(false)).value();
  std::string steps;
  while (plan.step().value()) steps += std::string(plan.text(3)) + "\n";
  EXPECT_THAT(steps, testing::HasSubstr("packed_rollups USING INTEGER PRIMARY KEY"));
  EXPECT_THAT(steps, testing::Not(testing::HasSubstr("TEMP B-TREE")));
}

TEST_F(RetentionTest, RowsOfOtherWindowsAreLookedAtOnce) {
  auto store = open({.retention = {.windows = {{"second", 1}}}});
  RollupBatch batch = many(1, 25'000);
  const auto second = std::make_shared<Rollup>(*batch[12'345]);
  second->window = "second";
  batch[12'345] = second;
  ASSERT_TRUE(store->commit({.rollups = batch}));
  constexpr std::int64_t kHourNs = 3'600 * kNsPerSecond;
  EXPECT_FALSE(store->prune({kHourNs}, {}).value());
  EXPECT_TRUE(store->prune({5 * kHourNs}, {}).value()) << "10,000 rows at once";
  EXPECT_TRUE(store->prune({5 * kHourNs}, {}).value());
  EXPECT_FALSE(store->prune({5 * kHourNs}, {}).value());
  EXPECT_EQ(RollupReader::open(directory_).value()->count({}).value(), 24'999u);
}

TEST_F(RetentionTest, GoesPieceByPieceAndItsPagesAreUsedAgain) {
  auto store = open({.retention = {.hours = 1}});
  const auto pages = [&] {
    auto database = Database::open(path(), SQLITE_OPEN_READONLY).value();
    return database.integer("PRAGMA page_count").value();
  };
  ASSERT_TRUE(store->commit({.rollups = many(1, 3'500)}));
  const auto most = pages();
  const ArrivalTime later{100'000 * kNsPerSecond};
  for (int piece = 0; piece < 3; ++piece) {
    EXPECT_TRUE(store->prune(later, {}).value());
    EXPECT_EQ(RollupReader::open(directory_).value()->count({}).value(), 2'500u - 1'000 * piece);
  }
  EXPECT_FALSE(store->prune(later, {}).value());
  EXPECT_THAT(store->query({})->rollups, SizeIs(1)) << "the newest row";
  ASSERT_TRUE(store->commit({.rollups = many(200'000, 3'000)}));
  EXPECT_LE(pages(), most);
}

TEST_F(RetentionTest, ASeriesGoesWithItsLastRollupAndMayComeAgain) {
  auto store = open({.retention = {.rollups = 2}});
  auto database = Database::open(path(), SQLITE_OPEN_READONLY).value();
  const auto series = [&] { return database.integer("SELECT count(*) FROM series").value(); };
  ASSERT_TRUE(
      store->commit({.rollups = {rollup(1, 1, "gone"), rollup(2, 2, "stays"), rollup(3, 3, "gone"),
                                 rollup(4, 4, "stays"), rollup(5, 5, "new")}}));
  EXPECT_EQ(series(), 3);
  EXPECT_FALSE(store->prune({}, {}).value());
  EXPECT_EQ(series(), 2);
  EXPECT_THAT(store->query({.chassis = "gone"})->rollups, SizeIs(0));
  EXPECT_THAT(store->query({.chassis = "stays"})->rollups, SizeIs(1));
  ASSERT_TRUE(store->commit({.rollups = {rollup(6, 6, "gone")}}));
  EXPECT_THAT(store->query({.chassis = "gone"})->rollups, SizeIs(1));
  EXPECT_EQ(database.integer("SELECT max(number) FROM series").value(), 4) << "none is used twice";
  EXPECT_THAT(check_store_file(path())->faults, SizeIs(0));
}

TEST_F(RetentionTest, ASeriesStaysWhereItsRemovalFailed) {
  auto store = open({.retention = {.rollups = 1}});
  auto database = Database::open(path(), SQLITE_OPEN_READWRITE).value();
  ASSERT_TRUE(store->commit({.rollups = {rollup(1, 1, "one"), rollup(2, 2, "two")}}));
  ASSERT_TRUE(database.execute(
      "CREATE TRIGGER kept BEFORE DELETE ON series BEGIN SELECT RAISE(ABORT, 'full'); END"));
  EXPECT_FALSE(store->prune({}, {}));
  EXPECT_THAT(store->query({})->rollups, SizeIs(2));
  ASSERT_TRUE(store->commit({.rollups = {rollup(3, 3, "one")}}));
  ASSERT_TRUE(database.execute("DROP TRIGGER kept"));
  EXPECT_FALSE(store->prune({}, {}).value());
  ASSERT_TRUE(store->commit({.rollups = {rollup(4, 4, "one"), rollup(5, 5, "two")}}));
  EXPECT_THAT(store->query({.chassis = "one"})->rollups, SizeIs(2));
  EXPECT_THAT(check_store_file(path())->faults, SizeIs(0));
}

TEST_F(RetentionTest, AFileOfWhichMostIsFreeGetsShorter) {
  auto store = open({.retention = {.rollups = 1}});
  const auto pages = [&] {
    auto database = Database::open(path(), SQLITE_OPEN_READONLY).value();
    return database.integer("PRAGMA page_count").value();
  };
  // As text, so that there are enough pages.
  {
    auto database = Database::open(path(), SQLITE_OPEN_READWRITE).value();
    ASSERT_TRUE(
        database.execute("CREATE TABLE ballast (text TEXT);"
                         "INSERT INTO ballast VALUES (zeroblob(100000000));"
                         "DROP TABLE ballast"));
  }
  const auto most = pages();
  while (store->prune({}, {}).value()) continue;
  EXPECT_LT(pages(), most);
  EXPECT_GT(pages(), 10'000) << "what is left is room for the next days";
}

TEST_F(RetentionTest, APageCountsWhatItTookAndTheNewestRowStays) {
  const auto store = open({.retention = {.rollups = 3}});
  RollupBatch batch;
  // The newest row is of the oldest time.
  for (std::uint8_t i = 1; i <= 10; ++i) batch.push_back(rollup(i, 100 - i));
  ASSERT_TRUE(store->commit({.rollups = batch}));
  EXPECT_FALSE(store->prune({}, {}).value());
  EXPECT_EQ(store->newest()->row, 10);
  const auto page = store->read_stored({.upto = 10}).value();
  EXPECT_EQ(page.gone, 7u);
  EXPECT_THAT(page.rollups, SizeIs(3));
  EXPECT_EQ(page.to.row, 10);
  EXPECT_EQ(store->read_stored({.after = {.row = 4, .check = 7}, .upto = 5})->gone, 1u);
}

}  // namespace
}  // namespace slipstream
