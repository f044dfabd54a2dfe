// The view `sectors`: its times are those of the laps.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include "store/lap_fixture.h"

namespace slipstream {
namespace {

using testing::ElementsAre;

class SectorTimesTest : public StoredLapsTest {
 protected:
  /// Of window `sector`, from that second on.
  RollupPtr sector(int number, double first_s, int lap = 1, std::string chassis = "A",
                   std::string track = "spa") {
    ++rollups_;
    auto made =
        std::make_shared<Rollup>(*rollup(static_cast<std::uint8_t>(2 * rollups_), 1, chassis, lap));
    made->track = std::move(track);
    made->sector = number;
    made->first_time = {static_cast<std::int64_t>(first_s * 1e9)};
    made->last_time = {made->first_time.ns + 29 * kNsPerSecond};
    return made;
  }
  std::vector<std::string> times() {
    std::vector<std::string> found;
    auto database = Database::open(path(), SQLITE_OPEN_READONLY).value();
    auto rows = database
                    .prepare(
                        "SELECT coalesce(seconds, 'null') || ' ' || complete FROM sectors "
                        "ORDER BY id")
                    .value();
    while (rows.step().value()) found.emplace_back(rows.text(0));
    return found;
  }

 private:
  int rollups_ = 0;
};

TEST_F(SectorTimesTest, AreThoseOfTheLap) {
  const auto store = open();
  put(*store, {activity(key("A", 100), 300)}, {lap(key("A", 100), 1, 100)});
  ASSERT_TRUE(store->commit(
      {.rollups = {sector(0, 100), sector(1, 130.5), sector(2, 160), sector(3, 190)}}));
  EXPECT_THAT(times(), ElementsAre("30.5 1", "null 0", "29.25 1", "null 0"))
      << "the lap knows none of sector 1, and has no sector 3";
}

TEST_F(SectorTimesTest, AreNoneOfALapWithoutATime) {
  const auto store = open();
  Lap partial = lap(key("A", 100), 1, 100);
  partial.is_complete = false;
  put(*store, {activity(key("A", 100), 300)}, {partial});
  ASSERT_TRUE(store->commit({.rollups = {sector(0, 100)}}));
  EXPECT_THAT(times(), ElementsAre("null 0"));
  partial.is_complete = true;
  put(*store, {}, {revised(partial, 2)});
  EXPECT_THAT(times(), ElementsAre("30.5 1")) << "it follows the lap's newest revision";
}

TEST_F(SectorTimesTest, GoByMachineTrackNumberAndTime) {
  const auto store = open();
  Lap again = lap(key("A", 1'000), 1, 1'000);
  again.sector_times_s = {28.0};
  Lap elsewhere = lap(key("A", 101, "", "cota"), 1, 101);
  elsewhere.sector_times_s = {33.0};
  put(*store,
      {activity(key("A", 100), 300), activity(key("A", 1'000), 1'200),
       activity(key("A", 101, "", "cota"), 300), activity(key("B", 100), 300)},
      {lap(key("A", 100), 1, 100), again, elsewhere, lap(key("B", 100), 2, 100)});
  ASSERT_TRUE(store->commit(
      {.rollups = {sector(0, 102), sector(0, 1'000.02), sector(0, 102, 1, "A", "cota"),
                   sector(0, 99.98), sector(0, 191), sector(0, 102, 2), sector(0, 102, 1, "B"),
                   sector(0, 102, 2, "B"), sector(-1, 102)}}));
  EXPECT_THAT(times(), ElementsAre("30.5 1", "28.0 1", "33.0 1", "null 0", "null 0", "null 0",
                                   "null 0", "30.5 1", "null 0"))
      << "before its lap, behind it, of another number, of no sector: nothing is told";
}

TEST_F(SectorTimesTest, FollowTheirLapsNotTheWholeTable) {
  open();
  auto database = Database::open(path(), SQLITE_OPEN_READONLY).value();
  auto plan = database.prepare("EXPLAIN QUERY PLAN SELECT * FROM sectors").value();
  std::string steps;
  while (plan.step().value()) steps += std::string(plan.text(3)) + "\n";
  EXPECT_THAT(steps, testing::HasSubstr(
                         "USING COVERING INDEX stored_laps_by_chassis (chassis=? AND began_ns<?)"));
  EXPECT_THAT(steps, testing::HasSubstr("SEARCH l USING INTEGER PRIMARY KEY (rowid=?)"));
  EXPECT_THAT(steps, testing::Not(testing::HasSubstr("TEMP B-TREE")));
}

}  // namespace
}  // namespace slipstream
