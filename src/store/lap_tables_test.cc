#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <random>

#include "codec/lap_json.h"
#include "store/lap_fixture.h"
#include "store/lap_sql.h"
#include "store/session_book.h"
#include "store/store_views.h"

namespace slipstream {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

TEST_F(StoredLapsTest, AreReadAsTheyWereTold) {
  const auto store = open();
  Lap told = lap(key("A", 10, "s1"), 7, 10);
  told.is_official = true;
  told.pit_in = true;
  told.missing = 3;
  told.duplicates = 2;
  told.discarded = 40;
  told.is_rewound = true;
  told.repeat = 4;
  const auto passed = put(*store, {activity(key("A", 10, "s1"), 200)}, {told});
  ASSERT_THAT(passed, SizeIs(1));
  EXPECT_EQ(passed[0].row, 1);
  const auto found = all(*store);
  ASSERT_THAT(found, SizeIs(1));
  for (const StoredLap& one : {passed[0], found[0], store->find_lap(found[0].id)->value()}) {
    std::string json;
    append_lap_json(json, one);
    const std::string session = session_id_of(key("A", 10, "s1"));
    EXPECT_EQ(json, fmt::format(
                        R"({{"id":"{0}-{1}-7","session":"{0}","track":"spa","chassis":"A","lap":7,)"
                        R"("started":"1970-01-01T00:00:10Z","ended":"1970-01-01T00:01:40Z",)"
                        R"("lap_time_s":90,"sector_times_s":[30.5,null,29.25],"complete":true,)"
                        R"("valid":true,"pit_in":true,"pit_out":false,"compound":"soft",)"
                        R"("official":true,"points":1500,"missing":3,"duplicates":2,)"
                        R"("longest_gap_s":0.25,"discarded":40,"max_speed_kmh":231.5,)"
                        R"("best":"session","revision":1,"part":"s1","begun_here":true,)"
                        R"("rewound":true,"channels":["rpm","speed_kmh"]}})",
                        session, machine_id_of("A")));
    EXPECT_EQ(one.lap->repeat, 4u);
    EXPECT_EQ(one.lap->activity, told.activity);
  }
}

TEST_F(StoredLapsTest, OfOneThatIsNotCompleteTimesAreNotKnown) {
  const auto store = open();
  Lap told = lap(key("A", 10), 7, 10);
  told.is_complete = false;
  told.compound.clear();
  told.max_speed_kmh.reset();
  const auto passed = put(*store, {}, {told});
  ASSERT_THAT(passed, SizeIs(1));
  std::string json;
  append_lap_json(json, passed[0]);
  EXPECT_THAT(json, testing::HasSubstr(
                        R"("lap_time_s":null,"sector_times_s":null,"complete":false,"valid":null,)"
                        R"("pit_in":null,"pit_out":null,"compound":null,"official":false)"));
  EXPECT_THAT(json, testing::HasSubstr(R"("max_speed_kmh":null,"best":null)"));
  EXPECT_THAT(json, testing::HasSubstr(R"("part":null)"));
}

TEST_F(StoredLapsTest, AHigherRevisionTakesANewRowAndLowerOnesAreDropped) {
  const auto store = open();
  const Lap first = lap(key("A", 10), 1, 10);
  EXPECT_THAT(put(*store, {}, {first}), SizeIs(1));
  EXPECT_THAT(put(*store, {}, {first}), IsEmpty()) << "a replay tells it again";
  EXPECT_THAT(put(*store, {}, {revised(first, 0)}), IsEmpty());
  auto passed = put(*store, {}, {revised(first, 2), revised(first, 3)});
  ASSERT_THAT(passed, SizeIs(1)) << "that of the lower one was never seen";
  EXPECT_EQ(passed[0].lap->revision, 3u);
  EXPECT_EQ(passed[0].row, 3);
  EXPECT_THAT(put(*store, {}, {revised(first, 2)}), IsEmpty());
  EXPECT_THAT(all(*store), SizeIs(1));
  EXPECT_EQ(sessions(*store)[0].laps, 1u);
  const auto read = store->read_stored_laps({.after = {}, .upto = 3});
  ASSERT_THAT(read->laps, SizeIs(1));
  EXPECT_EQ(read->to, *store->newest_lap());
}

TEST_F(StoredLapsTest, OneThatIsDrivenIsReplacedAndPassedOnToNobody) {
  const auto store = open();
  Lap running = revised(lap(key("A", 10), 1, 10), 0);
  running.is_complete = false;
  EXPECT_THAT(put(*store, {}, {running}), IsEmpty());
  running.points = 7;
  EXPECT_THAT(put(*store, {}, {running}), IsEmpty());
  ASSERT_THAT(all(*store), SizeIs(1));
  EXPECT_EQ(all(*store)[0].lap->points, 7u);
  EXPECT_EQ(all(*store)[0].row, 1);
  EXPECT_EQ(sessions(*store)[0].laps, 0u);
  EXPECT_EQ(*store->newest_lap(), LapCursor{});
  const auto closed = put(*store, {}, {lap(key("A", 10), 1, 10)});
  ASSERT_THAT(closed, SizeIs(1));
  EXPECT_EQ(closed[0].row, 2);
  EXPECT_EQ(sessions(*store)[0].laps, 1u);
}

TEST_F(StoredLapsTest, NoRowIsGivenOutTwice) {
  const Lap first = lap(key("A", 10), 1, 10);
  put(*open(), {}, {first, lap(key("A", 10), 2, 100)});
  put(*open(), {}, {revised(lap(key("A", 10), 2, 100), 2)});
  EXPECT_EQ(put(*open(), {}, {lap(key("A", 10), 3, 200)})[0].row, 4);
}

TEST_F(StoredLapsTest, LapsOfOneNumberAreCountedByTheirBeginningWhateverTheOrderOfTelling) {
  const auto store = open();
  const auto a = key("A", 10);
  const auto b = key("A", 400);
  put(*store, {}, {lap(b, 1, 400)});
  const auto alone = all(*store)[0].id;
  put(*store, {}, {lap(a, 1, 10)});
  Lap again = lap(a, 1, 200);
  again.repeat = 1;
  put(*store, {}, {again});
  const std::string name = session_id_of(a) + "-" + machine_id_of("A") + "-1";
  EXPECT_THAT(ids(all(*store)), ElementsAre(name + "-3", name + "-2", name));
  EXPECT_EQ(store->find_lap(name + "-2")->value().lap->began.ns, 200 * kNsPerSecond);
  EXPECT_EQ(store->find_lap(alone)->value().lap->began.ns, 400 * kNsPerSecond)
      << "the id that it had before its session was joined";
  for (const std::string& bad : {name + "-4", name + "-1", name + "-", name + "x", name.substr(1),
                                 std::string("x"), std::string(), name + "0"}) {
    EXPECT_EQ(*store->find_lap(bad), std::nullopt) << bad;
  }
}

TEST_F(StoredLapsTest, AreReadBehindACursorAndNotBehindOneOfAnotherStore) {
  const auto store = open();
  Lap running = revised(lap(key("A", 10), 4, 400), 0);
  running.is_complete = false;
  put(*store, {}, {lap(key("A", 10), 1, 10), lap(key("A", 10), 2, 100), running});
  put(*store, {}, {lap(key("A", 10), 3, 200)});
  const LapCursor newest = *store->newest_lap();
  EXPECT_EQ(newest.row, 4);
  std::vector<std::int32_t> numbers;
  LapCursor at;
  while (at.row < newest.row) {
    const auto page = store->read_stored_laps({.after = at, .upto = newest.row, .max_rows = 1});
    ASSERT_TRUE(page);
    ASSERT_FALSE(page->is_foreign);
    for (const auto& one : page->laps) numbers.push_back(one.lap->lap);
    at = page->to;
  }
  EXPECT_THAT(numbers, ElementsAre(1, 2, 3)) << "one that is driven is nobody's";
  EXPECT_EQ(at, newest);
  EXPECT_THAT(store->read_stored_laps({.after = at, .upto = at.row})->laps, IsEmpty());
  EXPECT_TRUE(store->read_stored_laps({.after = {2, 12'345}, .upto = at.row})->is_foreign);
}

TEST_F(StoredLapsTest, TheBestAreOfThoseThatCount) {
  const auto store = open();
  Lap cut = lap(key("A", 10), 1, 10, -5);
  cut.is_valid = false;
  Lap broken = lap(key("A", 10), 2, 100, -5);
  broken.is_complete = false;
  Lap unjudged = lap(key("A", 10), 4, 300, -2);
  unjudged.is_valid.reset();
  put(*store, {}, {cut, broken, lap(key("A", 10), 3, 200, -1), unjudged});
  put(*store, {}, {lap(key("B", 10), 1, 10, 3), lap(key("B", 10), 2, 110, 1)});
  put(*store, {}, {lap(key("B", 10, "s1"), 1, 10, 9)});
  std::map<std::string, BestLap> best;
  for (const auto& one : all(*store)) {
    best[fmt::format("{}{}{}", one.lap->activity.source_session, one.lap->activity.chassis,
                     one.lap->lap)] = one.best;
  }
  const std::map<std::string, BestLap> expected = {
      {"A1", BestLap::kNone},     {"A2", BestLap::kNone}, {"A3", BestLap::kNone},
      {"A4", BestLap::kSession},  {"B1", BestLap::kNone}, {"B2", BestLap::kPersonal},
      {"s1B1", BestLap::kSession}};
  EXPECT_EQ(best, expected);
}

TEST_F(StoredLapsTest, PagesGiveEachOnceTheNewestFirst) {
  const auto store = open();
  std::vector<Lap> laps;
  for (std::int32_t n = 0; n < 25; ++n) {
    for (const char* const chassis : {"A", "B", "C"}) {
      laps.push_back(lap(key(chassis, 10), n, 10 + 100 * n));  // all begin together
    }
  }
  put(*store, {}, laps);
  std::vector<std::string> seen;
  LapQuery query{.limit = 7};
  for (int page = 0; page < 11; ++page) {
    const auto found = store->query_laps(query);
    ASSERT_TRUE(found);
    std::ranges::move(ids(found->laps), std::back_inserter(seen));
    ASSERT_EQ(found->next.has_value(), page < 10);
    query.cursor = found->next.value_or("");
    // A revision between two pages moves none of those that began together.
    if (page == 3) put(*store, {}, {revised(lap(key("A", 10), 15, 10 + 100 * 15), 2)});
  }
  EXPECT_THAT(seen, SizeIs(75));
  std::ranges::sort(seen);
  EXPECT_EQ(std::ranges::adjacent_find(seen), seen.end());
  EXPECT_THAT(all(*store, {.chassis = "B"}), SizeIs(25));
  EXPECT_THAT(all(*store, {.track = "spa", .lap = 3}), SizeIs(3));
  EXPECT_THAT(all(*store, {.track = "cota"}), IsEmpty());
  EXPECT_THAT(all(*store, {.session = session_id_of(key("A", 10))}), SizeIs(75));
  EXPECT_THAT(all(*store, {.session = "s0000000000000000"}), IsEmpty());
  for (const char* const bad :
       {"x", "1", "1.2.3.4", "1.2.3.4.5", "1.00c0ffee.3.4", "1.00c0ffee.3.4.", "1.00c0ffee.3.4.5.6",
        "1.00C0FFEE.3.4.5", "1.00c0ffee.x.4.5", ".00c0ffee.3.4.5", "."}) {
    const auto found = store->query_laps({.cursor = bad});
    ASSERT_FALSE(found) << bad;
    EXPECT_EQ(found.error().code, ErrorCode::kRefused);
  }
}

TEST_F(StoredLapsTest, OfThoseThatBeganTogetherTheOrderIsTheirsNotThatOfTheTelling) {
  const auto order_of = [&](std::vector<Lap> laps) {
    std::filesystem::remove_all(directory_);
    const auto store = open();
    for (const Lap& one : laps) put(*store, {}, {one});
    put(*store, {}, {revised(laps.front(), 5)});
    std::vector<std::string> seen;
    LapQuery query{.limit = 1};
    for (bool is_first = true; is_first || !query.cursor.empty(); is_first = false) {
      const auto page = store->query_laps(query);
      for (const auto& one : page->laps) seen.push_back(one.lap->activity.track + one.id);
      query.cursor = page->next.value_or("");
    }
    for (const auto& one : sessions(*store)) seen.push_back(one.id);
    return seen;
  };
  std::vector<Lap> laps;
  for (const char* const track : {"spa", "cota"}) {
    for (const char* const chassis : {"A", "B", "C"}) {
      for (const std::uint32_t repeat : {0u, 1u}) {
        laps.push_back(lap(key(chassis, 10, "", track), 1, 10));
        laps.back().repeat = repeat;
      }
    }
  }
  const auto expected = order_of(laps);
  EXPECT_THAT(expected, SizeIs(laps.size() + 2)) << "and two sessions";
  std::mt19937 random(1);
  for (int i = 0; i < 5; ++i) {
    std::ranges::shuffle(laps, random);
    EXPECT_EQ(order_of(laps), expected);
  }
}

TEST_F(StoredLapsTest, OfTwoSessionsThatAreJoinedTheEarlierStaysWithItsName) {
  const auto store = open();
  put(*store, {activity(key("A", 0), 100), activity(key("B", 1'000), 1'100)},
      {lap(key("B", 1'000), 5, 1'000)});
  ASSERT_THAT(sessions(*store), SizeIs(2));
  const std::string early = session_id_of(key("A", 0));
  const std::string late = session_id_of(key("B", 1'000));
  EXPECT_EQ(store->edit_session({late, "qualifying"})->value().name, "qualifying");
  EXPECT_EQ(*store->edit_session({"s0000000000000000", "x"}), std::nullopt);
  const std::string old_lap = all(*store)[0].id;
  put(*store, {activity(key("C", 90), 950)});
  const auto joined = sessions(*store);
  ASSERT_THAT(joined, SizeIs(1));
  EXPECT_EQ(joined[0].id, early);
  EXPECT_EQ(joined[0].name, "qualifying");
  EXPECT_EQ(joined[0].machines, 3u);
  EXPECT_EQ(joined[0].laps, 1u);
  EXPECT_EQ(joined[0].points, 300u);
  EXPECT_EQ(store->find_session(late)->value().id, early);
  EXPECT_THAT(all(*store, {.session = late}), SizeIs(1));
  EXPECT_EQ(store->find_lap(old_lap)->value().id, ids(all(*store))[0]);
  EXPECT_EQ(store->edit_session({late, "race"})->value().id, early);
  EXPECT_EQ(open()->find_session(early)->value().name, "race");
}

TEST_F(StoredLapsTest, ALapOfAnActivityThatNobodyToldYetHasASession) {
  const auto store = open();
  put(*store, {}, {lap(key("A", 10, "s1"), 1, 10)});
  EXPECT_EQ(sessions(*store)[0].points, 0u);
  put(*store, {activity(key("A", 10, "s1"), 300)});
  ASSERT_THAT(sessions(*store), SizeIs(1));
  EXPECT_EQ(sessions(*store)[0].points, 100u);
  EXPECT_EQ(sessions(*store)[0].ended.ns, 300 * kNsPerSecond);
  EXPECT_THAT(sessions(*store)[0].parts, ElementsAre("s1"));
}

TEST_F(StoredLapsTest, SessionsAreAskedForByTrackAndTime) {
  const auto store = open();
  put(*store, {activity(key("A", 0), 100), activity(key("A", 1'000), 1'100),
               activity(key("A", 2'000, "", "cota"), 2'100)});
  const auto starts = [&](SessionQuery query) {
    std::vector<std::int64_t> seconds;
    for (const auto& one : sessions(*store, std::move(query))) {
      seconds.push_back(one.started.ns / kNsPerSecond);
    }
    return seconds;
  };
  EXPECT_THAT(starts({}), ElementsAre(2'000, 1'000, 0));
  EXPECT_THAT(starts({.track = "spa"}), ElementsAre(1'000, 0));
  EXPECT_THAT(starts({.from = EventTime{1'100 * kNsPerSecond}}), ElementsAre(2'000, 1'000));
  EXPECT_THAT(
      starts({.from = EventTime{101 * kNsPerSecond}, .to = EventTime{1'000 * kNsPerSecond}}),
      ElementsAre(1'000));
}

TEST_F(StoredLapsTest, AnotherGapBooksAllSessionsAnew) {
  put(*open(), {activity(key("A", 0), 100), activity(key("B", 600), 700)},
      {lap(key("A", 0), 1, 0), lap(key("B", 600), 1, 600)});
  EXPECT_THAT(sessions(*open()), SizeIs(1));
  const auto shorter = open({.session_gap_ns = 300 * kNsPerSecond});
  EXPECT_THAT(sessions(*shorter), SizeIs(2));
  EXPECT_EQ(all(*shorter)[0].session, session_id_of(key("B", 600)));
  EXPECT_EQ(sessions(*shorter)[0].laps, 1u);
  EXPECT_THAT(sessions(*open()), SizeIs(1));
}

TEST_F(StoredLapsTest, ATrackLineTakesThePlaceOfTheOneBefore) {
  const auto store = open();
  Commit commit;
  commit.track_lines = {{"spa", "one"}, {"spa", "two"}, {"cota", "three"}};
  ASSERT_TRUE(store->commit(commit));
  EXPECT_EQ(*store->track_line("spa"), "two");
  EXPECT_EQ(*store->track_line("imola"), std::nullopt);
}

TEST_F(StoredLapsTest, StockSqlReadsViews) {
  Lap other = lap(key("A", 10), 2, 100);
  other.is_complete = false;
  put(*open(), {activity(key("A", 10), 300)}, {lap(key("A", 10), 1, 10), other});
  auto database = Database::open(path(), SQLITE_OPEN_READONLY).value();
  auto rows = database
                  .prepare(
                      "SELECT id, started, lap_time_s, valid, best, channels, started_ns FROM "
                      "laps ORDER BY row")
                  .value();
  ASSERT_TRUE(rows.step().value());
  EXPECT_EQ(rows.text(0), all(*open())[1].id);
  EXPECT_EQ(rows.text(1), "1970-01-01T00:00:10.000Z");
  EXPECT_EQ(rows.real(2), 90);
  EXPECT_EQ(rows.integer(3), 1);
  EXPECT_EQ(rows.text(4), "session");
  EXPECT_EQ(rows.text(5), R"(["rpm","speed_kmh"])");
  EXPECT_EQ(rows.integer(6), 10 * kNsPerSecond);
  ASSERT_TRUE(rows.step().value());
  EXPECT_TRUE(rows.is_null(2));
  EXPECT_TRUE(rows.is_null(3));
  EXPECT_TRUE(rows.is_null(4));
  EXPECT_EQ(database
                .integer("SELECT count(*) FROM sessions WHERE track = 'spa' AND machines = 1 AND "
                         "laps = 2 AND ended = '1970-01-01T00:05:00.000Z' AND points = 100")
                .value(),
            1);
}

TEST_F(StoredLapsTest, AFileOfTheVersionBeforeGetsTheirTables) {
  {
    auto old = Database::open(path(), SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE).value();
    ASSERT_TRUE(make_store_schema(old, kLapsSince - 1, false));
    ASSERT_TRUE(old.execute(fmt::format("PRAGMA user_version={}", kLapsSince - 1).c_str()));
    EXPECT_FALSE(old.integer("SELECT count(*) FROM laps")) << "it had none";
  }
  const auto store = open();
  ASSERT_NE(store, nullptr);
  EXPECT_THAT(put(*store, {}, {lap(key("A", 10), 1, 10)}), SizeIs(1));
  auto now = Database::open(path(), SQLITE_OPEN_READONLY).value();
  EXPECT_EQ(now.integer("SELECT count(*) FROM laps").value(), 1);
  EXPECT_EQ(now.integer("PRAGMA user_version").value(), kStoreVersion);
}

TEST_F(StoredLapsTest, EachPageFindsItsLapsByAnIndex) {
  const auto store = open();
  auto database = Database::open(path(), SQLITE_OPEN_READONLY).value();
  for (const char* const condition : {"true", "l.session = 1", "l.track = 'spa'", "l.chassis = 'A'",
                                      "l.lap = 3", "l.session = 1 AND l.chassis = 'A'"}) {
    auto plan = database
                    .prepare(fmt::format(
                        "EXPLAIN QUERY PLAN SELECT l.id FROM stored_laps l WHERE {} ORDER BY {}",
                        condition, kLapOrder))
                    .value();
    while (plan.step().value()) {
      EXPECT_EQ(plan.text(3).find("TEMP B-TREE"), std::string_view::npos)
          << condition << ": " << plan.text(3);
    }
  }
}

TEST_F(StoredLapsTest, ALapIsNumberedByLookingAtThoseOfItsNumberInItsSessionAlone) {
  const auto store = open();
  auto database = Database::open(path(), SQLITE_OPEN_READONLY).value();
  auto plan = database.prepare(fmt::format("EXPLAIN QUERY PLAN {}", kLapGroup)).value();
  ASSERT_TRUE(plan.step().value());
  EXPECT_THAT(std::string(plan.text(3)), testing::HasSubstr("(session=? AND machine=? AND lap=?)"));
}

}  // namespace
}  // namespace slipstream
