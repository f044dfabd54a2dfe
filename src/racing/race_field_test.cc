#include "racing/race_field.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <simdjson.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <map>
#include <numbers>
#include <set>
#include <string>
#include <vector>

namespace slipstream {
namespace {

/// The readings of each car over some simulated time.
std::vector<std::vector<CarReading>> race(RaceField& field, double seconds) {
  std::vector<std::vector<CarReading>> cars(field.size());
  const double end = field.time_s() + seconds;
  while (field.time_s() < end) {
    for (std::size_t i = 0; i < field.size(); ++i) cars[i].push_back(field.reading(i));
    field.step();
  }
  return cars;
}

std::string record(RaceField& field, double seconds) {
  std::string text;
  const double end = field.time_s() + seconds;
  while (field.time_s() < end) {
    for (std::size_t i = 0; i < field.size(); ++i) {
      field.append_point(i, {static_cast<std::int64_t>(field.time_s() * 1e9)}, text);
      text += '\n';
    }
    field.step();
  }
  return text;
}

std::vector<double> lap_times(const std::vector<CarReading>& readings, double rate_hz) {
  std::vector<double> times;
  std::size_t line = 0;
  for (std::size_t i = 1; i < readings.size(); ++i) {
    if (readings[i].lap == readings[i - 1].lap) continue;
    if (line > 0) times.push_back(static_cast<double>(i - line) / rate_hz);
    line = i;
  }
  return times;
}

TEST(RaceField, TheSameSeedGivesTheSameRace) {
  RaceField a({.cars = 5, .seed = 42});
  RaceField b({.cars = 5, .seed = 42});
  RaceField other({.cars = 5, .seed = 43});
  const auto text = record(a, 130);
  EXPECT_TRUE(text == record(b, 130));
  EXPECT_FALSE(text == record(other, 130));
}

TEST(RaceField, SteppingAndLookingDoNotChangeTheRace) {
  RaceField one({.cars = 3});
  RaceField two({.cars = 3});
  EXPECT_EQ(one.advance_to(60), 1'500u);
  EXPECT_EQ(one.advance_to(60), 0u);
  for (int i = 1; i <= 600; ++i) {
    two.advance_to(i * 0.1);
    static_cast<void>(two.reading(0));
  }
  std::string a, b;
  one.append_point(2, {0}, a);
  two.append_point(2, {0}, b);
  EXPECT_EQ(a, b);
}

TEST(RaceField, CarsHaveNamesOfTheirOwnAndAreAllOverTheTrack) {
  RaceField field;
  ASSERT_EQ(field.size(), 20u);
  EXPECT_EQ(field.chassis(0), "GR86-001-01");
  std::set<std::string> names;
  std::array<int, 4> quarters{};
  for (std::size_t i = 0; i < field.size(); ++i) {
    names.emplace(field.chassis(i));
    const double share = field.reading(i).lapdist_m / field.circuit().total_m();
    ++quarters.at(static_cast<std::size_t>(std::min(3.0, share * 4)));
  }
  EXPECT_EQ(names.size(), 20u);
  for (const int cars : quarters) EXPECT_GE(cars, 4);
}

TEST(RaceField, LapsCountUpAndTakeAsLongAsAtBarber) {
  RaceField field;
  const auto cars = race(field, 520);
  for (std::size_t i = 0; i < cars.size(); ++i) {
    for (std::size_t k = 1; k < cars[i].size(); ++k) {
      const auto& before = cars[i][k - 1];
      const auto& now = cars[i][k];
      ASSERT_EQ(now.sequence, before.sequence + 1);
      ASSERT_TRUE(now.lap == before.lap ? now.lapdist_m > before.lapdist_m
                                        : now.lap == before.lap + 1 && now.lapdist_m < 3)
          << field.chassis(i) << " at " << before.lapdist_m;
    }
    const auto times = lap_times(cars[i], 25);
    ASSERT_GE(times.size(), 3u);
    for (const double time : times) {
      EXPECT_GT(time, 90) << field.chassis(i);
      EXPECT_LT(time, 110) << field.chassis(i);
    }
  }
}

TEST(RaceField, GapsEvolve) {
  RaceField field({.cars = 10});
  const auto progress = [&](std::size_t car) {
    const auto r = field.reading(car);
    return r.lap * field.circuit().total_m() + r.lapdist_m;
  };
  std::vector<double> start;
  for (std::size_t i = 0; i < 10; ++i) start.push_back(progress(i));
  field.advance_to(600);
  std::vector<double> driven;
  for (std::size_t i = 0; i < 10; ++i) driven.push_back(progress(i) - start[i]);
  const auto [slowest, fastest] = std::ranges::minmax(driven);
  EXPECT_GT(fastest - slowest, 100) << "metres in ten minutes";
  EXPECT_LT(fastest - slowest, 2'000);
}

TEST(RaceField, AccelerationIsTheSlopeOfSpeed) {
  RaceField field({.cars = 4});
  const auto cars = race(field, 230);
  for (const auto& readings : cars) {
    double speed = readings[0].speed_kmh / 3.6;
    for (std::size_t i = 0; i + 10 < readings.size(); i += 10) {
      // Over 0.4 s the noise of single readings does not matter.
      double mean = (readings[i].accx_g + readings[i + 10].accx_g) / 2;
      for (std::size_t k = i + 1; k < i + 10; ++k) mean += readings[k].accx_g;
      mean /= 10;
      const double after = readings[i + 10].speed_kmh / 3.6;
      EXPECT_NEAR((after - speed) / 0.4 / CarModel::kGravity, mean, 0.04)
          << "lap " << readings[i].lap << " at " << readings[i].lapdist_m;
      speed = after;
    }
  }
}

TEST(RaceField, TheDriverBrakesOrAcceleratesAndThePedalsTellWhich) {
  RaceField field({.cars = 4});
  for (const auto& readings : race(field, 210)) {
    for (const auto& r : readings) {
      ASSERT_TRUE(r.brake_front_bar == 0 || r.throttle_percent == 0);
      if (r.brake_front_bar > 10) {
        ASSERT_LT(r.accx_g, -0.2);
      }
      if (r.throttle_percent == 100) {
        ASSERT_GT(r.accx_g, -0.05);
      }
      ASSERT_GE(r.throttle_percent, 0);
      ASSERT_LE(r.throttle_percent, 100);
    }
  }
}

TEST(RaceField, ThePositionsOfALapCloseALoopNearBarber) {
  RaceField field({.cars = 1});
  double west = 180, east = -180, south = 90, north = -90;
  std::vector<CarReading> at_line;
  for (const auto readings = race(field, 330); const auto& r : readings[0]) {
    west = std::min(west, r.longitude);
    east = std::max(east, r.longitude);
    south = std::min(south, r.latitude);
    north = std::max(north, r.latitude);
    if (at_line.empty() || r.lap != at_line.back().lap) at_line.push_back(r);
  }
  EXPECT_GT(south, 33.52);
  EXPECT_LT(north, 33.54);
  EXPECT_GT(west, -86.64);
  EXPECT_LT(east, -86.60);
  ASSERT_GE(at_line.size(), 3u);
  for (std::size_t i = 2; i < at_line.size(); ++i) {
    EXPECT_NEAR(at_line[i].latitude, at_line[1].latitude, 3e-5);
    EXPECT_NEAR(at_line[i].longitude, at_line[1].longitude, 3e-5);
  }
}

TEST(RaceField, APointIsJsonWithEveryMember) {
  RaceField field({.cars = 2, .track = "my \"own\" track"});
  field.advance_to(30);
  std::string text = "before ";
  field.append_point(1, {1'757'032'100'593'000'000}, text);
  ASSERT_TRUE(text.starts_with("before {"));
  simdjson::dom::parser parser;
  simdjson::dom::element point;
  ASSERT_EQ(parser.parse(text.substr(7)).get(point), simdjson::SUCCESS) << text;
  EXPECT_EQ(std::string_view(point["meta_time"]), "2025-09-05T00:28:20.593Z");
  EXPECT_EQ(std::string_view(point["track"]), "my \"own\" track");
  EXPECT_EQ(std::string_view(point["chassis"]), "GR86-002-02");
  EXPECT_EQ(std::int64_t(point["seq"]), 751);
  const auto r = field.reading(1);
  const std::vector<std::pair<const char*, double>> members = {{"lap", r.lap},
                                                               {"lapdist_m", r.lapdist_m},
                                                               {"speed_kmh", r.speed_kmh},
                                                               {"accx_can", r.accx_g},
                                                               {"accy_can", r.accy_g},
                                                               {"Steering_Angle", r.steering_deg},
                                                               {"pbrake_f", r.brake_front_bar},
                                                               {"pbrake_r", r.brake_rear_bar},
                                                               {"rpm", r.rpm},
                                                               {"gear", r.gear},
                                                               {"aps", r.throttle_percent},
                                                               {"VBOX_Lat_Min", r.latitude},
                                                               {"VBOX_Long_Minutes", r.longitude}};
  for (const auto& [name, value] : members) {
    double written = 0;
    ASSERT_EQ(point[name].get(written), simdjson::SUCCESS) << name;
    EXPECT_NEAR(written, value, 1e-6) << name;
  }
}

// The real lap: 10,000 rows of one car at Barber, laps 2 and part of 3.

struct Range {
  double min = 1e9;
  double max = -1e9;
  void add(double v) {
    min = std::min(min, v);
    max = std::max(max, v);
  }
};
using Ranges = std::map<std::string, Range>;

std::string real_lap_path() {
  const char* directory = std::getenv("SLIPSTREAM_TEST_DATA");
  return std::string(directory ? directory : SLIPSTREAM_SOURCE_DIR "/../shared/data") +
         "/gr86_barber_r1.csv";
}

/// By channel name; empty when there is no such file.
Ranges real_ranges() {
  Ranges ranges;
  std::ifstream file(real_lap_path());
  std::string line;
  std::getline(file, line);
  while (std::getline(file, line)) {
    std::vector<std::string> columns(1);
    for (const char c : line) {
      if (c == ',') {
        columns.emplace_back();
      } else {
        columns.back() += c;
      }
    }
    if (columns.size() == 13) ranges[columns[8]].add(std::stod(columns[9]));
  }
  return ranges;
}

TEST(RaceField, ChannelsStayWithinWhatARealLapShows) {
  const auto real = real_ranges();
  if (real.empty()) {
    GTEST_SKIP() << "no real lap at " << real_lap_path() << "; set SLIPSTREAM_TEST_DATA to the "
                 << "directory that holds gr86_barber_r1.csv";
  }
  RaceField field({.cars = 20, .seed = 7});
  Ranges ours;
  for (const auto& readings : race(field, 420)) {
    for (const auto& r : readings) {
      ours["speed"].add(r.speed_kmh);
      ours["accx_can"].add(r.accx_g);
      ours["accy_can"].add(r.accy_g);
      ours["Steering_Angle"].add(r.steering_deg);
      ours["pbrake_f"].add(r.brake_front_bar);
      ours["pbrake_r"].add(r.brake_rear_bar);
      ours["nmot"].add(r.rpm);
      ours["aps"].add(r.throttle_percent);
    }
  }
  // The extract covers the last third of the lap, where there is neither the longest straight nor
  // the hardest braking: hence the wide margins for the highest speed, braking and pressure. The
  // lowest and highest value may go beyond the real ones by so much, and must come near to them.
  struct Margin {
    const char* channel;
    double below, above;  // beyond the real extremes
    double short_of;      // of the real extremes, where ours are less
  };
  for (const auto& [channel, below, above, short_of] :
       std::vector<Margin>{{"speed", 10, 75, 20},           // km/h
                           {"accx_can", 0.3, 0.1, 0.25},    // g
                           {"accy_can", 0.15, 0.15, 0.2},   // g
                           {"Steering_Angle", 10, 10, 20},  // degrees
                           {"pbrake_f", 0, 12, 0},          // bar
                           {"pbrake_r", 0, 12, 0},
                           {"nmot", 250, 150, 400},  // 1/min
                           {"aps", 0, 0, 0}}) {      // percent
    ASSERT_TRUE(real.contains(channel)) << channel;
    const auto& truth = real.at(channel);
    const auto& model = ours.at(channel);
    EXPECT_GE(model.min, truth.min - below) << channel;
    EXPECT_LE(model.min, truth.min + short_of) << channel;
    EXPECT_LE(model.max, truth.max + above) << channel;
    EXPECT_GE(model.max, truth.max - short_of) << channel;
  }
}

}  // namespace
}  // namespace slipstream
