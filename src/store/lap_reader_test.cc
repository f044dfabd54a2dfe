#include "store/lap_reader.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "store/lap_fixture.h"
#include "store/schema_sql.h"
#include "store/session_book.h"
#include "store/store_views.h"

namespace slipstream {
namespace {

using testing::ElementsAre;

class LapReaderTest : public StoredLapsTest {};

TEST_F(LapReaderTest, ReadsASessionWithAllThatIsInItBesideItsWriter) {
  const auto store = open();
  put(*store,
      {activity(key("B", 20), 300), activity(key("A", 10), 200),
       activity(key("A", 10'000), 10'200)},
      {lap(key("A", 10), 1, 10), lap(key("B", 20), 1, 20), lap(key("A", 10), 2, 100),
       lap(key("A", 10'000), 1, 10'000)});
  auto reader = LapReader::open(directory_).value();
  const std::string id = session_id_of(key("A", 10));
  const auto contents = reader.find_session(id).value();
  ASSERT_TRUE(contents);
  EXPECT_EQ(contents->session.id, id);
  std::vector<std::string> machines;
  for (const auto& one : contents->activities) machines.push_back(one.key.chassis);
  EXPECT_THAT(machines, ElementsAre("A", "B"));
  EXPECT_EQ(contents->activities[0].ended.ns, 200 * kNsPerSecond);
  EXPECT_THAT(ids(contents->laps), ElementsAre(id + "-" + machine_id_of("A") + "-1",
                                               id + "-" + machine_id_of("B") + "-1",
                                               id + "-" + machine_id_of("A") + "-2"))
      << "by their beginning";
  EXPECT_EQ(reader.find_lap(contents->laps[2].id).value()->lap->began.ns, 100 * kNsPerSecond);
  put(*store, {}, {lap(key("A", 10), 3, 200)});
  EXPECT_EQ(reader.find_session(id).value()->laps.size(), 4u) << "each question sees what is there";
}

TEST_F(LapReaderTest, KnowsNothingOfOtherIds) {
  put(*open(), {activity(key("A", 10), 200)}, {lap(key("A", 10), 1, 10)});
  auto reader = LapReader::open(directory_).value();
  EXPECT_EQ(reader.find_lap("x").value(), std::nullopt);
  EXPECT_FALSE(reader.find_session("s0000000000000000").value());
}

TEST_F(LapReaderTest, AStoreFromBeforeThereWereLapsIsRefusedAsThat) {
  {
    auto old = Database::open(path(), SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE).value();
    ASSERT_TRUE(make_store_schema(old, kLapsSince - 1, false));
    ASSERT_TRUE(old.execute(fmt::format("PRAGMA user_version={}", kLapsSince - 1).c_str()));
  }
  const auto reader = LapReader::open(directory_);
  ASSERT_FALSE(reader);
  EXPECT_EQ(reader.error().code, ErrorCode::kVersion);
  EXPECT_THAT(reader.error().message, testing::HasSubstr("without laps"));
  EXPECT_FALSE(LapReader::open(directory_ / "nowhere"));
}

}  // namespace
}  // namespace slipstream
