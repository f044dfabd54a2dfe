// A store whose file is damaged on the disk.
#include "store/store_damage.h"

#include <gmock/gmock.h>

#include <fstream>

#include "store/rollup_reader.h"
#include "store/store_file.h"
#include "store/store_fixture.h"
#include "store/store_writer.h"

namespace slipstream {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::size_t kDatabasePageBytes = 4'096;

struct StoreDamageTest : RollupStoreTest {
  /// The first page of a table is garbage from now on; nobody has the file open.
  void spoil(const std::string& table) {
    std::int64_t page = 0;
    {
      auto database = Database::open(path(), SQLITE_OPEN_READWRITE).value();
      page = database.integer("SELECT rootpage FROM sqlite_master WHERE name = '" + table + "'")
                 .value();
    }
    std::fstream file(path(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp((page - 1) * static_cast<std::int64_t>(kDatabasePageBytes));
    file << std::string(100, '\xA5');
  }
  void fill(std::uint32_t rollups) { ASSERT_TRUE(open()->commit({.rollups = many(1, rollups)})); }
};

TEST_F(StoreDamageTest, IsToldApartByItsCodeAndRemembered) {
  fill(10);
  spoil("packed_rollups");
  auto store = open();
  EXPECT_EQ(store->damage(), std::nullopt);
  const auto page = store->query({});
  ASSERT_FALSE(page);
  EXPECT_EQ(page.error().code, ErrorCode::kCorrupt);
  EXPECT_EQ(store->damage(), "database disk image is malformed");
  EXPECT_EQ(store->query({.cursor = "x"}).error().code, ErrorCode::kRefused);
  const auto reader = RollupReader::open(directory_);
  ASSERT_FALSE(reader);
  EXPECT_EQ(reader.error().code, ErrorCode::kCorrupt);
  EXPECT_THAT(reader.error().message, HasSubstr("slipstream store rebuild"));
}

TEST_F(StoreDamageTest, FileThatIsNoDatabaseIsRefusedWithWhatToDo) {
  std::ofstream(path()) << std::string(10'000, 'x');
  const auto store = RollupStore::open(directory_, {}, schema_.fields());
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code, ErrorCode::kCorrupt);
  EXPECT_THAT(store.error().message, HasSubstr("file is not a database: stop the server"));
}

TEST_F(StoreDamageTest, CommitThatMeetsItIsNotTriedAgain) {
  fill(10);
  spoil("partitions");
  auto store = open();
  ManualClock clock(kNsPerSecond);
  std::vector<std::string> warnings;
  StoreWriter writer(*store, {}, clock, [&](const std::string& w) { warnings.push_back(w); },
                     {.commit_interval_ms = 0});
  writer.begin([] { return LogOffset{100}; }, {});
  auto r = std::make_shared<Rollup>(*rollup(99, 99));
  r->sequence = 1;
  writer.accept({.partition = embedded_partition(0), .position = 1, .rollups = {r}});
  EXPECT_EQ(writer.poll(1), 0u);
  for (int i = 0; i < 10; ++i) {
    clock.advance(60 * kNsPerSecond);
    EXPECT_EQ(writer.poll(1), 0u);
  }
  EXPECT_EQ(writer.stats().failed_writes.value(), 1u);
  EXPECT_EQ(writer.stats().failing.value(), 1);
  EXPECT_THAT(warnings.front(), HasSubstr("the store's file is damaged"));
  EXPECT_FALSE(writer.flush()) << "what waits is left for the next start";
}

TEST_F(StoreDamageTest, RefusedStoreCommitsNothingUntilItIsWellAgain) {
  auto store = open();
  store->refuse(Error{"slipstream.db is gone", ErrorCode::kIo});
  const auto refused = store->commit({.rollups = many(1, 1)});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message, "slipstream.db is gone");
  store->refuse(std::nullopt);
  EXPECT_TRUE(store->commit({.rollups = many(1, 1)}));
}

TEST_F(StoreDamageTest, EverythingIsSalvagedOfAWholeStore) {
  fill(3'000);
  {
    auto store = open();
    ASSERT_TRUE(store->start_layout("partitions 2 10\n", 2, 7, 3, {}));
    ASSERT_TRUE(store->commit(
        {.keys = {{"key", {5}, 200, "answer"}}, .dead = {{embedded_partition(1), 3, 4, "it"}}}));
  }
  const auto fresh = directory_ / "fresh";
  std::filesystem::create_directory(fresh);
  const auto salvage = salvage_store_file(path(), fresh / kStoreFile, [](std::uint64_t) {});
  ASSERT_TRUE(salvage) << salvage.error().message;
  EXPECT_EQ(salvage->rollups, 3'000u);
  EXPECT_TRUE(salvage->has_checkpoint);
  EXPECT_TRUE(salvage->knows_lost);
  EXPECT_THAT(salvage->lost, IsEmpty());
  EXPECT_THAT(salvage->damaged_tables, IsEmpty());
  EXPECT_THAT(check_store_file(fresh / kStoreFile)->faults, IsEmpty());
  const auto store = RollupStore::open(fresh, {}, schema_.fields()).value();
  const auto state = store->load().value();
  EXPECT_EQ(state.layout, "partitions 2 10\n");
  EXPECT_EQ(state.partitions.size(), 2u);
  EXPECT_EQ(state.keys.at(0).answer, "answer");
  EXPECT_EQ(state.dead.at(0).reason, "it");
  EXPECT_EQ(store->newest()->row, 3'000);
}

TEST_F(StoreDamageTest, OfASpoiltTableTheRestIsSalvaged) {
  fill(100);
  spoil("idempotency_keys");
  const auto fresh = directory_ / "fresh.db";
  const auto salvage = salvage_store_file(path(), fresh, [](std::uint64_t) {});
  ASSERT_TRUE(salvage) << salvage.error().message;
  EXPECT_EQ(salvage->rollups, 100u);
  EXPECT_THAT(salvage->damaged_tables, ElementsAre("idempotency_keys"));
}

TEST_F(StoreDamageTest, NamesThatCannotBeReadInTheirTableAreReadInItsIndex) {
  fill(100);
  for (const auto* const table : {"window_names", "series", "rollup_layouts"}) spoil(table);
  EXPECT_EQ(open()->query({}).error().code, ErrorCode::kCorrupt);
  const auto fresh = directory_ / "fresh";
  std::filesystem::create_directory(fresh);
  const auto salvage = salvage_store_file(path(), fresh / kStoreFile, [](std::uint64_t) {});
  ASSERT_TRUE(salvage) << salvage.error().message;
  EXPECT_EQ(salvage->rollups, 100u);
  EXPECT_THAT(salvage->damaged_tables, ElementsAre("window_names", "series", "rollup_layouts"));
  EXPECT_THAT(salvage->lost, IsEmpty());
  EXPECT_THAT(check_store_file(fresh / kStoreFile)->faults, IsEmpty());
  EXPECT_EQ(RollupStore::open(fresh, {}, schema_.fields()).value()->query({})->rollups.size(),
            100u);
}

TEST_F(StoreDamageTest, WhereNoRollupCanBeReadTheIndexTellsWhichThereWere) {
  fill(500);
  spoil("packed_rollups");
  const auto fresh = directory_ / "fresh.db";
  const auto salvage = salvage_store_file(path(), fresh, [](std::uint64_t) {});
  ASSERT_TRUE(salvage) << salvage.error().message;
  EXPECT_EQ(salvage->rollups, 0u);
  EXPECT_TRUE(salvage->knows_lost);
  EXPECT_EQ(salvage->lost.size(), 500u);
}

TEST_F(StoreDamageTest, CheckNamesARowThatMakesNoSenseAndASchemaThatLacksSomething) {
  fill(5);
  {
    auto database = Database::open(path(), SQLITE_OPEN_READWRITE).value();
    ASSERT_TRUE(
        database.execute("UPDATE packed_rollups SET stats = x'EE' WHERE id = 3; "
                         "UPDATE packed_rollups SET series = 99 WHERE id = 4; "
                         "UPDATE series SET tags = 'x'; DROP INDEX packed_rollups_by_window"));
  }
  const auto report = check_store_file(path());
  ASSERT_TRUE(report);
  EXPECT_THAT(report->faults,
              ElementsAre("the schema lacks, or has another, index packed_rollups_by_window"));
  {
    auto database = Database::open(path(), SQLITE_OPEN_READWRITE).value();
    ASSERT_TRUE(database.execute(
        "CREATE INDEX packed_rollups_by_window ON packed_rollups (window, last_ns)"));
  }
  EXPECT_THAT(check_store_file(path())->faults,
              ElementsAre("row 3 of the rollups makes no sense",
                          "row 4 of the rollups makes no sense", "series 1 makes no sense"));
}

}  // namespace
}  // namespace slipstream
