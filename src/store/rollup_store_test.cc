#include "store/rollup_store.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "store/schema_sql.h"
#include "store/sqlite.h"
#include "store/store_fixture.h"

namespace slipstream {
namespace {

using testing::HasSubstr;
using testing::SizeIs;

TEST_F(RollupStoreTest, GivesBackWhatWasWrittenAsItWasEncoded) {
  auto store = open();
  const auto r = rollup(2, 1'757'000'000);
  ASSERT_TRUE(store->commit({.rollups = {r}}));
  std::string json;
  append_rollup_json(json, *r, schema_.fields());
  const auto page = store->query({});
  ASSERT_TRUE(page) << page.error().message;
  EXPECT_THAT(page->rollups, testing::ElementsAre(json));
  EXPECT_THAT(json, HasSubstr(R"("count":10,"first_ts":"2025-09-04T15:33:19Z")"));
  EXPECT_THAT(json, HasSubstr(R"("avg_speed_kmh":104.5,"min_speed_kmh":100,)"));
  EXPECT_THAT(json,
              HasSubstr(R"("window":"sector","window_id":"00000000000000000000000000000002"})"));
}

TEST_F(RollupStoreTest, SameWindowIsStoredOnce) {
  auto store = open();
  ASSERT_TRUE(store->commit({.rollups = {rollup(1, 5), rollup(1, 5)}}));
  ASSERT_TRUE(store->commit({.rollups = {rollup(1, 5)}}));
  EXPECT_THAT(store->query({})->rollups, SizeIs(1));
}

TEST_F(RollupStoreTest, WhatIsPerhapsInOthersIsStoredUnlessOneOfThemHoldsItsTime) {
  auto store = open();
  const auto with = [this](std::uint8_t id, std::int64_t last_s, std::uint64_t sequence,
                           std::vector<SequenceRange> may_repeat = {}) {
    const auto r = std::make_shared<Rollup>(*rollup(id, last_s));
    r->sequence = sequence;
    r->key_lap = r->key_sector = true;
    r->may_repeat = std::move(may_repeat);
    return r;
  };
  ASSERT_TRUE(store->commit({.rollups = {with(2, 10, 4), with(4, 20, 5), with(6, 30, 6)}}));
  const auto is_new = [&](const std::shared_ptr<Rollup>& r) {
    const auto rows = store->commit({.rollups = {r}});
    EXPECT_TRUE(rows);
    return rows && rows->front() != 0;
  };
  const std::vector<SequenceRange> those{{7, 8}, {4, 6}};
  EXPECT_FALSE(is_new(with(8, 20, 90, those)));
  EXPECT_TRUE(is_new(with(10, 10, 91, those))) << "that one was closed before the gap";
  EXPECT_TRUE(is_new(with(12, 20, 92))) << "its id tells it";
  EXPECT_TRUE(is_new(with(14, 15, 93, those))) << "at another time";
  const auto of_another_lap = with(16, 20, 94, those);
  of_another_lap->lap = 2;
  EXPECT_TRUE(is_new(of_another_lap));
  const auto earlier = with(18, 20, 95, those);
  earlier->first_time.ns -= 1;
  EXPECT_TRUE(is_new(earlier)) << "it holds a point that the other one does not";
  const auto of_another_partition = with(20, 20, 96, those);
  of_another_partition->partition = embedded_partition(1);
  EXPECT_TRUE(is_new(of_another_partition));
}

TEST_F(RollupStoreTest, PagesHoldEveryRowOnceThoughTimesAreEqual) {
  auto store = open();
  RollupBatch batch;
  for (std::uint8_t i = 1; i <= 50; ++i) batch.push_back(rollup(i, i / 10));
  ASSERT_TRUE(store->commit({.rollups = batch}));
  std::set<std::string> seen;
  RollupQuery query{.limit = 7};
  for (int pages = 0; pages < 20; ++pages) {
    const auto page = store->query(query);
    for (const auto& json : page->rollups) EXPECT_TRUE(seen.insert(json).second);
    if (!page->next) break;
    query.cursor = *page->next;
  }
  EXPECT_THAT(seen, SizeIs(50));
  EXPECT_FALSE(store->query({.cursor = "x"}));
}

TEST_F(RollupStoreTest, FiltersByEveryDimensionAndTime) {
  auto store = open();
  ASSERT_TRUE(store->commit({.rollups = {rollup(1, 10), rollup(2, 20), rollup(3, 30, "GR86-02"),
                                         rollup(4, 40, "GR86-02", 7)}}));
  EXPECT_THAT(store->query({.window = "sector"})->rollups, SizeIs(2));
  EXPECT_THAT(store->query({.chassis = "GR86-02"})->rollups, SizeIs(2));
  EXPECT_THAT(store->query({.track = "barber"})->rollups, SizeIs(0));
  EXPECT_THAT(store->query({.lap = 7})->rollups, SizeIs(1));
  EXPECT_THAT(
      store->query({.from = EventTime{20 * kNsPerSecond}, .to = EventTime{30 * kNsPerSecond}})
          ->rollups,
      SizeIs(2));
}

TEST_F(RollupStoreTest, GivesBackTheStateThatARestartNeeds) {
  auto store = open();
  EXPECT_FALSE(store->load()->layout);
  ASSERT_TRUE(store->start_layout("two", 2, 40, 7, {}));
  const Checkpoint first{.windows = "w1", .changed = {{0, "a"}, {3, "b"}}, .removed = {}};
  const Checkpoint second{.windows = "w2", .changed = {{3, "c"}}, .removed = {0, 9}};
  Commit commit;
  commit.newest = {{embedded_partition(1), {12, 170}}};
  commit.checkpoints = {{embedded_partition(1), {100, &first}},
                        {embedded_partition(1), {140, &second}}};
  commit.keys = {{"key", {5}, 200, "answer"}};
  commit.dead = {{embedded_partition(1), 60, 70, "threw"}};
  ASSERT_TRUE(store->commit(commit));

  const auto state = open()->load();
  ASSERT_TRUE(state) << state.error().message;
  EXPECT_EQ(state->layout, "two");
  ASSERT_THAT(state->partitions, SizeIs(2));
  EXPECT_EQ(state->partitions[0].offset, 40u);
  EXPECT_EQ(state->partitions[0].committed_offset, 40u);
  EXPECT_EQ(state->partitions[0].sequence, 7u);
  const auto& changed = state->partitions[1];
  EXPECT_EQ(changed.offset, 140u);
  EXPECT_EQ(changed.committed_offset, 170u);
  EXPECT_EQ(changed.sequence, 12u);
  EXPECT_EQ(changed.windows, "w2");
  EXPECT_THAT(changed.series, testing::ElementsAre(testing::Pair(3, "c")));
  ASSERT_THAT(state->keys, SizeIs(1));
  EXPECT_EQ(state->keys[0].answer, "answer");
  ASSERT_THAT(state->dead, SizeIs(1));
  EXPECT_EQ(state->dead[0].to, 70u);
  EXPECT_EQ(store->load_partition(embedded_partition(1))->value().windows, "w2");
  EXPECT_FALSE(*store->load_partition(embedded_partition(5)));

  ASSERT_TRUE(store->start_layout("one", 1, 200, 12, {}));
  const auto anew = store->load();
  EXPECT_EQ(anew->layout, "one");
  ASSERT_THAT(anew->partitions, SizeIs(1));
  EXPECT_THAT(anew->partitions[0].series, SizeIs(0));
}

TEST_F(RollupStoreTest, EveryPageIsReadFromAnIndexInItsOrder) {
  auto store = open();
  // Of 12 machines and two windows, in an order that is none of theirs, at times that repeat.
  RollupBatch batch;
  for (std::uint32_t i = 0; i < 3'000; ++i) {
    auto r = std::make_shared<Rollup>(*rollup(static_cast<std::uint8_t>(i % 2), (i * 7'919) % 500));
    r->chassis = "car-" + std::to_string(i % 12);
    r->track = i % 5 == 0 ? "barber" : "cota";
    r->lap = static_cast<std::int32_t>(i % 7);
    for (std::size_t byte = 0; byte < sizeof i; ++byte) {
      r->window_id[8 + byte] = static_cast<std::uint8_t>(i >> (8 * byte));
    }
    batch.push_back(std::move(r));
  }
  const auto rows = store->commit({.rollups = batch}).value();
  for (unsigned set = 0; set < 64; ++set) {
    RollupQuery query{.limit = 37};
    if ((set & 1) != 0) query.window = "sector";
    if ((set & 2) != 0) query.track = "cota";
    if ((set & 4) != 0) query.chassis = "car-3";
    if ((set & 8) != 0) query.lap = 4;
    if ((set & 16) != 0) query.from = EventTime{100 * kNsPerSecond};
    if ((set & 32) != 0) query.to = EventTime{300 * kNsPerSecond};
    std::vector<std::pair<RollupPlace, std::string>> expected;
    for (std::size_t i = 0; i < batch.size(); ++i) {
      const Rollup& r = *batch[i];
      const bool is_asked = (query.window.empty() || r.window == query.window) &&
                            (query.track.empty() || r.track == query.track) &&
                            (query.chassis.empty() || r.chassis == query.chassis) &&
                            (!query.lap || r.lap == *query.lap) &&
                            (!query.from || r.last_time >= *query.from) &&
                            (!query.to || r.last_time <= *query.to);
      if (!is_asked) continue;
      std::string json;
      append_rollup_json(json, r, schema_.fields());
      expected.emplace_back(RollupPlace{r.last_time.ns, rows[i]}, json);
    }
    std::ranges::sort(expected, std::greater());
    std::size_t next = 0;
    while (true) {
      const auto page = store->query(query);
      ASSERT_TRUE(page) << page.error().message;
      for (const auto& json : page->rollups) {
        ASSERT_LT(next, expected.size());
        ASSERT_EQ(json, expected[next++].second) << set;
      }
      if (!page->next) break;
      query.cursor = *page->next;
    }
    EXPECT_EQ(next, expected.size()) << set;
  }
}

TEST_F(RollupStoreTest, PagesOfMoreMachinesThanAreMergedAreTheSame) {
  auto store = open();
  RollupBatch batch;
  for (std::uint32_t i = 0; i < 5'000; ++i) {
    auto r = std::make_shared<Rollup>(*many(i, 1).front());
    r->chassis = "car-" + std::to_string(i);
    r->track = i % 2 == 0 ? "barber" : "cota";
    batch.push_back(std::move(r));
  }
  ASSERT_TRUE(store->commit({.rollups = batch}));
  RollupQuery query{.track = "cota", .limit = 1'000};
  std::uint32_t next = 5'000;
  while (true) {
    const auto page = store->query(query);
    ASSERT_TRUE(page) << page.error().message;
    for (const auto& json : page->rollups) {
      next -= next == 5'000 ? 1 : 2;
      EXPECT_THAT(json, HasSubstr(fmt::format(R"("chassis":"car-{}",)", next)));
    }
    if (!page->next) break;
    query.cursor = *page->next;
  }
  EXPECT_EQ(next, 1u);
}

TEST_F(RollupStoreTest, ALapIsFoundWhateverManyMachinesHaveNoSuchLap) {
  auto store = open();
  RollupBatch batch;
  for (std::uint32_t i = 0; i < 5'000; ++i) {
    auto r = std::make_shared<Rollup>(*many(i, 1).front());
    r->chassis = "car-" + std::to_string(i);
    r->track = i % 2 == 0 ? "barber" : "cota";
    r->lap = i % 1'000 == 7 ? 9 : 1;
    batch.push_back(std::move(r));
  }
  ASSERT_TRUE(store->commit({.rollups = batch}));
  EXPECT_THAT(store->query({.lap = 9, .limit = 1'000})->rollups, SizeIs(5));
  EXPECT_THAT(store->query({.track = "cota", .lap = 9, .limit = 1'000})->rollups, SizeIs(5));
  EXPECT_THAT(store->query({.track = "barber", .lap = 9, .limit = 1'000})->rollups, SizeIs(0));
  EXPECT_THAT(store->query({.lap = 2})->rollups, SizeIs(0));
  std::size_t found = 0;
  RollupQuery query{.track = "barber", .lap = 1, .limit = 1'000};
  while (true) {
    const auto page = store->query(query).value();
    found += page.rollups.size();
    if (!page.next) break;
    query.cursor = *page.next;
  }
  EXPECT_EQ(found, 2'500u);
}

TEST_F(RollupStoreTest, TagsComeBackAndAreAskedForByNameAndValue) {
  auto store = open();
  ASSERT_TRUE(store->commit(
      {.rollups = {tagged(1, 10, R"("axle":"front","wheel":"fl")"),
                   tagged(3, 20, R"("axle":"front","wheel":"fr")"),
                   tagged(5, 30, R"("axle":"re\"ar","wheel":"rl")"), rollup(7, 40)}}));
  const auto found = [&](std::initializer_list<Tag> wanted) {
    RollupQuery query;
    for (const Tag& tag : wanted) query.tags.add(tag.name, tag.value);
    return store->query(query)->rollups;
  };
  EXPECT_THAT(found({}), SizeIs(4));
  EXPECT_THAT(found({{"wheel", "fl"}}),
              ElementsAre(HasSubstr(R"(Z","axle":"front","wheel":"fl","tags":{"axle":"front",)"
                                    R"("wheel":"fl"},)")));
  EXPECT_THAT(found({{"axle", "front"}}), SizeIs(2));
  EXPECT_THAT(found({{"axle", "re\"ar"}}), SizeIs(1));
  EXPECT_THAT(found({{"axle", "front"}, {"wheel", "fl"}, {"wheel", "rl"}}), SizeIs(1));
  EXPECT_THAT(found({{"wheel", "f"}}), SizeIs(0));
  EXPECT_THAT(found({{"fl", "wheel"}}), SizeIs(0));
  EXPECT_THAT(store->query({.limit = 1})->rollups, ElementsAre(HasSubstr(R"("tags":{},)")));
}

TEST_F(RollupStoreTest, TheViewsTellSeriesApart) {
  ASSERT_TRUE(open()->commit({.rollups = {tagged(1, 10, R"("wheel":"fl")"),
                                          tagged(2, 20, R"("wheel":"fr")"), rollup(4, 30)}}));
  auto database = Database::open(path(), SQLITE_OPEN_READONLY);
  for (const auto* const view : {"seconds", "sectors", "rollup_fields"}) {
    auto rows = database->prepare(fmt::format(
        "SELECT json_extract(tags, '$.wheel') FROM {} WHERE tags <> '{{}}' LIMIT 1", view));
    ASSERT_TRUE(rows) << view;
    ASSERT_TRUE(rows->step().value()) << view;
    EXPECT_THAT(std::string(rows->text(0)), testing::StartsWith("f")) << view;
  }
}

TEST_F(RollupStoreTest, TheViewsHaveTheirTimeAsSecondsToo) {
  ASSERT_TRUE(open()->commit({.rollups = {rollup(1, 10), rollup(2, 20), rollup(4, 30)}}));
  auto database = Database::open(path(), SQLITE_OPEN_READONLY);
  for (const auto& [view, time] :
       {std::pair("seconds", "second"), {"sectors", "first_ts"}, {"rollup_fields", "first_ts"}}) {
    const auto right = database->integer(
        fmt::format("SELECT count(*) FROM {} WHERE abs(epoch_s - (julianday({}) - 2440587.5) * "
                    "86400) < 0.001",
                    view, time));
    ASSERT_TRUE(right) << view << ": " << right.error().message;
    EXPECT_GT(*right, 0) << view;
    EXPECT_EQ(*right, database->integer(fmt::format("SELECT count(*) FROM {}", view)).value())
        << view;
  }
  EXPECT_EQ(
      database->integer("SELECT count(*) FROM rollups WHERE epoch_s = first_ns / 1e9").value(), 3);
  for (const auto* const view : {"marks", "laps", "sessions"}) {
    EXPECT_TRUE(database->integer(fmt::format("SELECT count(epoch_s) FROM {}", view))) << view;
  }
}

TEST_F(RollupStoreTest, TakesUpAStoreOfTheFirstVersion) {
  {
    auto old = Database::open((directory_ / "slipstream.db").string(),
                              SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
    ASSERT_TRUE(old->execute(kStoreSchema[0]));
    ASSERT_TRUE(old->execute("PRAGMA user_version=1"));
  }
  auto store = open();
  ASSERT_NE(store, nullptr);
  EXPECT_TRUE(store->commit({.rollups = {rollup(1, 1)}}));
  EXPECT_TRUE(store->load());
}

TEST_F(RollupStoreTest, TheViewOfFieldsHasAColumnForEveryStatistic) {
  {  // with the view that 0.1 made
    auto old = Database::open(path(), SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
    ASSERT_TRUE(old->execute(kStoreSchema[0]));
    ASSERT_TRUE(old->execute("PRAGMA user_version=1"));
  }
  auto some = std::make_shared<Rollup>(*rollup(1, 1));
  some->statistics.set(StatisticGroup::kFirst);
  ASSERT_TRUE(open()->commit({.rollups = {some}}));
  auto database = Database::open(path(), SQLITE_OPEN_READONLY);
  for (const auto& statistic : kStatistics) {
    auto row = database->prepare(
        fmt::format("SELECT {} FROM rollup_fields WHERE field = 'speed_kmh'", statistic.name()));
    ASSERT_TRUE(row) << statistic.name();
    ASSERT_TRUE(row->step().value());
    if (some->statistics.has(statistic.group)) {
      EXPECT_EQ(std::stod(std::string(row->text(0))), some->fields[0].*statistic.member);
    } else {
      EXPECT_EQ(row->text(0), "") << statistic.name();
    }
  }
}

TEST_F(RollupStoreTest, RefusesWhatItCannotOpenAndSaysWhy) {
  open();
  {
    auto database = Database::open((directory_ / "slipstream.db").string(), SQLITE_OPEN_READWRITE);
    ASSERT_TRUE(database->execute("PRAGMA user_version=99"));
  }
  const auto newer = RollupStore::open(directory_, {}, schema_.fields());
  ASSERT_FALSE(newer);
  EXPECT_THAT(newer.error().message, HasSubstr("newer version"));
  const auto nowhere = RollupStore::open("/proc/none", {}, schema_.fields());
  ASSERT_FALSE(nowhere);
  EXPECT_THAT(nowhere.error().message, HasSubstr("/proc/none"));
}

TEST_F(RollupStoreTest, PagesGiveEveryRowOnceInTheOrderOfCommits) {
  const auto store = open();
  EXPECT_EQ(store->newest()->to_text(), "0");
  RollupBatch batch;
  for (std::uint8_t i = 1; i <= 25; ++i) batch.push_back(rollup(i, 100 - i));
  const auto rows = store->commit({.rollups = batch});
  ASSERT_TRUE(rows);
  EXPECT_EQ(rows->back(), 25);
  EXPECT_EQ(store->commit({.rollups = {batch[3]}}).value(), std::vector<RollupRow>{0});

  StoredRollupsQuery query{.upto = 25, .max_rows = 10};
  std::vector<std::string> all;
  for (int i = 0; i < 3; ++i) {
    const auto page = store->read_stored(query).value();
    EXPECT_EQ(page.gone, 0u);
    all.insert(all.end(), page.rollups.begin(), page.rollups.end());
    query.after = *RollupCursor::parse(page.to.to_text());
  }
  EXPECT_EQ(query.after, store->newest().value());
  ASSERT_THAT(all, SizeIs(25));
  for (std::size_t i = 0; i < all.size(); ++i) {
    EXPECT_THAT(all[i], HasSubstr(window_id_text(batch[i]->window_id)));
  }
  query.max_bytes = 1;
  query.after = {};
  EXPECT_EQ(store->read_stored(query)->to.row, 1) << "a page holds at least one";
  query.keep = [](std::string_view, std::string_view, std::string_view) { return false; };
  query.max_rows = 100;
  EXPECT_THAT(store->read_stored(query)->rollups, SizeIs(0));
  EXPECT_EQ(store->read_stored(query)->to.row, 25);
  query.after = {.row = 5, .check = 1};
  EXPECT_TRUE(store->read_stored(query)->is_foreign);
}

TEST(RollupCursor, TextIsReadBackAndNothingElse) {
  for (const auto text : {"0", "1.0", "12.9f03a1bc", "9223372036854775807.ffffffff"}) {
    const auto cursor = RollupCursor::parse(text);
    ASSERT_TRUE(cursor) << text;
    EXPECT_EQ(cursor->to_text(), text);
  }
  for (const auto bad : {"", "1", "0.0", "-1.a", "1.", "1.g", "1.a ", "x", "00", "1.123456789"}) {
    EXPECT_FALSE(RollupCursor::parse(bad)) << bad;
  }
}

}  // namespace
}  // namespace slipstream
