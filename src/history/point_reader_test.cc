#include "history/point_reader.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <map>
#include <set>

#include "history/history_fixture.h"

namespace slipstream {
namespace {

using history_testing::at;
using history_testing::HistoryLog;
using history_testing::kLogFolder;
using history_testing::query_of;
using history_testing::seconds_of;
using history_testing::TestPoint;
using testing::ElementsAre;
using testing::HasSubstr;

TestPoint speed_at(double time_s, double speed) {
  return {.time_s = time_s, .values = {{"speed_kmh", speed}}};
}

TEST(PointReader, GivesOneMachinesPointsOfTheTimeAskedForInTheirOrder) {
  HistoryLog log;
  log.add({speed_at(1, 100), {.chassis = "GR86-02", .time_s = 1.5}, speed_at(2, 110)});
  log.add({speed_at(4, 130), speed_at(3, 120)});  // one came late
  log.add({speed_at(5, 140)});
  const auto points = log.read(query_of(2, 4));
  EXPECT_THAT(seconds_of(points), ElementsAre(2, 3, 4));
  ASSERT_NE(points.find("speed_kmh"), nullptr);
  EXPECT_THAT(*points.find("speed_kmh"), ElementsAre(110, 120, 130));
  EXPECT_THAT(points.fields, ElementsAre("speed_kmh"));
}

TEST(PointReader, OfThePointsThatCameTwiceGivesTheFirst) {
  HistoryLog log;
  const auto numbered = [](double time_s, std::uint64_t sequence, double speed) {
    return TestPoint{.time_s = time_s, .values = {{"speed_kmh", speed}}, .sequence = sequence};
  };
  const auto framed = [](double time_s, double frame, double speed) {
    return TestPoint{.time_s = time_s,
                     .values = {{"frame", frame}, {"session_time_s", 9}, {"speed_kmh", speed}}};
  };
  log.add({numbered(1, 7, 100), numbered(2, 8, 101)});
  log.add({numbered(1, 7, 999), numbered(3, 7, 102)});  // its sender began anew
  log.add({framed(4, 50, 103), framed(5, 50, 999)});
  const auto points = log.read(query_of(0, 10, {"speed_kmh"}));
  EXPECT_THAT(points.columns[0].values, ElementsAre(100, 101, 102, 103));
  EXPECT_EQ(points.duplicates, 2u);
}

TEST(PointReader, LeavesOutWhatAFlashbackTookBack) {
  HistoryLog log;
  const auto driven = [](double time_s, double session_time_s) {
    return TestPoint{
        .time_s = time_s, .values = {{"session_time_s", session_time_s}}, .session = "f1-1"};
  };
  log.add({driven(1, 11), driven(2, 12), driven(3, 13)}, {{.time = at(3.5),
                                                           .track = "barber",
                                                           .session = "f1-1",
                                                           .kind = "flashback",
                                                           .to_session_time_s = 12}});
  log.add({driven(4, 12.1), driven(5, 13.1)});
  PointQuery query = query_of(0, 10);
  EXPECT_THAT(seconds_of(log.read(query)), ElementsAre(1, 4, 5));
  EXPECT_EQ(log.read(query).taken_back, 2u);
  query.with_taken_back = true;
  EXPECT_THAT(seconds_of(log.read(query)), ElementsAre(1, 2, 3, 4, 5));
  query.with_taken_back = false;
  query.source_session = "f1-2";
  EXPECT_THAT(seconds_of(log.read(query)), ElementsAre());
}

TEST(PointReader, AMarkBehindTheLapTakesItsPointsBackWhateverTheIndexLeavesOut) {
  HistoryLog log({.segment_bytes = 1});  // a segment a block
  const auto driven = [](double time_s) {
    return TestPoint{.time_s = time_s, .values = {{"session_time_s", time_s}}, .session = "f1-1"};
  };
  log.add({driven(1), driven(2), driven(3)});
  log.add({driven(8), driven(9)});
  log.add({},
          {{.time = at(9.5), .session = "f1-1", .kind = "flashback", .to_session_time_s = 2.5}});
  log.seal();
  log.index_all();
  EXPECT_THAT(seconds_of(log.read(query_of(0, 4))), ElementsAre(1, 2));
}

TEST(PointReader, OnlyAFlashbackOfTheirSessionTakesPointsBack) {
  const Mark to_2{.time = at(4),
                  .track = "barber",
                  .session = "f1-1",
                  .kind = "flashback",
                  .to_session_time_s = 2};
  const auto with = [&](auto change) {
    HistoryLog log;
    const auto driven = [](double time_s, const char* session) {
      return TestPoint{
          .time_s = time_s, .values = {{"session_time_s", time_s}}, .session = session};
    };
    Mark mark = to_2;
    change(mark);
    log.add({driven(1, "f1-1"), driven(2 - 4e-7, "f1-1"), driven(3, "f1-1"), driven(3, "f1-2")},
            std::vector<Mark>(1'000, mark));
    return log.read(query_of(0, 10)).size();
  };
  EXPECT_EQ(with([](Mark&) {}), 2u);
  EXPECT_EQ(with([](Mark& mark) { mark.track.clear(); }), 2u);
  EXPECT_EQ(with([](Mark& mark) { mark.chassis = "GR86-09"; }), 2u);
  EXPECT_EQ(with([](Mark& mark) { mark.time = at(2.5); }), 3u);
  EXPECT_EQ(with([](Mark& mark) { mark.kind = "note"; }), 4u);
  EXPECT_EQ(with([](Mark& mark) { mark.kind = "save_reload"; }), 4u);
  EXPECT_EQ(with([](Mark& mark) { mark.session.clear(); }), 4u);
  EXPECT_EQ(with([](Mark& mark) { mark.session = "f1-3"; }), 4u);
  EXPECT_EQ(with([](Mark& mark) { mark.track = "spa"; }), 4u);
}

/// However marks stand among points: what one of them alone would take back is gone.
RC_GTEST_PROP(PointReaderLaw, ManyMarksTakeBackWhatEachOfThemDoes, ()) {
  HistoryLog log;
  struct Driven {
    double time_s;
    double session_time_s;
    bool is_gone = false;
  };
  std::vector<Driven> all;
  for (int block = 0; block < *rc::gen::inRange(1, 12); ++block) {
    std::vector<TestPoint> points;
    for (int i = 0; i < *rc::gen::inRange(1, 6); ++i) {
      const Driven one{static_cast<double>(all.size()) + *rc::gen::inRange(0, 2) * 3.25,
                       static_cast<double>(*rc::gen::inRange(0, 30))};
      all.push_back(one);
      points.push_back({.time_s = one.time_s,
                        .values = {{"session_time_s", one.session_time_s}},
                        .session = "f1-1"});
    }
    std::vector<Mark> marks;
    for (int i = 0; i < *rc::gen::inRange(0, 3); ++i) {
      const double time_s = *rc::gen::inRange(0, 60);
      const double to = *rc::gen::inRange(0, 30);
      marks.push_back({.time = at(time_s),
                       .track = "barber",
                       .session = "f1-1",
                       .kind = "flashback",
                       .to_session_time_s = to});
      for (Driven& one : all) {
        one.is_gone = one.is_gone || (one.time_s <= time_s && one.session_time_s >= to);
      }
    }
    log.add(points, marks);
  }
  std::vector<double> left;
  for (const Driven& one : all) {
    if (!one.is_gone) left.push_back(one.time_s);
  }
  std::ranges::sort(left);
  RC_ASSERT(seconds_of(log.read(query_of(-10, 100))) == left);
}

TEST(PointReader, APointAtTheLineIsOfTheLapThatItSays) {
  HistoryLog log;
  log.add({{.time_s = 1, .values = {{"v", 1}}, .lap = 1},
           {.time_s = 2, .values = {{"v", 2}}, .lap = 1},
           {.time_s = 2, .values = {{"v", 3}}, .lap = 2}});
  PointQuery query = query_of(1, 2, {"v"});
  EXPECT_EQ(log.read(query).size(), 3u);
  query.end_lap = 1;
  EXPECT_THAT(*log.read(query).find("v"), ElementsAre(1, 2));
  query.end_is_line = true;
  EXPECT_THAT(*log.read(query).find("v"), ElementsAre(1, 2));
  query.end_lap = 3;
  EXPECT_THAT(*log.read(query).find("v"), ElementsAre(1));
}

TEST(PointReader, RefusesWhatIsBeyondItsLimitsWithWhatToDo) {
  HistoryLog log;
  log.add({speed_at(1, 100), speed_at(2, 110), speed_at(3, 120)});
  const auto too_many = log.reader({.max_points = 2}).read(query_of(0, 9));
  ASSERT_FALSE(too_many);
  EXPECT_EQ(too_many.error().code, ErrorCode::kRefused);
  EXPECT_THAT(too_many.error().message, HasSubstr("ask for less time"));
  EXPECT_TRUE(log.reader({.max_points = 3}).read(query_of(0, 9)));
  const auto too_wide = log.reader({.max_values = 2}).read(query_of(0, 9));
  ASSERT_FALSE(too_wide);
  EXPECT_EQ(too_wide.error().code, ErrorCode::kRefused);
  const auto too_long = log.reader({.max_ns = 0}).read(query_of(0, 9));
  ASSERT_FALSE(too_long);
  EXPECT_EQ(too_long.error().code, ErrorCode::kTimeout);
}

TEST(PointReader, TheTimeLimitIsLookedAtWithinABlock) {
  /// Each look is a second later.
  class Clock final : public slipstream::Clock {
   public:
    ArrivalTime now() const override { return {}; }
    SteadyTime steady() const override { return {kNsPerSecond * ++looks_}; }

   private:
    mutable std::int64_t looks_ = 0;
  };
  HistoryLog log;
  std::vector<Mark> marks(1'000, {.time = at(1), .track = "barber", .kind = "note", .text = "n"});
  log.add({speed_at(1, 100)}, marks);
  const auto read = [&](std::int64_t seconds) {
    const Clock clock;
    return PointReader(log.files, kLogFolder, [&] { return log.log->synced_segments(); },
                       log.indexes, clock, {.max_ns = seconds * kNsPerSecond})
        .read(query_of(0, 9));
  };
  const auto given_up = read(8);  // a block alone is looked at twice outside of it
  ASSERT_FALSE(given_up);
  EXPECT_EQ(given_up.error().code, ErrorCode::kTimeout);
  EXPECT_TRUE(read(100));
}

TEST(PointReader, GivesUpWhenItIsStopped) {
  HistoryLog log;
  log.add({speed_at(1, 100)});
  std::stop_source stop;
  stop.request_stop();
  const auto points = log.reader().read(query_of(0, 9), stop.get_token());
  ASSERT_FALSE(points);
  EXPECT_EQ(points.error().code, ErrorCode::kTimeout);
}

TEST(PointReader, GivesWhatIsWholeBesideDamageAndSaysSo) {
  HistoryLog log({.segment_bytes = 1});
  for (int i = 0; i < 4; ++i) log.add({speed_at(i, 100 + i)});
  const auto segments = log.log->synced_segments();
  log.files.flip(FileSystem::Path(kLogFolder) / segments[1].name, segments[1].bytes - 1);
  for (const bool is_indexed : {false, true}) {
    if (is_indexed) log.index_all();
    const auto points = log.read(query_of(0, 9));
    EXPECT_THAT(seconds_of(points), ElementsAre(0, 2, 3)) << is_indexed;
    EXPECT_EQ(points.lost, 1u) << is_indexed;
  }
}

TEST(PointReader, AHoleInTheLogIsLostAndItsMissingFrontIsTold) {
  for (const bool is_indexed : {false, true}) {
    HistoryLog log({.segment_bytes = 1});  // a segment a block
    for (int i = 0; i < 6; ++i) log.add({speed_at(i, 100 + i), speed_at(i + 0.5, 100)});
    if (is_indexed) log.index_all();
    const auto segments = log.log->synced_segments();
    EXPECT_FALSE(log.read(query_of(0, 9)).gone_before);
    EXPECT_EQ(log.read(query_of(0, 9)).lost, 0u);
    const auto remove = [&](std::size_t i) {
      ASSERT_TRUE(log.files.remove(FileSystem::Path(kLogFolder) / segments[i].name));
    };
    remove(3);
    EXPECT_EQ(log.read(query_of(0, 9)).lost, 2u) << is_indexed;
    EXPECT_FALSE(log.read(query_of(0, 9)).gone_before);
    remove(0);
    const auto points = log.read(query_of(0, 9));
    EXPECT_EQ(points.lost, 2u);
    ASSERT_TRUE(points.gone_before);
    EXPECT_EQ(points.gone_before->ns, segments[1].created_ns);
    // As the folder is listed after a restart.
    const auto listed = list_segments(log.files, kLogFolder);
    ASSERT_TRUE(listed);
    const auto again =
        PointReader(
            log.files, kLogFolder, [&] { return *listed; }, log.indexes, system_clock())
            .read(query_of(0, 9));
    ASSERT_TRUE(again);
    EXPECT_EQ(again->lost, 2u);
    EXPECT_TRUE(again->gone_before);
  }
}

/// Whatever the segments, blocks, machines and order: by index or without, what is read is what
/// was written.
RC_GTEST_PROP(PointReaderLaw, TheIndexChangesNothing, ()) {
  HistoryLog log({.segment_bytes = *rc::gen::inRange<std::uint64_t>(1, 4'000)});
  std::map<std::string, std::multiset<double>> written;
  const int blocks = *rc::gen::inRange(1, 30);
  for (int block = 0; block < blocks; ++block) {
    std::vector<TestPoint> points;
    const int count = *rc::gen::inRange(1, block % 7 == 0 ? 400 : 8);
    for (int i = 0; i < count; ++i) {
      TestPoint p = speed_at(*rc::gen::inRange(0, 100), i);
      p.chassis = "GR86-0" + std::to_string(*rc::gen::inRange(1, 4));
      written[p.chassis].insert(p.time_s);
      points.push_back(std::move(p));
    }
    log.add(points);
  }
  const double from = *rc::gen::inRange(0, 100);
  const double to = *rc::gen::inRange(0, 100);
  for (const bool is_indexed : {false, true}) {
    if (is_indexed) log.index_all();
    for (const auto& [chassis, times] : written) {
      const auto read = seconds_of(log.read(query_of(from, to, {}, chassis)));
      std::vector<double> expected;
      for (const double time : times) {
        if (time >= from && time <= to) expected.push_back(time);
      }
      RC_ASSERT(read == expected);
    }
  }
  const auto faults = verify_indexes(log.files, kLogFolder);
  RC_ASSERT(faults.has_value());
  RC_ASSERT(faults->empty());
}

}  // namespace
}  // namespace slipstream
