#include "store/rollup_reader.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <set>

#include "store/store_fixture.h"

namespace slipstream {
namespace {

using testing::HasSubstr;

struct RollupReaderTest : RollupStoreTest {
  /// Whether nobody keeps the write-ahead log from being emptied.
  bool can_be_emptied() {
    auto database = Database::open(path(), SQLITE_OPEN_READWRITE).value();
    auto statement = database.prepare("PRAGMA wal_checkpoint(TRUNCATE)").value();
    EXPECT_TRUE(statement.step().value());
    return statement.integer(0) == 0;
  }
};

TEST_F(RollupReaderTest, HoldsNoReadWhileARollupIsTaken) {
  auto store = open();
  ASSERT_TRUE(store->commit({.rollups = many(1, 1'200)}));
  auto reader = RollupReader::open(directory_).value();
  std::uint32_t taken = 0;
  std::uint32_t next = 2'000;
  const auto done = reader->for_each({}, [&](const std::string&) -> Result<void> {
    if (taken++ % 400 == 0) {
      EXPECT_TRUE(store->commit({.rollups = many(next++, 1)}));
      EXPECT_TRUE(can_be_emptied()) << "after " << taken;
    }
    return {};
  });
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(taken, 1'200u);
}

TEST_F(RollupReaderTest, GivesEachOfThoseThatWereThereOnceThoughMoreComeAndSomeGo) {
  auto store = open({.retention = {.rollups = 1'100}});
  // All of the same instant: the row decides.
  auto rollups = many(1, 1'200);
  for (auto& r : rollups) {
    auto same = std::make_shared<Rollup>(*r);
    same->last_time = {5 * kNsPerSecond};
    r = same;
  }
  ASSERT_TRUE(store->commit({.rollups = rollups}));
  auto reader = RollupReader::open(directory_).value();
  EXPECT_EQ(reader->count({}).value(), 1'200u);
  std::multiset<std::string> seen;
  const auto done = reader->for_each({}, [&](const std::string& json) -> Result<void> {
    seen.insert(json);
    if (seen.size() == 1) {
      // Earlier by time than all, and later than all: neither was there.
      EXPECT_TRUE(store->commit({.rollups = many(3, 1)}));
      EXPECT_TRUE(store->commit({.rollups = many(9'000, 1)}));
      EXPECT_FALSE(store->prune({0}, {}).value());
      EXPECT_EQ(RollupReader::open(directory_).value()->count({}).value(), 1'100u);
    }
    return {};
  });
  ASSERT_TRUE(done) << done.error().message;
  // The first page was read before retention took its oldest rows: of it all came.
  EXPECT_EQ(seen.size(), 1'200u);
  EXPECT_EQ(std::set<std::string>(seen.begin(), seen.end()).size(), 1'200u);
}

TEST_F(RollupReaderTest, ReadsAStoreFromBeforeThereWereTags) {
  {
    auto old = Database::open(path(), SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
    for (int part = 0; part < kTagsSince - 1; ++part) ASSERT_TRUE(old->execute(kStoreSchema[part]));
    ASSERT_TRUE(old->execute(
        "INSERT INTO rollups (window, window_id, track, chassis, lap, sector, count, first_ns, "
        "last_ns, partition, sequence, stats) VALUES ('second', "
        "x'00112233445566778899aabbccddeeff',"
        "'cota', 'a', 1, 0, 2, 5, 6, 0, 1, '{}')"));
    ASSERT_TRUE(old->execute(fmt::format("PRAGMA user_version={}", kTagsSince - 1).c_str()));
  }
  auto reader = RollupReader::open(directory_);
  ASSERT_TRUE(reader);
  std::vector<std::string> all;
  ASSERT_TRUE((*reader)->for_each({}, [&](const std::string& rollup) {
    all.push_back(rollup);
    return Result<void>();
  }));
  ASSERT_EQ(all.size(), 1u);
  EXPECT_THAT(all[0], testing::HasSubstr(R"(Z","tags":{},"window":"second")"));
  RollupFilter filter;
  filter.tags.add("wheel", "fl");
  EXPECT_EQ((*reader)->count(filter).value(), 0u);
}

TEST_F(RollupReaderTest, AnErrorOfTheTakerEndsIt) {
  auto store = open();
  ASSERT_TRUE(store->commit({.rollups = many(1, 10)}));
  auto reader = RollupReader::open(directory_).value();
  int taken = 0;
  const auto done = reader->for_each({}, [&](const std::string&) -> Result<void> {
    return ++taken == 3 ? Result<void>(fail("the disk is full")) : Result<void>();
  });
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().message, "the disk is full");
  EXPECT_EQ(taken, 3);
}

TEST_F(RollupReaderTest, NamesThatHoldNulAreNotAnothersNames) {
  const auto named = [&](std::uint8_t id, std::string track, std::string chassis) {
    auto r = std::make_shared<Rollup>(*rollup(id, id));
    r->track = std::move(track);
    r->chassis = std::move(chassis);
    return r;
  };
  using namespace std::string_literals;
  auto store = open();
  ASSERT_TRUE(store->commit({.rollups = {named(1, "a\0b"s, "c"), named(2, "a", "b\0c"s)}}));
  EXPECT_THAT(store->query({})->rollups,
              testing::ElementsAre(testing::HasSubstr(R"("track":"a","chassis":"b\u0000c")"),
                                   testing::HasSubstr(R"("track":"a\u0000b","chassis":"c")")));
}

}  // namespace
}  // namespace slipstream
