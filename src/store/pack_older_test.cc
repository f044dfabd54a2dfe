// Rollups that an older version wrote: read where they are, and packed piece by piece.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <new>
#include <random>
#include <set>

#include "store/rollup_reader.h"
#include "store/store_file.h"
#include "store/store_fixture.h"
#include "store/store_views.h"

namespace slipstream {
namespace {

using testing::IsEmpty;

constexpr int kVersionBefore = kPackedSince - 1;

struct PackOlderTest : RollupStoreTest {
  /// A store of the version before, with so many rollups of two windows and 7 machines.
  void write_old(std::uint32_t count) {
    auto old = Database::open(path(), SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE).value();
    for (int part = 0; part < kVersionBefore; ++part) {
      ASSERT_TRUE(old.execute(kStoreSchema[part]));
    }
    // As it had some, which name the table.
    ASSERT_TRUE(old.execute(
        "CREATE VIEW sectors AS SELECT id, chassis, json_extract(stats, '$.avg_speed_kmh') AS "
        "avg_speed_kmh FROM rollups WHERE window = 'sector' AND late = 0;"
        "CREATE VIEW seconds AS SELECT id FROM rollups WHERE window = 'second';"
        "CREATE VIEW rollup_fields AS SELECT id FROM rollups"));
    ASSERT_TRUE(old.execute(fmt::format("PRAGMA user_version={};BEGIN", kVersionBefore).c_str()));
    auto insert = old.prepare(
                         "INSERT INTO rollups (window, window_id, track, chassis, lap, sector, "
                         "count, first_ns, last_ns, partition, sequence, late, stats, tags) VALUES "
                         "(?,?,?,?,?,?,?,?,?,?,?,?,?,?)")
                      .value();
    for (std::uint32_t n = 1; n <= count; ++n) {
      const auto r = made(n);
      std::string stats;
      append_rollup_stats(stats, *r, schema_.fields());
      insert.bind(1, r->window).bind_blob(2, r->window_id.data(), r->window_id.size());
      insert.bind(3, r->track).bind(4, r->chassis).bind(5, r->lap).bind(6, r->sector);
      insert.bind(7, static_cast<std::int64_t>(r->count)).bind(8, r->first_time.ns);
      insert.bind(9, r->last_time.ns).bind(10, 0).bind(11, n).bind(12, std::int64_t{r->late});
      // One that is no matrix of figures stays as it is.
      const std::string odd = R"({"avg_a":1,"min_b":2})";
      insert.bind(13, n % 97 == 0 ? odd : stats).bind(14, r->tags);
      ASSERT_TRUE(insert.run());
    }
    ASSERT_TRUE(old.execute("COMMIT"));
  }
  std::shared_ptr<Rollup> made(std::uint32_t n) {
    auto r = std::make_shared<Rollup>(*many(n, 1).front());
    r->window = n % 3 == 0 ? "sector" : "second";
    r->chassis = fmt::format("car-{}", n % 7);
    r->lap = static_cast<std::int32_t>(n % 5);
    r->sequence = n;
    r->late = n % 50 == 0;
    r->tags = n % 4 == 0 ? R"("wheel":"fl")" : "";
    r->fields.front().avg += n / 8.0;
    return r;
  }
  static std::vector<std::string> pages(RollupStore& store, RollupQuery query) {
    std::vector<std::string> all;
    while (true) {
      const auto page = store.query(query);
      EXPECT_TRUE(page) << page.error().message;
      if (!page) return all;
      all.insert(all.end(), page->rollups.begin(), page->rollups.end());
      if (!page->next) return all;
      query.cursor = *page->next;
    }
  }
  /// What everybody sees of the store.
  std::vector<std::vector<std::string>> seen(RollupStore& store) {
    RollupQuery tagged{.limit = 50};
    tagged.tags.add("wheel", "fl");
    std::vector<std::vector<std::string>> all = {
        pages(store, {.limit = 50}),
        pages(store, {.window = "sector", .chassis = "car-3", .limit = 7}),
        pages(store, {.track = "cota", .lap = 2, .limit = 100}), pages(store, tagged)};
    StoredRollupsQuery by_row{.upto = store.newest()->row, .max_rows = 64};
    auto& rows = all.emplace_back();
    while (by_row.after.row < by_row.upto) {
      const auto page = store.read_stored(by_row).value();
      EXPECT_EQ(page.gone, 0u);
      rows.insert(rows.end(), page.rollups.begin(), page.rollups.end());
      by_row.after = page.to;
    }
    auto& exported = all.emplace_back();
    auto reader = RollupReader::open(directory_).value();
    EXPECT_TRUE(reader->for_each({}, [&](const std::string& json) -> Result<void> {
      exported.push_back(json);
      return {};
    }));
    EXPECT_EQ(reader->count({}).value(), exported.size());
    for (const auto* const sql :
         {"SELECT count(*), total(count), total(late), total(first_ns % 1000003), count(DISTINCT "
          "window_id), max(hex(window_id) || typeof(window_id)), min(track || chassis || tags) "
          "FROM rollups",
          "SELECT count(*), total(avg), total(min), total(max), total(std), total(last), "
          "max(tags), "
          "group_concat(DISTINCT field) FROM rollup_fields",
          "SELECT count(*), total(avg_speed_kmh), total(max_speed_kmh), total(seconds), max(tags), "
          "max(first_ts) FROM sectors",
          "SELECT count(*), total(avg_speed_kmh), count(last_lapdist_m), max(second) FROM seconds",
          "SELECT total(json_extract(stats, '$.avg_speed_kmh')), total(json_extract(stats, "
          "'$.std_speed_kmh')), total(json_extract(stats, '$.min_b')) FROM rollups"}) {
      auto& row = all.emplace_back();
      auto database = Database::open(path(), SQLITE_OPEN_READONLY).value();
      auto statement = database.prepare(sql);
      EXPECT_TRUE(statement) << sql << (statement ? "" : statement.error().message);
      const auto stepped = statement->step();
      EXPECT_TRUE(stepped) << sql << (stepped ? "" : stepped.error().message);
      for (int column = 0; column < 8; ++column) row.emplace_back(statement->text(column));
    }
    return all;
  }
  static void expect_the_same(const std::vector<std::vector<std::string>>& is,
                              const std::vector<std::vector<std::string>>& should) {
    ASSERT_EQ(is.size(), should.size());
    for (std::size_t i = 0; i < is.size(); ++i) EXPECT_EQ(is[i], should[i]) << i;
  }
};

TEST_F(PackOlderTest, EverybodySeesTheSameBeforeWhileAndAfterAndAcrossKills) {
  constexpr std::uint32_t kCount = 900;
  write_old(kCount);
  auto store = open();
  ASSERT_TRUE(store->has_unpacked());
  const auto expected = seen(*store);
  ASSERT_EQ(expected[0].size(), kCount);
  int pieces = 0;
  for (; store->has_unpacked(); ++pieces) {
    expect_the_same(seen(*store), expected);
    EXPECT_THAT(check_store_file(path())->faults, IsEmpty());
    ASSERT_TRUE(store->pack_some());
    // Nothing but the file outlives this, as it does a process that is killed.
    if (pieces % 2 == 0) store = open();
  }
  EXPECT_GT(pieces, 2);
  expect_the_same(seen(*store), expected);
  EXPECT_THAT(check_store_file(path())->faults, IsEmpty());
  auto database = Database::open(path(), SQLITE_OPEN_READONLY).value();
  EXPECT_EQ(database.integer("SELECT count(*) FROM packed_rollups").value(), kCount);
  EXPECT_EQ(database.integer("SELECT count(*) FROM packed_rollups WHERE layout IS NULL").value(),
            kCount / 97);
  EXPECT_EQ(
      database.integer("SELECT count(*) FROM sqlite_schema WHERE name LIKE 'unpacked%'").value(),
      0);
  EXPECT_EQ(database.integer("SELECT count(*) FROM window_retention").value(), 0)
      << "what an older version kept is kept on";
}

TEST_F(PackOlderTest, ViewsThatSomebodyElseMadeGoOnAsTheyWere) {
  write_old(600);
  ASSERT_TRUE(Database::open(path(), SQLITE_OPEN_READWRITE)
                  .value()
                  .execute("CREATE VIEW best AS SELECT chassis, max(avg_speed_kmh) AS speed FROM "
                           "sectors GROUP BY chassis;"
                           "CREATE VIEW \"all of\" AS SELECT id FROM rollups"));
  auto store = open();
  const auto expect_them = [&] {
    auto database = Database::open(path(), SQLITE_OPEN_READONLY).value();
    EXPECT_EQ(database.integer("SELECT count(*) FROM \"all of\"").value(), 600);
    EXPECT_EQ(database.integer("SELECT count(*) FROM best WHERE speed > 0").value(), 7);
    EXPECT_EQ(database
                  .integer("SELECT count(*) FROM sqlite_schema WHERE sql = 'CREATE VIEW \"all of\" "
                           "AS SELECT id FROM rollups'")
                  .value(),
              1);
  };
  ASSERT_TRUE(store->has_unpacked());
  expect_them();
  while (store->has_unpacked()) ASSERT_TRUE(store->pack_some());
  expect_them();
}

TEST_F(PackOlderTest, WhatCannotBePackedStaysWhereItIs) {
  write_old(600);
  auto store = open();
  const auto expected = seen(*store);
  auto database = Database::open(path(), SQLITE_OPEN_READWRITE).value();
  // At the first piece, in the middle, and at the end, where the table goes.
  for (const auto* const full : {"INSERT ON packed_rollups", "DELETE ON unpacked_rollups",
                                 "INSERT ON packed_rollups WHEN NEW.id = 599"}) {
    ASSERT_TRUE(database.execute(
        fmt::format("CREATE TRIGGER full BEFORE {} BEGIN SELECT RAISE(ABORT, 'full'); END", full)
            .c_str()));
    while (store->pack_some()) ASSERT_TRUE(store->has_unpacked());
    ASSERT_TRUE(store->has_unpacked());
    expect_the_same(seen(*store), expected);
    ASSERT_TRUE(database.execute("DROP TRIGGER full"));
  }
  EXPECT_EQ(store->commit({.rollups = {made(601)}}).value(), std::vector<RollupRow>{601});
  while (store->has_unpacked()) ASSERT_TRUE(store->pack_some());
  EXPECT_THAT(check_store_file(path())->faults, IsEmpty());
  EXPECT_EQ(store->newest()->row, 601);
}

TEST_F(PackOlderTest, AKillAtAnyMomentLeavesEveryRollupOnceOldAndNew) {
  constexpr std::uint32_t kOld = 6'000;
  write_old(kOld);
  // What the child, which nobody asks to end, says that it has committed.
  void* const shared = mmap(nullptr, sizeof(std::atomic<std::uint32_t>), PROT_READ | PROT_WRITE,
                            MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(shared, MAP_FAILED);
  auto& committed = *new (shared) std::atomic<std::uint32_t>(kOld);
  std::mt19937 random(11);
  bool has_unpacked = true;
  int kills = 0;
  for (; has_unpacked; ++kills) {
    ASSERT_LT(kills, 1'000);
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      auto store = RollupStore::open(directory_, {}, schema_.fields());
      for (int step = 0; store; ++step) {
        const std::uint32_t next = committed.load() + 1;
        if (step % 3 == 0 && (*store)->commit({.rollups = {made(next)}})) committed.store(next);
        if ((*store)->has_unpacked() && !(*store)->pack_some()) break;
      }
      _exit(1);
    }
    // Now and then before it has opened the file, now and then in the middle of a piece.
    usleep(static_cast<useconds_t>(random() % 60'000));
    ASSERT_EQ(kill(child, SIGKILL), 0);
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status)) << "it ended by itself, " << WEXITSTATUS(status);

    auto database = Database::open(path(), SQLITE_OPEN_READWRITE).value();
    has_unpacked = has_unpacked_rollups(database).value();
    const auto version = database.integer("PRAGMA user_version").value();
    ASSERT_TRUE(version == kVersionBefore || version == kStoreVersion) << version;
    // One that was committed without its answer may be there, too.
    const auto count = database.integer("SELECT count(*) FROM rollups").value();
    ASSERT_TRUE(count == committed.load() || count == committed.load() + 1) << count;
    committed.store(static_cast<std::uint32_t>(count));
    ASSERT_EQ(database.integer("SELECT count(DISTINCT window_id) FROM rollups").value(), count);
    ASSERT_EQ(database.integer("SELECT count(*) FROM rollups WHERE id <> sequence").value(), 0)
        << "each has the number that it had";
    ASSERT_EQ(database.integer("SELECT max(id) FROM rollups").value(), count);
  }
  EXPECT_THAT(check_store_file(path())->faults, IsEmpty());
  auto store = open();
  const auto all = pages(*store, {.limit = 1'000});
  ASSERT_EQ(all.size(), committed.load());
  const std::set<std::string> once(all.begin(), all.end());
  for (std::uint32_t n = 1; n <= committed.load(); ++n) {
    if (n % 97 == 0 && n <= kOld) continue;  // the odd ones of the older version
    std::string json;
    append_rollup_json(json, *made(n), schema_.fields());
    ASSERT_TRUE(once.contains(json)) << json;
  }
  munmap(shared, sizeof committed);
}

TEST_F(PackOlderTest, RollupsAreStoredOnceWhateverIsPacked) {
  write_old(600);
  auto store = open();
  std::int64_t next = 601;
  while (true) {
    for (const std::uint32_t n : {1u, 300u, 600u}) {
      EXPECT_EQ(store->commit({.rollups = {made(n)}}).value(), std::vector<RollupRow>{0}) << n;
      // Of another id, and holding no time that the one of its place has not.
      auto again = made(n);
      again->window_id[0] = 77;
      again->key_lap = again->key_sector = true;
      again->may_repeat = {{n - 1, n}};
      EXPECT_EQ(store->commit({.rollups = {again}}).value(), std::vector<RollupRow>{0}) << n;
    }
    EXPECT_EQ(store->commit({.rollups = {made(static_cast<std::uint32_t>(10'000 + next))}}).value(),
              std::vector<RollupRow>{next});
    EXPECT_EQ(store->newest()->row, next++);
    if (!store->has_unpacked()) break;
    ASSERT_TRUE(store->pack_some());
  }
  EXPECT_GT(next, 603);
}

TEST_F(PackOlderTest, AnUpgradeThatFailsLeavesTheFileAsItWas) {
  auto old = Database::open(path(), SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE).value();
  for (int part = 0; part < kTagsSince - 1; ++part) ASSERT_TRUE(old.execute(kStoreSchema[part]));
  // In the way of the last part.
  ASSERT_TRUE(old.execute(
      fmt::format("CREATE TABLE series (a); PRAGMA user_version = {}", kTagsSince - 1).c_str()));
  ASSERT_FALSE(RollupStore::open(directory_, {}, schema_.fields()));
  EXPECT_EQ(old.integer("PRAGMA user_version").value(), kTagsSince - 1);
  EXPECT_EQ(
      old.integer("SELECT count(*) FROM pragma_table_info('rollups') WHERE name = 'tags'").value(),
      0);
  ASSERT_TRUE(old.execute("DROP TABLE series"));
  EXPECT_TRUE(RollupStore::open(directory_, {}, schema_.fields()));
}

TEST_F(PackOlderTest, RetentionTakesTheOldestOfBothKinds) {
  write_old(500);
  auto store = open({.retention = {.rollups = 100}});
  ASSERT_TRUE(store->pack_some());
  ASSERT_TRUE(store->has_unpacked());
  EXPECT_FALSE(store->prune({}, {}).value());
  const auto left = pages(*store, {.limit = 1'000});
  EXPECT_EQ(left.size(), 100u);
  EXPECT_THAT(left.front(), testing::HasSubstr(R"("chassis":"car-3")"));  // 500 % 7
}

TEST_F(PackOlderTest, SalvageCopiesBothKinds) {
  write_old(400);
  {
    auto store = open();
    ASSERT_TRUE(store->pack_some());
  }
  const auto fresh = directory_ / "fresh";
  std::filesystem::create_directory(fresh);
  const auto salvage = salvage_store_file(path(), fresh / kStoreFile, [](std::uint64_t) {});
  ASSERT_TRUE(salvage) << salvage.error().message;
  EXPECT_EQ(salvage->rollups, 400u);
  EXPECT_THAT(salvage->damaged_tables, IsEmpty());
  EXPECT_THAT(check_store_file(fresh / kStoreFile)->faults, IsEmpty());
  auto store = open();
  auto copy = RollupStore::open(fresh, {}, schema_.fields()).value();
  EXPECT_EQ(pages(*copy, {.limit = 100}), pages(*store, {.limit = 100}));
}

}  // namespace
}  // namespace slipstream
