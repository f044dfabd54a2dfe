#include "game/acc_decoder.h"

#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <vector>

namespace slipstream::game {
namespace {

/// Packs as the game does.
class Packer {
 public:
  template <typename T>
  Packer& add(T value) {
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof value);
    return *this;
  }
  Packer& u8(unsigned value) { return add(static_cast<std::uint8_t>(value)); }
  Packer& u16(unsigned value) { return add(static_cast<std::uint16_t>(value)); }
  Packer& i32(std::int32_t value) { return add(value); }
  Packer& f32(float value) { return add(value); }
  Packer& text(std::string_view text) {
    u16(static_cast<unsigned>(text.size()));
    bytes_ += text;
    return *this;
  }
  Packer& lap(std::int32_t ms, bool is_invalid = false) {
    i32(ms).u16(1).u16(0).u8(2).i32(30'000).i32(31'000);
    return u8(is_invalid ? 1 : 0).u8(1).u8(0).u8(0);
  }
  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

constexpr std::int32_t kNone = 2'147'483'647;

std::string track() {
  return Packer().u8(5).i32(7).text("Brands Hatch").i32(5).i32(3'908).u8(0).u8(0).bytes();
}
std::string entries(std::vector<unsigned> cars) {
  Packer packer;
  packer.u8(4).i32(7).u16(static_cast<unsigned>(cars.size()));
  for (const unsigned car : cars) packer.u16(car);
  return packer.bytes();
}
std::string entry(unsigned car, std::string_view last, std::int32_t number) {
  return Packer()
      .u8(6)
      .u16(car)
      .u8(30)
      .text("Team")
      .i32(number)
      .u8(0)
      .u8(1)
      .u16(5)
      .u8(2)
      .text("Not")
      .text("Driving")
      .text("ND")
      .u8(1)
      .u16(5)
      .text("Ana")
      .text(last)
      .text("AN")
      .u8(1)
      .u16(5)
      .bytes();
}
std::string update(float session_ms) {
  return Packer()
      .u8(2)
      .u16(0)
      .u16(1)
      .u8(10)
      .u8(5)
      .f32(session_ms)
      .f32(1)
      .i32(1)
      .text("a")
      .text("b")
      .text("c")
      .u8(0)
      .f32(1)
      .u8(20)
      .u8(30)
      .u8(1)
      .u8(0)
      .u8(0)
      .lap(100'000)
      .bytes();
}
std::string car_update(unsigned car) {
  return Packer()
      .u8(3)
      .u16(car)
      .u16(0)
      .u8(1)
      .u8(1)
      .f32(100.5f)
      .f32(-20.25f)
      .f32(1.5f)
      .u8(2)
      .u16(213)
      .u16(4)
      .u16(3)
      .u16(5)
      .f32(0.5f)
      .u16(6)
      .i32(-120)
      .lap(kNone)
      .lap(106'250)
      .lap(50'500, true)
      .bytes();
}
std::string event(unsigned type, std::string_view text, std::int32_t car) {
  return Packer().u8(7).u8(type).text(text).i32(61'000).i32(car).bytes();
}

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
