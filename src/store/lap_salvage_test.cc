#include <fmt/format.h>
#include <gmock/gmock.h>

#include <filesystem>

#include "store/lap_fixture.h"
#include "store/session_book.h"
#include "store/store_file.h"

namespace slipstream {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

class SalvagedLapsTest : public StoredLapsTest {
 protected:
  void SetUp() override {
    StoredLapsTest::SetUp();
    fresh_ = directory_ / "fresh" / kStoreFile;
    std::filesystem::create_directory(fresh_.parent_path());
    const auto store = open();
    put(*store, {activity(key("A", 10), 300), activity(key("B", 10), 300)},
        {lap(key("A", 10), 1, 10), lap(key("A", 10), 2, 100), lap(key("B", 10), 1, 10)});
    ASSERT_TRUE(store->edit_session({session_id_of(key("A", 10)), "practice"}));
    Commit commit;
    commit.track_lines = {{"spa", "a line"}};
    ASSERT_TRUE(store->commit(commit));
  }
  void spoil(const char* sql) const {
    auto database = Database::open(path(), SQLITE_OPEN_READWRITE).value();
    ASSERT_TRUE(database.execute(sql)) << sql;
  }
  Salvage salvage() const {
    auto salvaged = salvage_store_file(path(), fresh_, [](std::uint64_t) {});
    EXPECT_TRUE(salvaged) << (salvaged ? "" : salvaged.error().message);
    return salvaged ? std::move(*salvaged) : Salvage{};
  }
  std::unique_ptr<RollupStore> fresh_store() const {
    return RollupStore::open(fresh_.parent_path(), {}, schema_.fields()).value();
  }

  std::filesystem::path fresh_;
};

TEST_F(SalvagedLapsTest, OfAWholeFileAreAll) {
  EXPECT_THAT(check_store_file(path())->faults, IsEmpty());
  EXPECT_EQ(check_store_file(path())->laps, 3u);
  const auto before = all(*open());
  const auto salvaged = salvage();
  EXPECT_THAT(salvaged.damaged_tables, IsEmpty());
  EXPECT_EQ(salvaged.laps.copied, 3u);
  const auto store = fresh_store();
  EXPECT_EQ(ids(all(*store)), ids(before));
  EXPECT_EQ(all(*store)[0].row, before[0].row);
  ASSERT_THAT(sessions(*store), SizeIs(1));
  EXPECT_EQ(sessions(*store)[0].name, "practice");
  EXPECT_EQ(sessions(*store)[0].laps, 3u);
  EXPECT_EQ(*store->track_line("spa"), "a line");
  EXPECT_THAT(check_store_file(fresh_)->faults, IsEmpty());
}

TEST_F(SalvagedLapsTest, LackARowThatIsNoLapAndItsNumberIsNotGivenOutAgain) {
  spoil("UPDATE stored_laps SET sector_times_s = 'x' WHERE id = 3");
  EXPECT_THAT(check_store_file(path())->faults, ElementsAre("row 3 of the laps makes no sense"));
  const auto salvaged = salvage();
  EXPECT_THAT(salvaged.damaged_tables, ElementsAre("stored_laps"));
  EXPECT_EQ(salvaged.laps.copied, 2u);
  const auto store = fresh_store();
  const auto again = put(*store, {}, {lap(key("B", 10), 1, 10)});
  ASSERT_THAT(again, SizeIs(1)) << "the log gives it again";
  EXPECT_EQ(again[0].row, 4);
  EXPECT_EQ(sessions(*store)[0].laps, 3u);
}

TEST_F(SalvagedLapsTest, GoWithTheirActivityAndSessionsAreBookedAnew) {
  spoil("DELETE FROM activities WHERE chassis = 'B'; DELETE FROM stored_sessions");
  EXPECT_THAT(check_store_file(path())->faults, SizeIs(2));
  EXPECT_EQ(salvage().laps.copied, 2u);
  const auto store = fresh_store();
  ASSERT_THAT(sessions(*store), SizeIs(1));
  EXPECT_EQ(sessions(*store)[0].laps, 2u);
  EXPECT_THAT(all(*store), SizeIs(2));
  EXPECT_THAT(check_store_file(fresh_)->faults, IsEmpty());
}

TEST_F(StoredLapsTest, ARowThatIsNoLapIsDamageAndStopsNoStart) {
  put(*open(), {}, {lap(key("A", 10), 1, 10)});
  {
    auto database = Database::open(path(), SQLITE_OPEN_READWRITE).value();
    ASSERT_TRUE(database.execute("UPDATE lap_channels SET names = '{}'"));
  }
  const auto store = open();
  ASSERT_NE(store, nullptr);
  const auto found = store->query_laps({});
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, ErrorCode::kCorrupt);
}

}  // namespace
}  // namespace slipstream
