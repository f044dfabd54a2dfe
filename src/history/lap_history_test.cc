#include "history/lap_history.h"

#include <algorithm>
#include <cmath>

#include "history/recorded_race.h"

namespace slipstream {
namespace {

using history_testing::at;
using history_testing::HistoryLog;
using history_testing::query_of;
using history_testing::RecordedRace;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

class LapHistoryTest : public testing::Test {
 protected:
  void record(RecordedRace::Options options) {
    log_ = std::make_unique<HistoryLog>();
    race_ = std::make_unique<RecordedRace>(*log_, options);
    ASSERT_GE(race_->laps.size(), 4u);
    history_ = std::make_unique<LapHistory>(
        log_->reader(), HistoryNames{},
        [this](const std::string& name, const std::string& text) { kept_[name] = text; });
  }
  KnownLine known() const { return {.name = "barber", .kept = {}, .laps = race_->laps}; }
  Result<Comparison> compare(std::vector<StoredLap> laps, double step_m = 5) {
    return history_->compare(laps, {"speed_kmh"}, step_m, known(), {});
  }

  std::unique_ptr<HistoryLog> log_;
  std::unique_ptr<RecordedRace> race_;
  std::unique_ptr<LapHistory> history_;
  std::map<std::string, std::string> kept_;
};

TEST_F(LapHistoryTest, ATraceByTimeIsThePointsOfTheLap) {
  record({});
  const StoredLap& lap = race_->laps[0];
  const auto answer =
      history_->trace({.lap = lap, .fields = {"speed_kmh"}, .points = 0}, known(), {});
  ASSERT_TRUE(answer) << answer.error().message;
  const auto read = log_->read({.track = "barber",
                                .chassis = lap.lap->activity.chassis,
                                .from = lap.lap->began,
                                .to = lap.lap->ended,
                                .fields = {"speed_kmh"}});
  EXPECT_EQ(answer->trace.fields[0].values, read.columns[0].values);
  EXPECT_GE(answer->trace.x.front(), 0);
  EXPECT_LT(answer->trace.x.front(), 0.04);
  EXPECT_NEAR(answer->trace.x.back(), *lap.lap->lap_time_s, 0.04);
  EXPECT_EQ(answer->lost, 0u);
}

TEST_F(LapHistoryTest, ATraceHasFewRowsWhereFewAreAskedFor) {
  record({});
  for (const TraceBy by : {TraceBy::kTime, TraceBy::kDistance, TraceBy::kPosition}) {
    const auto answer =
        history_->trace({.lap = race_->laps[0], .by = by, .points = 100}, known(), {});
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_LE(answer->trace.x.size(), 100u);
    EXPECT_GE(answer->trace.of, 2'000u);
    ASSERT_THAT(answer->trace.fields, SizeIs(4));  // all that there are
    EXPECT_EQ(answer->trace.fields[3].name, "speed_kmh");
  }
}

TEST_F(LapHistoryTest, AFieldThatIsNotThereIsRefusedWithTheNearest) {
  record({});
  const auto answer =
      history_->trace({.lap = race_->laps[0], .fields = {"speed_kmp"}}, known(), {});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::kRefused);
  EXPECT_THAT(answer.error().message, HasSubstr("did you mean \"speed_kmh\"?"));
}

TEST_F(LapHistoryTest, ARangeIsTracedWithoutALap) {
  record({});
  TraceRequest request{.fields = {"speed_kmh"}, .points = 0};
  request.range = {.track = "barber",
                   .chassis = std::string(race_->field.chassis(1)),
                   .from = at(10),
                   .to = at(11)};
  const auto answer = history_->trace(request, {}, {});
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->trace.of, 26u);
  EXPECT_EQ(answer->trace.x.front(), 0);
}

TEST_F(LapHistoryTest, OfALapThatIsBeingDrivenComesWhatItHasByNowAndNoNextLap) {
  record({});
  auto running = std::make_shared<Lap>(*race_->laps[0].lap);
  running->revision = 0;
  running->is_complete = false;
  running->lap_time_s.reset();
  const EventTime end = running->ended;
  running->ended = {running->began.ns + 60 * kNsPerSecond};  // as it was told last
  StoredLap lap = race_->laps[0];
  lap.lap = running;
  const auto answer = history_->trace({.lap = lap, .fields = {"speed_kmh"}, .points = 0}, {}, {});
  ASSERT_TRUE(answer);
  EXPECT_NEAR(answer->trace.x.back(), static_cast<double>(end.ns - running->began.ns) * 1e-9, 0.05);
}

TEST_F(LapHistoryTest, APositionIsNullNowhereAndEndsAtTheLine) {
  record({});
  const auto answer = history_->trace(
      {.lap = race_->laps[1], .fields = {"lapdist_m"}, .by = TraceBy::kPosition, .points = 0},
      known(), {});
  ASSERT_TRUE(answer);
  const Trace& trace = answer->trace;
  EXPECT_TRUE(std::ranges::is_sorted(trace.x));
  for (std::size_t i = 0; i < trace.x.size(); ++i) {
    // The car drives on the circuit's own line: its distance is its position.
    EXPECT_NEAR(trace.x[i], trace.fields[0].values[i], 6) << i;
  }
}

TEST_F(LapHistoryTest, TheDeltaBeginsWithNothingAndEndsWithTheDifferenceOfTheLapTimes) {
  for (const bool with_positions : {true, false}) {
    record({.with_positions = with_positions});
    const auto& laps = race_->laps;
    const auto comparison = compare({laps[0], laps[1], laps.back()});
    ASSERT_TRUE(comparison) << comparison.error().message;
    ASSERT_THAT(comparison->laps, SizeIs(3));
    EXPECT_EQ(comparison->x.front(), 0);
    for (const ComparedLap& lap : comparison->laps) {
      EXPECT_EQ(lap.delta_s.size(), comparison->x.size());
      EXPECT_EQ(lap.delta_s.front(), 0);
      EXPECT_NEAR(lap.delta_s.back(), *lap.lap.lap->lap_time_s - *laps[0].lap->lap_time_s, 1e-9);
      ASSERT_THAT(lap.fields, SizeIs(1));
      EXPECT_EQ(lap.fields[0].name, "speed_kmh");
    }
  }
}

TEST_F(LapHistoryTest, ALapAgainstItselfHasNoDelta) {
  record({});
  const auto comparison = compare({race_->laps[0], race_->laps[0]});
  ASSERT_TRUE(comparison);
  for (const double delta : comparison->laps[1].delta_s) EXPECT_EQ(delta, 0);
}

TEST_F(LapHistoryTest, AStepThatMakesTooManyPlacesIsRefused) {
  record({});
  const auto comparison = compare({race_->laps[0]}, 0.001);
  ASSERT_FALSE(comparison);
  EXPECT_THAT(comparison.error().message, HasSubstr("step: at least"));
}

TEST_F(LapHistoryTest, TheLineIsLearnedOnceAndAgainWhenThereAreTwiceAsManyLaps) {
  record({});
  KnownLine some = known();
  some.laps.resize(1);
  const auto first = history_->track(some, {});
  ASSERT_TRUE(first && *first);
  EXPECT_EQ((*first)->learned_from, 1u);
  EXPECT_EQ((*first)->frame, TrackFrame::kGps);
  EXPECT_NEAR((*first)->line.length_m(), 3'830, 19);
  ASSERT_EQ(kept_.count("barber"), 1u);

  const auto parsed = parse_track_line(kept_["barber"]);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->line.nodes().size(), (*first)->line.nodes().size());
  EXPECT_EQ(parsed->learned_from, 1u);
  kept_.clear();
  ASSERT_TRUE(history_->track(some, {}));
  EXPECT_TRUE(kept_.empty());
  some.laps = known().laps;
  const auto better = history_->track(some, {});
  ASSERT_TRUE(better && *better);
  EXPECT_GT((*better)->learned_from, 1u);
  EXPECT_EQ(kept_.count("barber"), 1u);
}

TEST_F(LapHistoryTest, WrongPlacesAndTheDateLineDoNotMoveTheLine) {
  for (const double east_deg : {0.0, 86.619 + 180}) {
    record({.with_lost_fixes = true, .east_deg = east_deg});
    const auto line = history_->track(known(), {});
    ASSERT_TRUE(line && *line);
    EXPECT_EQ((*line)->frame, TrackFrame::kGps);
    EXPECT_NEAR((*line)->line.length_m(), 3'830, 19);
    const auto one = parse_track_line(kept_["barber"]);
    ASSERT_TRUE(one);
    EXPECT_EQ(one->line.length_m(), (*line)->line.length_m());
    const auto comparison = compare({race_->laps[0], race_->laps[1]});
    ASSERT_TRUE(comparison);
    EXPECT_EQ(comparison->x.back(), (*line)->line.length_m());
  }
}

TEST_F(LapHistoryTest, TheLineIsLearnedAnewWhenTwiceAsManyLapsHaveCome) {
  record({.cars = 1, .seconds = 1'000});
  KnownLine now = known();
  ASSERT_GE(now.laps.size(), 9u);
  std::ranges::reverse(now.laps);  // the newest first, as they are told
  const std::vector<StoredLap> all = now.laps;
  const auto with = [&](std::size_t laps) {
    now.laps.assign(all.end() - static_cast<std::ptrdiff_t>(laps), all.end());
    kept_.clear();
    const auto line = history_->track(now, {});
    EXPECT_TRUE(line && *line);
    now.kept = track_line_json(**line);
    return (*line)->learned_from;
  };
  EXPECT_EQ(with(4), 4u);
  EXPECT_EQ(with(7), 4u);
  EXPECT_TRUE(kept_.empty());
  EXPECT_EQ(with(8), 8u);
  EXPECT_FALSE(kept_.empty());
  EXPECT_EQ(with(9), 8u);
  EXPECT_TRUE(kept_.empty());
  // Eight more have come than the line was learned from.
  LearnedLine old = *parse_track_line(*now.kept);
  old.seen = 4;
  old.seen_to = all[4].lap->began;
  now.kept = kept_line_text(old);
  history_ = std::make_unique<LapHistory>(
      log_->reader(), HistoryNames{},
      [this](const std::string& name, const std::string& text) { kept_[name] = text; });
  now.laps = all;
  ASSERT_TRUE(history_->track(now, {}));
  ASSERT_EQ(kept_.count("barber"), 1u);
  EXPECT_EQ(parse_track_line(kept_["barber"])->seen, 8u);
}

TEST_F(LapHistoryTest, WithoutPositionsTheLineIsALength) {
  record({.with_positions = false});
  const auto line = history_->track(known(), {});
  ASSERT_TRUE(line && *line);
  EXPECT_EQ((*line)->frame, TrackFrame::kNone);
  EXPECT_NEAR((*line)->line.length_m(), 3'830, 4);
  const auto parsed = parse_track_line(kept_line_text(**line));
  ASSERT_TRUE(parsed);
  EXPECT_FALSE(parsed->line.has_shape());
}

TEST(LearnedLines, WhatIsNoneIsNotTaken) {
  for (const char* const text :
       {"", "{}", "[]", R"({"name":"a","length_m":-1,"frame":"none","learned_from":1,"line":[]})",
        R"({"name":"a","length_m":9,"frame":"world","learned_from":1,"line":[[1,2]]})",
        R"({"name":"a","length_m":9,"frame":"gps","learned_from":1,"line":[[1,2],[2,3],[3,4]]})",
        R"({"name":"a","length_m":9,"frame":"moon","learned_from":1,"line":[]})"}) {
    EXPECT_FALSE(parse_track_line(text)) << text;
  }
}

TEST(LearnedLines, OfGamesThatDoNotTellTheTrackAreOfTheirSession) {
  EXPECT_EQ(line_name("barber", "s1"), "barber");
  EXPECT_EQ(line_name("gt7", "s1"), "gt7/s1");
}

}  // namespace
}  // namespace slipstream
