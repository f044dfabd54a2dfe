#include "racing/standings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <simdjson.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <string>
#include <vector>

#include "racing/live_laps.h"
#include "racing/progress_sampler.h"
#include "racing/race_field.h"
#include "racing/standings_message.h"

namespace slipstream {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Optional;

constexpr std::int64_t kStart = 1'700'000'000 * kNsPerSecond;
constexpr PartitionId kPartition = stream_partition(0);

EventTime at(double seconds) {
  return {kStart + std::llround(seconds * 1e9)};
}
ArrivalTime arrival_at(double seconds) {
  return {kStart + std::llround(seconds * 1e9)};
}

/// Points of cars, as partitions give them to observers.
class Points {
 public:
  struct Reading {
    std::uint32_t machine = 0;
    std::string chassis = {};
    double seconds = 0;
    std::int32_t lap = 1;
    double lapdist_m = 0;
    double speed_kmh = 100;
    std::int32_t sector = 0;
    std::uint64_t sequence = 0;  ///< 0: none
    std::string json = {};
    double event_seconds = -1;  ///< -1: when it came
    std::vector<std::pair<FieldId, double>> more = {};
  };

  void add(const Reading& reading) {
    Point point{};
    point.event_time = at(reading.event_seconds < 0 ? reading.seconds : reading.event_seconds);
    point.arrival_time = arrival_at(reading.seconds);
    point.series_hash = series_hash("barber", reading.chassis);
    point.track = text("barber");
    point.chassis = text(reading.chassis);
    point.json = text(reading.json);
    point.has_texts = !reading.json.empty();
    point.machine = reading.machine;
    point.sector = reading.sector;
    point.lap = static_cast<std::int16_t>(reading.lap);
    point.has_sequence = reading.sequence > 0;
    point.sequence = reading.sequence;
    point.first_value = static_cast<std::uint32_t>(batch_.values.size());
    point.value_count = static_cast<std::uint16_t>(2 + reading.more.size());
    batch_.values.push_back({reading.lapdist_m, field::kLapdistM});
    batch_.values.push_back({reading.speed_kmh, field::kSpeedKmh});
    for (const auto& [field, value] : reading.more) batch_.values.push_back({value, field});
    batch_.points.push_back(point);
  }
  PointBatch take() { return std::exchange(batch_, {}); }

 private:
  TextRef text(std::string_view t) {
    const TextRef ref{static_cast<std::uint32_t>(batch_.text.size()),
                      static_cast<std::uint32_t>(t.size())};
    batch_.text += t;
    return ref;
  }
  PointBatch batch_;
};

/// A car on a circuit of 3,000 m whose speed rises and falls, so that its place at any time is
/// known exactly.
struct Model {
  static constexpr double kLength = 3'000;
  double base_mps = 50;
  double start_m = 0;

  double driven_m(double seconds) const {
    return start_m + base_mps * seconds + 60 * (1 - std::cos(seconds / 6));
  }
  double speed_mps(double seconds) const { return base_mps + 10 * std::sin(seconds / 6); }
  double when(double metres) const {
    double low = 0, high = 10'000;
    for (int i = 0; i < 80; ++i) {
      const double middle = (low + high) / 2;
      (driven_m(middle) < metres ? low : high) = middle;
    }
    return low;
  }
  Points::Reading reading(double seconds) const {
    const double metres = driven_m(seconds);
    const double lapdist = std::fmod(metres, kLength);
    return {.seconds = seconds,
            .lap = static_cast<std::int32_t>(metres / kLength) + 1,
            .lapdist_m = std::round(lapdist * 10) / 10,
            .speed_kmh = speed_mps(seconds) * 3.6,
            .sector = sector_at(lapdist)};
  }
  static std::int32_t sector_at(double lapdist_m) {
    return lapdist_m < 1'000 ? 0 : lapdist_m < 2'100 ? 1 : 2;
  }
};

class StandingsTest : public ::testing::Test {
 protected:
  void send(const Points::Reading& reading) {
    points_.add(reading);
    flush();
  }
  void flush() {
    const PointBatch batch = points_.take();
    laps_.observe(batch);
    sampler_.observe(batch);
  }
  /// As a tick does where points stopped coming.
  void end_at(double seconds) {
    sampler_.tick({0});
    sampler_.tick({kNsPerSecond});
    standings_.update(arrival_at(seconds));
  }
  TrackStandings order(double seconds) {
    standings_.update(arrival_at(seconds));
    return standings_.of("barber", arrival_at(seconds)).value();
  }
  static std::vector<std::string> names(const TrackStandings& standings) {
    std::vector<std::string> names;
    for (const auto& car : standings.cars) names.push_back(car.chassis);
    return names;
  }

