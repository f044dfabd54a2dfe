#include "pipeline/point_completer.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pipeline/live_pipeline.h"

namespace slipstream::completer_testing {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

constexpr std::int64_t kBegin = 1'757'000'000 * kNsPerSecond;

struct Reading {
  std::string chassis = "GR86-01";
  std::int16_t lap = 1;
  std::int32_t sector = Point::kNoSector;
  bool lap_fault = false;
  std::uint64_t sequence = 0;
  std::string tags = {};
};

void add(PointBatch& batch, const Reading& r) {
  Point point{};
  const auto append = [&](std::string_view text) {
    const TextRef ref{static_cast<std::uint32_t>(batch.text.size()),
                      static_cast<std::uint32_t>(text.size())};
    batch.text += text;
    return ref;
  };
  point.track = append("cota");
  point.chassis = append(r.chassis);
  point.tags = append(r.tags);
  point.json = append(fmt::format(R"({{"lap":{},"speed":181}})", r.lap_fault ? 32'768 : r.lap));
  batch.text.append(PointBatch::kTextSpare, ' ');
  if (r.lap_fault) {
    point.lap_is_fault = true;
    point.lap_literal = {point.json.offset + 7, 5};
  }
  point.series_hash = series_hash("cota", r.chassis);
  point.lap = r.lap_fault ? std::int16_t{0} : r.lap;
  point.sector = r.sector;
  point.sector_derived = false;
  point.event_time = {kBegin};
  point.arrival_time = {kBegin};
  point.has_sequence = r.sequence != 0;
  point.sequence = r.sequence;
  batch.points.push_back(point);
}

class PointCompleterTest : public testing::Test {
 protected:
  /// The point, completed; its text is in `text`.
  Point complete(PointCompleter& completer, const Reading& reading) {
    PointBatch batch;
    add(batch, reading);
    Point& point = batch.points.front();
    completer.number(batch, point, evicted_);
    completer.complete(batch, point);
    completer.check_sequence(point, true);
    text_ = batch.json(point);
    return point;
  }

  IngestStats ingest_;
  Schema schema_;
  std::vector<std::uint32_t> evicted_;
  std::string text_;
  PointCompleter completer_{2, schema_, ingest_};
};

TEST_F(PointCompleterTest, LapsSectorsAndSequencesAreTheMachinesWhateverTheTags) {
  PointCompleter completer(10, schema_, ingest_);
  const Point plain = complete(completer, {.lap = 4, .sector = 2, .sequence = 1});
  EXPECT_EQ(plain.series, plain.machine);
  const Point left =
      complete(completer, {.lap_fault = true, .sequence = 2, .tags = R"("wheel":"fl")"});
  const Point right =
      complete(completer, {.lap_fault = true, .sequence = 3, .tags = R"("wheel":"fr")"});
  for (const Point& point : {left, right}) {
    EXPECT_EQ(point.machine, plain.machine);
    EXPECT_NE(point.series, point.machine);
    EXPECT_EQ(point.lap, 4);
    EXPECT_EQ(point.sector, 2);
  }
  EXPECT_NE(left.series, right.series);
  EXPECT_EQ(complete(completer, {.tags = R"("wheel":"fl")"}).series, left.series);
  EXPECT_EQ(completer.size(), 3u);
  EXPECT_EQ(ingest_.sequence_missing.value(), 0);
}

TEST_F(PointCompleterTest, ATaggedSeriesTakesItsOwnMachinesPlaceLastOfAll) {
  PointCompleter completer(1, schema_, ingest_);
  complete(completer, {.chassis = "a"});
  evicted_.clear();
  const Point tagged = complete(completer, {.chassis = "b", .lap = 7, .tags = R"("x":"y")"});
  EXPECT_THAT(evicted_, SizeIs(1));
  EXPECT_NE(tagged.series, tagged.machine);
  EXPECT_TRUE(completer.in_use(tagged.machine));
  EXPECT_TRUE(completer.in_use(tagged.series));
}

TEST_F(PointCompleterTest, TagsComeBackWithASeriesAndCountAgainstTheLimit) {
  Schema schema({.max_series_per_machine = 1});
  PointCompleter completer(10, schema_, ingest_);
  const Point before = complete(completer, {.tags = R"("x":"y")"});
  PointCompleter restored(10, schema, ingest_);
  for (const std::uint32_t number : {before.machine, before.series}) {
    std::string bytes;
    completer.save_series(number, bytes);
    ASSERT_TRUE(restored.restore_series(number, bytes));
  }
  EXPECT_EQ(complete(restored, {.tags = R"("x":"y")"}).series, before.series);
  const std::uint64_t machine = series_hash("cota", "GR86-01");
  const auto admit = [&](std::string_view tags) {
    return schema.series().admit(machine, series_hash(machine, tags), tags.size(), {kBegin});
  };
  EXPECT_EQ(admit(R"("x":"y")"), SeriesLimit::Answer::kTaken);
  EXPECT_EQ(admit(R"("x":"z")"), SeriesLimit::Answer::kMachineFull);
}

TEST_F(PointCompleterTest, ASectorThatNothingToldOfIsTheLastOneOfTheLap) {
  EXPECT_EQ(complete(completer_, {.sector = 2}).sector, 2);
  EXPECT_EQ(text_, R"({"lap":1,"speed":181})") << "what the sender wrote stays as it is";
  EXPECT_EQ(complete(completer_, {}).sector, 2);
  EXPECT_EQ(text_, R"({"lap":1,"speed":181,"sector":2})");
  const Point unknown = complete(completer_, {.lap = 2});
  EXPECT_EQ(unknown.sector, 0);
  EXPECT_TRUE(unknown.sector_unknown);
  EXPECT_EQ(complete(completer_, {.lap = 1}).sector, 2) << "what is not known is not remembered";
}

TEST_F(PointCompleterTest, AFaultLapIsTheLastGoodOneInTheTextToo) {
  complete(completer_, {.lap = 7, .sector = 1});
  const Point repaired = complete(completer_, {.sector = 1, .lap_fault = true});
  EXPECT_EQ(repaired.lap, 7);
  EXPECT_EQ(text_, R"({"lap":7,"speed":181})");
  EXPECT_EQ(ingest_.lap_repaired.value(), 1u);
}

TEST_F(PointCompleterTest, APointThatIsCompleteIsFollowedAndNotCompletedAgain) {
  complete(completer_, {.lap = 3, .sector = 1});
  PointBatch batch;
  add(batch, {.lap = 4, .sector = 2});
  Point& point = batch.points.front();
  completer_.number(batch, point, evicted_);
  completer_.follow(batch, point);
  EXPECT_EQ(complete(completer_, {.lap = 4}).sector, 2);
  EXPECT_EQ(complete(completer_, {.sector = 0, .lap_fault = true}).lap, 4);
}

TEST_F(PointCompleterTest, HolesAndRepeatsAreCountedWhereSomebodyIsToBeTold) {
  for (const std::uint64_t number : {1u, 2u, 5u, 4u, 5u}) {
    complete(completer_, {.sequence = number});
  }
  EXPECT_EQ(ingest_.sequence_missing.value(), 1);
  EXPECT_EQ(ingest_.sequence_repeats.value(), 1u);
  PointBatch batch;
  add(batch, {.sequence = 9});
  completer_.number(batch, batch.points.front(), evicted_);
  completer_.check_sequence(batch.points.front(), false);
  EXPECT_EQ(ingest_.sequence_missing.value(), 1);
}

TEST_F(PointCompleterTest, TheSeriesSeenLongestAgoGivesUpItsNumber) {
  const auto first = complete(completer_, {.chassis = "a"}).series;
  complete(completer_, {.chassis = "b"});
  EXPECT_THAT(evicted_, SizeIs(0));
  complete(completer_, {.chassis = "c"});
  EXPECT_THAT(evicted_, ElementsAre(first));
  EXPECT_EQ(completer_.size(), 2u);
}

TEST_F(PointCompleterTest, WhatIsRestoredGoesOnAsWhatWasSaved) {
  const auto series = complete(completer_, {.lap = 5, .sector = 2, .sequence = 10}).series;
  std::string saved;
  completer_.save_series(series, saved);
  PointCompleter restored(2, schema_, ingest_);
  ASSERT_TRUE(restored.restore_series(series, saved).has_value());
  EXPECT_FALSE(restored.restore_series(series + 1, saved.substr(1)).has_value());
  for (PointCompleter* const completer : {&completer_, &restored}) {
    EXPECT_EQ(complete(*completer, {.lap = 5, .sequence = 12}).sector, 2);
    EXPECT_EQ(complete(*completer, {.lap_fault = true, .sequence = 11}).lap, 5);
  }
  EXPECT_EQ(ingest_.sequence_missing.value(), 0) << "11 was missing twice, and came twice";
}

/// Live points: observer and broadcast.
class Seen final : public AcceptedSink, public PartitionObserver {
 public:
  explicit Seen(std::vector<std::string>& log) : log_(log) {}
  void accept(PointBatchPtr batch) override {
    for (const auto& point : batch->points) log_.emplace_back(batch->json(point));
  }
  std::string_view name() const override { return "seen"; }
  void observe(const PointBatch&, std::span<const Point> points) override {
    log_.push_back(fmt::format("observed {}", points.size()));
  }
  void observe_mark(const Mark& mark) override { log_.push_back("told of " + mark.text); }
  void tick(SteadyTime) override {}
  void forget(std::uint32_t series) override { log_.push_back(fmt::format("forget {}", series)); }

 private:
  std::vector<std::string>& log_;
};

class LivePipelineTest : public testing::Test {
 protected:
  void push(std::initializer_list<Reading> readings) {
    auto batch = std::make_unique<PointBatch>();
    for (const auto& reading : readings) add(*batch, reading);
    live_.push(0, {.count = batch->points.size(), .batch = std::move(batch)});
  }

  ManualClock clock_{kBegin};
  IngestStats ingest_;
  PipelineStats stats_{0};
  Schema schema_;
  std::vector<std::string> log_;
  Seen seen_{log_};
  LivePipeline live_{{.partitions = 1, .workers = 1, .queue = {.items = 2, .bytes = 1 << 20}},
                     {.clock = clock_,
                      .ingest = ingest_,
                      .stats = stats_,
                      .schema = schema_,
                      .accepted = seen_,
                      .max_series = 1},
                     [this](PartitionId) {
                       PartitionObservers observers;
                       observers.push_back(std::make_unique<Seen>(log_));
                       return observers;
                     }};
};

TEST_F(LivePipelineTest, PointsAreCompletedObservedAndShown) {
  push({{.sector = 1}, {}});
  EXPECT_EQ(live_.depth(0), 1u);
  EXPECT_EQ(live_.poll(8), 1u);
  EXPECT_THAT(log_, ElementsAre("observed 2", R"({"lap":1,"speed":181})",
                                R"({"lap":1,"speed":181,"sector":1})"));
  EXPECT_EQ(stats_.folded_points.value(), 2u);
  EXPECT_EQ(stats_.series.value(), 1);
}

TEST_F(LivePipelineTest, MarksAreObservedInTheirPlaceAmongPoints) {
  push({{}});
  live_.push(
      0, {.kind = Work::Kind::kMark, .mark = std::make_shared<const Mark>(Mark{.text = "rain"})});
  push({{}});
  EXPECT_EQ(live_.depth(0), 3u);
  EXPECT_EQ(live_.poll(8), 3u);
  EXPECT_THAT(log_,
              ElementsAre("observed 1", testing::_, "told of rain", "observed 1", testing::_));
}

TEST_F(LivePipelineTest, TheObserverHearsOfAMachineThatIsForgotten) {
  push({{.chassis = "a"}});
  push({{.chassis = "b"}});
  live_.poll(8);
  EXPECT_THAT(log_, testing::Contains("forget 0"));
}

TEST_F(LivePipelineTest, AFullQueueIsAnAnswerAndTicksTakeNoRoom) {
  live_.push(0, {.kind = Work::Kind::kTick});
  EXPECT_EQ(live_.depth(0), 0u);
  push({{}});
  EXPECT_TRUE(live_.has_room(0, 100));
  push({{}});
  EXPECT_FALSE(live_.has_room(0, 100));
  live_.poll(8);
  EXPECT_TRUE(live_.has_room(0, 100));
}

TEST_F(LivePipelineTest, WhatIsQueuedIsShownBeforeTheEnd) {
  live_.start();
  push({{}, {}});
  live_.stop();
  EXPECT_THAT(log_, SizeIs(3));
}

/// A series whose points have one field, and two that are made of it.
class DerivingCompleterTest : public testing::Test {
 protected:
  static SchemaOptions options() {
    SchemaOptions options;
    options.derived = {{"twice", "speed_kmh * 2"}, {"rise", "rate(speed_kmh)"}};
    return options;
  }
  /// The point's text.
  std::string complete(PointCompleter& completer, double speed, std::int64_t second,
                       const std::string& chassis = "GR86-01") {
    PointBatch batch;
    add(batch, {.chassis = chassis, .sector = 1});
    Point& point = batch.points.front();
    point.event_time.ns += second * kNsPerSecond;
    batch.values.push_back({speed, field::kSpeedKmh});
    point.value_count = 1;
    completer.number(batch, point, evicted_);
    completer.complete(batch, point);
    last_ = point.series;
    twice_ = batch.value_or_nan(point, *schema_.fields().intern("twice"));
    return std::string(batch.json(point));
  }

  IngestStats ingest_;
  Schema schema_{options()};
  std::vector<std::uint32_t> evicted_;
  std::uint32_t last_ = 0;
  double twice_ = 0;
};

TEST_F(DerivingCompleterTest, DerivedFieldsAreInThePointsValuesAndText) {
  PointCompleter completer(2, schema_, ingest_);
  EXPECT_EQ(complete(completer, 90, 0), R"({"lap":1,"speed":181,"twice":180})");
  EXPECT_EQ(twice_, 180);
  EXPECT_EQ(complete(completer, 95, 2), R"({"lap":1,"speed":181,"twice":190,"rise":2.5})");
}

TEST_F(DerivingCompleterTest, WhatTheyRememberIsSavedWithTheSeries) {
  PointCompleter completer(2, schema_, ingest_);
  complete(completer, 90, 0);
  std::string saved;
  completer.save_series(last_, saved);
  PointCompleter restored(2, schema_, ingest_);
  ASSERT_TRUE(restored.restore_series(last_, saved));
  EXPECT_THAT(complete(restored, 95, 1), HasSubstr(R"("rise":5)"));
  EXPECT_FALSE(
      PointCompleter(2, schema_, ingest_).restore_series(last_, saved.substr(0, saved.size() - 1)));
  // Without derived fields what is remembered of them is let go, and the series goes on.
  Schema plain;
  PointCompleter other(2, plain, ingest_);
  EXPECT_TRUE(other.restore_series(last_, saved));
}

TEST_F(DerivingCompleterTest, ASeriesThatTakesTheNumberOfOneThatIsForgottenRemembersNothingOfIt) {
  PointCompleter completer(1, schema_, ingest_);
  complete(completer, 90, 0, "first");
  const std::uint32_t number = last_;
  EXPECT_THAT(complete(completer, 95, 1, "second"), testing::Not(HasSubstr("rise")));
  EXPECT_EQ(last_, number);
}

TEST_F(DerivingCompleterTest, APointThatIsCompleteIsRememberedAndNotGivenThemAgain) {
  PointCompleter completer(2, schema_, ingest_);
  PointBatch batch;
  add(batch, {.sector = 1});
  Point& point = batch.points.front();
  batch.values = {{90, field::kSpeedKmh}, {180, *schema_.fields().intern("twice")}};
  point.value_count = 2;
  completer.number(batch, point, evicted_);
  completer.follow(batch, point);
  EXPECT_EQ(point.value_count, 2);
  EXPECT_THAT(complete(completer, 95, 1), HasSubstr(R"("rise":5)"));
}

}  // namespace
}  // namespace slipstream::completer_testing
