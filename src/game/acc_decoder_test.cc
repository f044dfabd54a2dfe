#include "game/acc_decoder.h"

#include <gtest/gtest.h>

#include <map>
#include <vector>

#include "game/acc_testing.h"

namespace slipstream::game {
namespace {

using acc_testing::car_update;
using acc_testing::entries;
using acc_testing::entry;
using acc_testing::event;
using acc_testing::kNone;
using acc_testing::Packer;
using acc_testing::track;
using acc_testing::update;

class AccTest : public testing::Test, public GameSink {
 protected:
  struct Seen {
    std::string track, chassis;
    std::map<std::string_view, double> numbers;
  };
  void point(const GamePoint& point) override {
    Seen seen{std::string(point.track), std::string(point.chassis), {}};
    for (const auto& [value, column] : point.numbers) seen.numbers[kColumns[column]] = value;
    points_.push_back(std::move(seen));
  }
  void mark(Mark mark) override { marks_.push_back(std::move(mark)); }
  void take(const std::string& bytes) {
    now_.ns += kNsPerMs;
    EXPECT_TRUE(decoder_.take(bytes, {1, now_}, *this));
  }

  GameStats stats_;
  AccDecoder decoder_{stats_};
  ArrivalTime now_{1'760'000'000'000'000'000};
  std::vector<Seen> points_;
  std::vector<Mark> marks_;
};

TEST_F(AccTest, ACarUpdateIsAPointOnceTrackAndEntryAreKnown) {
  take(car_update(1));
  take(track());
  take(car_update(1));
  EXPECT_TRUE(points_.empty());
  EXPECT_EQ(stats_.waiting.value(), 2u);
  take(entries({1}));
  take(entry(1, "One", 41));
  take(update(61'500));
  take(car_update(1));
  ASSERT_EQ(points_.size(), 1u);
  EXPECT_EQ(points_[0].track, "brands_hatch");
  EXPECT_EQ(points_[0].chassis, "Ana One");
  const std::map<std::string_view, double> wanted = {
      {"session_time_s", 61.5}, {"car_index", 1},       {"gear", -1},         {"x_m", 100.5},
      {"z_m", -20.25},          {"yaw_rad", 1.5},       {"car_location", 2},  {"pit_status", 2},
      {"speed_kmh", 213},       {"position", 4},        {"cup_position", 3},  {"track_position", 5},
      {"spline_position", 0.5}, {"lapdist_m", 1'954},   {"laps", 6},          {"lap", 7},
      {"delta_s", -0.12},       {"last_lap_s", 106.25}, {"lap_time_s", 50.5}, {"lap_invalid", 1}};
  EXPECT_EQ(points_[0].numbers, wanted);
}

TEST_F(AccTest, NamesThatSeveralHaveAreToldApartByNumber) {
  take(track());
  take(entry(1, "One", 41));
  take(entry(2, "One", 42));
  take(car_update(1));
  take(car_update(2));
  ASSERT_EQ(points_.size(), 2u);
  EXPECT_EQ(points_[0].chassis, "Ana One #41");
  EXPECT_EQ(points_[1].chassis, "Ana One #42");
  take(entries({2}));
  take(car_update(1));
  EXPECT_EQ(points_.size(), 2u) << "the car is gone";
}

TEST_F(AccTest, EventsAreMarks) {
  take(track());
  take(entry(1, "One", 41));
  take(update(61'500));
  take(event(1, "green", -1));
  take(event(4, "contact", 1));
  take(event(0, "nothing", 1));
  ASSERT_EQ(marks_.size(), 3u);
  EXPECT_EQ(marks_[0].kind, "session");
  EXPECT_EQ(marks_[0].text, "Race");
  EXPECT_EQ(marks_[1].kind, "green_flag");
  EXPECT_EQ(marks_[1].chassis, "");
  EXPECT_EQ(marks_[2].kind, "accident");
  EXPECT_EQ(marks_[2].chassis, "Ana One");
  EXPECT_EQ(marks_[2].text, "contact");
}

TEST_F(AccTest, WhatIsCutOffTellsNothing) {
  take(track());
  take(entry(1, "One", 41));
  const std::string whole = car_update(1);
  for (std::size_t size = 1; size < whole.size(); ++size) {
    take(whole.substr(0, size));
    take(entry(2, "Two", 42).substr(0, std::min(size, entry(2, "Two", 42).size() - 1)));
  }
  EXPECT_TRUE(points_.empty());
  take(whole);
  EXPECT_EQ(points_.size(), 1u);
  EXPECT_FALSE(decoder_.take("\x2a", {1, now_}, *this));
}

}  // namespace
}  // namespace slipstream::game