 private:
  struct Map final : SectorMap {
    std::int32_t sector_at(std::string_view, double lapdist_m) const override {
      return Model::sector_at(lapdist_m);
    }
  };

 protected:
  Schema schema_;
  Points points_;
  const Map map_;
  LiveLaps laps_{schema_.fields(), &map_};
  Standings standings_;
  ProgressSampler sampler_{kPartition, standings_, schema_.fields(), laps_};
};

TEST_F(StandingsTest, IsTheTrueOrderOfTheField) {
  RaceField field({.cars = 20, .seed = 7});
  std::size_t compared = 0;
  for (int step = 0; step < 25 * 300; ++step) {
    field.step();
    for (std::size_t car = 0; car < field.size(); ++car) {
      const CarReading r = field.reading(car);
      points_.add({.machine = static_cast<std::uint32_t>(car),
                   .chassis = std::string(field.chassis(car)),
                   .seconds = field.time_s(),
                   .lap = r.lap,
                   .lapdist_m = r.lapdist_m,
                   .speed_kmh = r.speed_kmh});
    }
    flush();
    if (step % 5 != 4) continue;
    const auto standings = order(field.time_s());
    // Of cars that are less than 0.1 s apart either may be the first.
    std::vector<double> driven;
    for (const auto& car : standings.cars) {
      for (std::size_t i = 0; i < field.size(); ++i) {
        if (field.chassis(i) != car.chassis) continue;
        const CarReading r = field.reading(i);
        driven.push_back(r.lap * field.circuit().total_m() + r.lapdist_m - 0.1 * r.speed_kmh / 3.6);
      }
    }
    ASSERT_EQ(driven.size(), field.size());
    for (std::size_t i = 0; i + 1 < driven.size(); ++i) {
      ASSERT_GE(driven[i] + 0.1 * 70, driven[i + 1]) << "at " << field.time_s() << " s, " << i;
      ++compared;
    }
  }
  EXPECT_GT(compared, 20'000U);
}

TEST_F(StandingsTest, GapsAreTimesSinceTheCarAheadWasThere) {
  const Model ahead{.start_m = 180}, behind{.start_m = 0};
  for (int i = 0; i <= 25 * 200; ++i) {
    const double seconds = i / 25.0;
    auto first = ahead.reading(seconds);
    first.chassis = "a";
    auto second = behind.reading(seconds);
    second.chassis = "b";
    second.machine = 1;
    points_.add(first);
    points_.add(second);
    flush();
    if (i < 25 * 10 || i % 7 != 0) continue;
    const auto standings = order(seconds);
    ASSERT_THAT(names(standings), ElementsAre("a", "b"));
    const double now = static_cast<double>(standings.time.ns - kStart) / 1e9;
    const double gap = now - ahead.when(behind.driven_m(now));
    ASSERT_THAT(standings.cars[1].gap_ahead_s, Optional(::testing::DoubleNear(gap, 0.05)))
        << "at " << seconds;
    EXPECT_EQ(standings.cars[1].gap_leader_s, standings.cars[1].gap_ahead_s);
    EXPECT_THAT(standings.cars[0].gap_leader_s, Optional(0.0));
    EXPECT_EQ(standings.cars[0].gap_ahead_s, std::nullopt);
  }
}

TEST_F(StandingsTest, TimesLapsAndSectorsByInterpolation) {
  const Model model;
  for (int i = 0; i <= 25 * 400; ++i) {
    auto reading = model.reading(i / 25.0);
    reading.chassis = "a";
    send(reading);
  }
  const Standing car = order(400).cars.at(0);
  const int laps = static_cast<int>(model.driven_m(400) / Model::kLength);
  const auto lap_time = [&](int lap) {
    return model.when(lap * Model::kLength) - model.when((lap - 1) * Model::kLength);
  };
  EXPECT_THAT(car.last_lap_s, Optional(::testing::DoubleNear(lap_time(laps), 0.01)));
  // The first lap is not among them: nobody saw it begin.
  double best = 1e9;
  for (int lap = 2; lap <= laps; ++lap) best = std::min(best, lap_time(lap));
  EXPECT_THAT(car.best_lap_s, Optional(::testing::DoubleNear(best, 0.01)));
  ASSERT_EQ(car.sectors_s.size(), 3U);
  const double line = (laps - 1) * Model::kLength;
  EXPECT_NEAR(car.sectors_s[2].second, model.when(line + 3'000) - model.when(line + 2'100), 0.01);
}

TEST_F(StandingsTest, TakesTheTimesThatTheSourceTells) {
  const auto field = [this](const char* name) { return *schema_.fields().intern(name); };
  const Model model;
  for (int i = 0; i <= 25 * 200; ++i) {
    auto reading = model.reading(i / 25.0);
    reading.chassis = "a";
    const double lap = reading.lap;
    reading.more = {{field("last_lap_s"), reading.lap > 1 ? 59 + lap : 0},
                    {field("sector1_s"), reading.sector > 0 ? 20 + lap : 0},
                    {field("sector2_s"), reading.sector > 1 ? 19 + lap / 2 : 0},
                    {field("pit_status"), 1}};
    send(reading);
  }
  const Standing car = order(200).cars.at(0);
  const double lap = car.lap;
  EXPECT_THAT(car.last_lap_s, Optional(59 + lap));
  EXPECT_THAT(car.best_lap_s, Optional(61.0));
  EXPECT_THAT(car.pit, Optional(1));
  ASSERT_EQ(car.sectors_s.size(), 3U);
  // Of the lap before, since this one is in its first or second sector.
  const double before = lap - 1;
  EXPECT_DOUBLE_EQ(car.sectors_s[2].second, (59 + lap) - (20 + before) - (19 + before / 2));
}

TEST_F(StandingsTest, ALapThatFlipsBesideTheLineChangesNoOrder) {
  const Model ahead{.start_m = 100}, behind{.start_m = 0};
  for (int i = 0; i <= 25 * 200; ++i) {
    const double seconds = i / 25.0;
    auto first = ahead.reading(seconds);
    first.chassis = "a";
    auto second = behind.reading(seconds);
    second.chassis = "b";
    second.machine = 1;
    // One flips 40 m before the line, the other 40 m behind it.
    if (first.lapdist_m < 40) --first.lap;
    if (second.lapdist_m > Model::kLength - 40) ++second.lap;
    points_.add(first);
    points_.add(second);
    flush();
    ASSERT_THAT(names(order(seconds)), ElementsAre("a", "b")) << "at " << seconds;
  }
}

TEST(CarProgress, ALapThatBeganInASilenceIsCounted) {
  CarProgress car;
  TrackLength track;
  const auto drive = [&](double seconds) {
    const Model model;
    const auto reading = model.reading(seconds);
    car.observe({.when = at(seconds),
                 .arrival = arrival_at(seconds),
                 .lap = reading.lap,
                 .lapdist_m = reading.lapdist_m,
                 .speed_kmh = reading.speed_kmh},
                track);
  };
  for (double t = 0; t <= 94; t += 0.1) drive(t);
  ASSERT_EQ(car.place().turn, 2);
  drive(175);  // near the line, where laps flip early
  ASSERT_GT(car.place().lapdist_m, 0.9 * Model::kLength);
  EXPECT_EQ(car.place().turn, 3);
}

TEST_F(StandingsTest, WhatWasGoneBackToDidNotHappen) {
  const Model model;
  const auto drive = [&](double from, double to, double clock) {
    for (int i = 0; from + i / 25.0 < to; ++i) {
      auto reading = model.reading(from + i / 25.0);
      reading.seconds = clock + i / 25.0;
      reading.chassis = "a";
      send(reading);
    }
  };
  // Over the line into lap 3, then back into lap 2, and on.
  const double line = model.when(2 * Model::kLength);
  drive(0, line + 3, 0);
  drive(line - 5, line + 60.2, line + 4);
  const Standing car = order(line + 70).cars.at(0);
  EXPECT_EQ(car.lap, 4);
  // Lap 3 was driven once, as a whole, behind the flashback.
  const double lap_3 = model.when(3 * Model::kLength) - model.when(2 * Model::kLength);
  EXPECT_THAT(car.last_lap_s, Optional(::testing::DoubleNear(lap_3, 0.01)));
}

TEST_F(StandingsTest, ASilentCarIsPassedAndItsSilenceTold) {
  send({.chassis = "a", .seconds = 1, .lap = 1, .lapdist_m = 100});
  send({.machine = 1, .chassis = "b", .seconds = 1, .lap = 1, .lapdist_m = 50});
  send({.machine = 1, .chassis = "b", .seconds = 5, .lap = 1, .lapdist_m = 140});
  end_at(6.5);
  const auto standings = order(6.5);
  ASSERT_THAT(names(standings), ElementsAre("b", "a"));  // it drives on for a second at most
  EXPECT_NEAR(standings.cars[1].silent_s, 5.5, 0.01);
  EXPECT_NEAR(standings.cars[0].silent_s, 1.5, 0.01);
  EXPECT_TRUE(standings_.is_falling_silent(arrival_at(10)));
  EXPECT_FALSE(standings_.is_falling_silent(arrival_at(30)));
  standings_.update(arrival_at(700));
  EXPECT_THAT(standings_.tracks(), IsEmpty());
}

TEST_F(StandingsTest, CarsOfAnEarlierSessionAreInNoOrder) {
  send({.chassis = "a", .seconds = 1, .json = R"({"x":1,"session":"1"})"});
  send({.machine = 1, .chassis = "b", .seconds = 2, .json = R"({"x":1,"session":"2"})"});
  end_at(3);
  const auto standings = order(3);
  EXPECT_EQ(standings.session, "2");
  EXPECT_THAT(names(standings), ElementsAre("b"));
}

TEST_F(StandingsTest, LossIsTheShareThatDidNotCome) {
  std::uint64_t sequence = 0;
  for (int i = 0; i < 1'000; ++i) {
    sequence += i % 10 == 0 ? 2 : 1;  // one of eleven is lost
    send({.chassis = "a", .seconds = i / 25.0, .lapdist_m = i * 2.0, .sequence = sequence});
  }
  end_at(40);
  EXPECT_THAT(order(40).cars.at(0).loss, Optional(::testing::DoubleNear(1.0 / 11, 0.005)));
}

TEST_F(StandingsTest, ClocksThatDifferAreNotCompared) {
  const Model ahead{.start_m = 300}, behind{.start_m = 0};
  for (int i = 0; i <= 25 * 30; ++i) {
    const double seconds = i / 25.0;
    auto first = ahead.reading(seconds);
    first.chassis = "a";
    auto second = behind.reading(seconds);
    second.chassis = "b";
    second.machine = 1;
    second.event_seconds = seconds + 3'600;  // an hour ahead
    points_.add(first);
    points_.add(second);
    flush();
  }
  const auto standings = order(30);
  ASSERT_THAT(names(standings), ElementsAre("a", "b"));
  const double gap = 30 - ahead.when(behind.driven_m(30));
  EXPECT_THAT(standings.cars[1].gap_ahead_s, Optional(::testing::DoubleNear(gap, 0.2)));
}

TEST_F(StandingsTest, GoOnWhereTheClockIsSetBack) {
  const Model model;
  for (int i = 0; i <= 25 * 20; ++i) {
    const double seconds = i / 25.0;
    auto reading = model.reading(seconds);
    reading.chassis = "a";
    reading.event_seconds = seconds;
    if (seconds > 10) reading.seconds -= 3'600;
    send(reading);
  }
  const auto standings = order(20 - 3'600);
  ASSERT_THAT(names(standings), ElementsAre("a"));
  EXPECT_NEAR(standings.cars[0].lapdist_m, model.driven_m(20), 10);
  EXPECT_NEAR(standings.cars[0].silent_s, 0, 0.2);
}

TEST_F(StandingsTest, MachinesWithoutADistanceAreNotInThem) {
  points_.add({.chassis = "a"});
  PointBatch batch = points_.take();
  batch.points[0].value_count = 0;
  sampler_.observe(batch);
  end_at(1);
  EXPECT_THAT(standings_.tracks(), IsEmpty());
  EXPECT_EQ(sampler_.next_tick(), kForever);
}

TEST_F(StandingsTest, MessageSaysWhatIsNotKnown) {
  send({.chassis = "a\"b", .seconds = 1, .lap = 3, .lapdist_m = 12.34, .sector = 1});
  end_at(1);
  const std::string text = encode_standings(order(1));
  simdjson::dom::parser parser;
  const simdjson::dom::element message = parser.parse(text);
  EXPECT_EQ(std::string_view(message["type"]), "standings_update");
  EXPECT_TRUE(message["session"].is_null());
  const simdjson::dom::element car = message["cars"].at(0);
  EXPECT_EQ(std::string_view(car["chassis"]), "a\"b");
  EXPECT_EQ(std::int64_t(car["position"]), 1);
  EXPECT_DOUBLE_EQ(car["lapdist_m"].get_double(), 12.3);
  EXPECT_TRUE(car["last_lap_s"].is_null());
  EXPECT_TRUE(car["best_lap_s"].is_null());
  EXPECT_TRUE(car["pit"].is_null());
  EXPECT_TRUE(car["loss"].is_null());
  EXPECT_EQ(car["sectors_s"].get_array().size(), 0U);
}

TEST_F(StandingsTest, MessageTellsTheSessionAndThePlaceOnTheTracksLine) {
  // A square of 100 m; a lap as the distance tells it is 200 m.
  std::vector<PlanePoint> nodes = {{0, 0}, {25, 0}, {25, 25}, {0, 25}};
  const TrackFacts facts{.session = "s1", .line = std::make_shared<const TrackLine>(nodes, 100)};
  TrackStandings standings;
  standings.session = "final";
  standings.track_m = 200;
  for (const double lapdist_m : {50, 125}) standings.cars.emplace_back().lapdist_m = lapdist_m;
  simdjson::dom::parser parser;
  const simdjson::dom::element message = parser.parse(encode_standings(standings, facts));
  EXPECT_EQ(std::string_view(message["session"]), "s1");
  EXPECT_EQ(std::string_view(message["part"]), "final");
  EXPECT_DOUBLE_EQ(message["cars"].at(0)["x_m"].get_double(), 25);
  EXPECT_DOUBLE_EQ(message["cars"].at(0)["y_m"].get_double(), 0);
  EXPECT_DOUBLE_EQ(message["cars"].at(1)["x_m"].get_double(), 12.5);
  EXPECT_DOUBLE_EQ(message["cars"].at(1)["y_m"].get_double(), 25);
  standings.track_m = 0;
  const simdjson::dom::element unknown = parser.parse(encode_standings(standings, facts));
  EXPECT_TRUE(unknown["cars"].at(0)["x_m"].is_null()) << "nobody knows how long a lap is";
}

TEST_F(StandingsTest, WhatFindsNoRoomIsDroppedAndCounted) {
  Standings small({.max_cars = 1, .max_waiting = 3});
  const auto samples = [](const std::string& chassis, std::size_t count) {
    std::vector<CarSamples> cars(1);
    cars[0] = {.track = "t",
               .chassis = chassis,
               .session = {},
               .compound = {},
               .timed = {},
               .samples = {}};
    for (std::size_t i = 0; i < count; ++i) {
      cars[0].samples.push_back({.when = at(static_cast<double>(i)),
                                 .arrival = arrival_at(static_cast<double>(i)),
                                 .lapdist_m = 1});
    }
    return cars;
  };
  small.accept(kPartition, samples("a", 2));
  small.accept(kPartition, samples("a", 2));
  EXPECT_EQ(small.dropped(), 2U);
  small.accept(kPartition, samples("b", 1));
  small.update(arrival_at(2));
  EXPECT_EQ(small.dropped(), 3U);
  ASSERT_TRUE(small.of("t", arrival_at(2)));
  EXPECT_EQ(small.of("t", arrival_at(2))->cars.size(), 1U);
}

}  // namespace
}  // namespace slipstream
