#include "app/game_feed.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <cmath>
#include <map>
#include <set>

#include "codec/games_testing.h"
#include "game/forza_encoder.h"

namespace slipstream {
namespace {

using games_testing::Datagram;
using games_testing::Decoding;
using games_testing::Told;

constexpr std::int64_t kBeginNs = 1'760'000'000 * kNsPerSecond;

/// What each member may be off by, where the packed form is coarse.
double tolerance(std::string_view member) {
  static const std::map<std::string_view, double> coarse = {
      {"speed_kmh", 0.5},     {"rpm", 0.5},        {"lap_time_s", 1e-6},  {"last_lap_s", 1e-6},
      {"sector1_s", 1e-6},    {"sector2_s", 1e-6}, {"gap_front_s", 6e-4}, {"gap_leader_s", 6e-4},
      {"throttle", 1 / 510.}, {"brake", 1 / 510.}, {"steer", 1 / 254.}};
  const auto at = coarse.find(member);
  return at == coarse.end() ? 0 : at->second;
}

void expect_numbers(const Told& point, std::span<const game::Cell> numbers, std::size_t least) {
  std::size_t compared = 0;
  for (const auto& [value, column] : numbers) {
    const auto got = point.number(std::string(game::kColumns[column]));
    if (!got) continue;
    ++compared;
    // In the format of 2023 a gap has no minutes.
    const bool is_capped = game::kColumns[column].starts_with("gap_") && *got == 65.535;
    if (is_capped && value > 65.5) continue;
    const double near = tolerance(game::kColumns[column]) + std::abs(value) * 2e-7 + 1e-9;
    EXPECT_NEAR(*got, value, near) << game::kColumns[column];
  }
  EXPECT_GE(compared, least);
}

/// A lap that ends is the sum of its sectors.
class LapsOf {
 public:
  void see(const Told& point) {
    Last& last = cars_[point.text("chassis")];
    const double lap = *point.number("lap");
    if (last.lap > 0 && lap == last.lap + 1) {
      const double whole = *point.number("last_lap_s");
      EXPECT_GT(whole, 60);
      EXPECT_LT(whole, 300);
      if (point.number("sector")) {
        EXPECT_EQ(last.sector, 2);
        EXPECT_GT(whole, last.sector1_s + last.sector2_s);
      }
      EXPECT_NEAR(whole, last.lap_time_s, 0.06) << "the last frame of the lap is just before it";
      EXPECT_LT(*point.number("lap_time_s"), 0.06);
      ++laps_;
    }
    if (point.number("sector") && lap == last.lap && last.sector == 2) {
      EXPECT_GT(last.sector1_s, 10);
      EXPECT_GT(last.sector2_s, 10);
      EXPECT_GT(*point.number("lap_time_s"), last.sector1_s + last.sector2_s - 0.06);
    }
    last = {lap, point.number("sector").value_or(0), point.number("sector1_s").value_or(0),
            point.number("sector2_s").value_or(0), *point.number("lap_time_s")};
  }
  std::size_t laps() const { return laps_; }

 private:
  struct Last {
    double lap = 0, sector = 0, sector1_s = 0, sector2_s = 0, lap_time_s = 0;
  };
  std::map<std::string, Last> cars_;
  std::size_t laps_ = 0;
};

TEST(GameFeedF1, WhatIsEncodedIsDecodedAsTheFieldIs) {
  const auto formats = game::f1_formats();
  for (const auto& format : formats) {
    // Of one format long enough for laps to end.
    const bool is_long = format.year == 2025;
    const std::size_t size = is_long ? 6 : 20;
    GameField field({.cars = size, .track = "silverstone", .total_m = 5'891, .rate_hz = 20});
    const game::F1Encoder encoder(format, {.uid = 77});
    Decoding decoding;
    ArrivalTime now{kBeginNs};
    const auto send = [&](std::string_view datagram) {
      decoding.take({now, std::string(datagram)});
    };
    std::vector<game::F1Encoder::Driver> drivers;
    for (std::size_t car = 0; car < field.size(); ++car) {
      drivers.push_back({field.name(car), static_cast<std::uint8_t>(car + 1)});
    }
    std::vector<game::F1Encoder::Car> cars(field.size());
    LapsOf laps;
    std::size_t points = 0;
    const std::uint32_t frames = is_long ? 20 * 160 : 100;
    std::map<std::uint32_t, std::map<std::string, std::vector<game::Cell>>> waiting;
    for (std::uint32_t frame = 1; frame <= frames; ++frame, now.ns += 50 * kNsPerMs) {
      field.step();
      const game::F1Encoder::Moment moment{static_cast<float>(field.time_s()), frame};
      if (frame == 1) {
        encoder.start(moment, send);
        encoder.session(moment, send);
        encoder.drivers(moment, drivers, send);
      }
      for (std::size_t car = 0; car < field.size(); ++car) {
        const auto numbers = field.numbers(car);
        cars[car].numbers = numbers;
        waiting[frame][std::string(field.name(car))].assign(numbers.begin(), numbers.end());
      }
      encoder.frame(moment, cars, send);
      for (const auto& point : decoding.points()) {
        const auto at = static_cast<std::uint32_t>(*point.number("frame"));
        expect_numbers(point, waiting[at][point.text("chassis")], 35);
        EXPECT_EQ(point.text("track"), "silverstone");
        EXPECT_EQ(point.text("session"), "77");
        EXPECT_EQ(point.text("source_game"), format.source_game);
        EXPECT_EQ(point.text("tyre_compound"), "SOFT");
        laps.see(point);
        ++points;
        if (testing::Test::HasFailure()) return;
      }
      decoding.items().clear();
      while (waiting.size() > 4) waiting.erase(waiting.begin());
    }
    EXPECT_GE(points, (frames - 3) * field.size());
    if (is_long) {
      EXPECT_GE(laps.laps(), field.size());
    }
  }
}

TEST(GameFeedForza, WhatIsEncodedIsDecodedAsTheFieldIs) {
  GameField field({.cars = 3, .track = "forza", .total_m = 5'891, .rate_hz = 60});
  Decoding decoding;
  ArrivalTime now{kBeginNs};
  LapsOf laps;
  for (std::uint32_t frame = 1; frame <= 60 * 200; ++frame, now.ns += 16 * kNsPerMs) {
    field.step();
    for (std::size_t car = 0; car < field.size(); ++car) {
      decoding.take({now, game::encode_forza_dash(field.numbers(car))}, car + 1);
      const auto points = decoding.points();
      ASSERT_EQ(points.size(), 1u);
      EXPECT_EQ(points[0].text("source_game"), "forza_dash");
      EXPECT_EQ(points[0].text("chassis"), fmt::format("car_{}", 1'000 + car));
      expect_numbers(points[0], field.numbers(car), 25);
      laps.see(points[0]);
      decoding.items().clear();
      if (testing::Test::HasFailure()) return;
    }
  }
  EXPECT_GE(laps.laps(), 3u);
}

}  // namespace
}  // namespace slipstream
