// Lap and sector times of a car whose crossings are known, through losses and at slow rates.
// SLIPSTREAM_LAP_SEEDS asks for more cars than a few.
#include <gtest/gtest.h>

#include "racing/lap_testing.h"
#include "racing/trials.h"

namespace slipstream::lap_testing {
namespace {

constexpr std::int64_t kBeginNs = 1'760'000'000 * kNsPerSecond;
constexpr double kMillisecond = 0.001;
constexpr double kMetreOfLatitude = 1 / 111'195.0;

struct Sending {
  const char* name = "";
  int distance_every = 1;      ///< points at 25 Hz: each so manieth has distance and speed
  double loss = 0;             ///< share of losses that begin at a point
  int most_lost = 5;           ///< in a row
  int number_off = 0;          ///< points by which the lap's number is early (negative) or late
  double distance_step_m = 0;  ///< its resolution
  bool has_lap = true;
  bool has_map = true;
  bool has_places = false;  ///< by GPS, with 1 m of noise
  double within_s = kMillisecond;
};

class LapTimes : public testing::TestWithParam<Sending> {};

TEST_P(LapTimes, AreWithinAMillisecondOfTheTruth) {
  const Sending& sending = GetParam();
  for (std::uint64_t seed = 1; seed <= trials("SLIPSTREAM_LAP_SEEDS", 4); ++seed) {
    SCOPED_TRACE(seed);
    Drive drive(seed);
    Drive ahead(seed);  // the counter's lap, as it is some points off
    Schema schema;
    LapCounts counts;
    LapObserver observer(schema.fields(), sending.has_map ? &drive.thirds() : nullptr, counts);
    Kept kept;
    Random random(seed * 77);
    int lost = 0;
    for (int i = 0; i < 25 * 400; ++i) {
      drive.advance_to(i * 0.04);
      ahead.advance_to(std::max(0, i - sending.number_off) * 0.04);
      if (lost == 0 && random.uniform() < sending.loss) {
        lost = 1 + static_cast<int>(random.uniform() * sending.most_lost);
      }
      const bool is_lost = lost > 0;
      lost -= is_lost ? 1 : 0;
      if (is_lost) continue;
      Told told{.ns = kBeginNs + i * 40 * kNsPerMs,
                .lap = sending.has_lap ? ahead.lap() : std::int16_t{0},
                .sector = drive.sector(),
                .more = {{"accx_can", 0.1}}};
      if (sending.has_places) {
        const auto [latitude, longitude] = drive.position();
        told.more.emplace_back("VBOX_Lat_Min", latitude + kMetreOfLatitude * random.bell());
        told.more.emplace_back("VBOX_Long_Minutes", longitude + kMetreOfLatitude * random.bell());
      }
      if (i % sending.distance_every == 0) {
        told.lapdist_m = drive.lapdist_m();
        if (sending.distance_step_m > 0) {
          told.lapdist_m =
              std::round(told.lapdist_m / sending.distance_step_m) * sending.distance_step_m;
          told.sector = drive.thirds().sector_at("", told.lapdist_m);
        }
        told.speed_kmh = drive.speed_kmh() + 0.05 * random.bell();
      }
      observer.observe(told_batch(schema.fields(), {told}));
      kept.take(observer, false);
    }
    int timed = 0;
    for (int number = 2; number <= 4; ++number) {
      SCOPED_TRACE(number);
      const Lap* const lap = kept.lap(sending.has_lap ? number : number - 1);
      ASSERT_NE(lap, nullptr);
      if (!drive.begins.contains({number + 1, 0})) continue;
      ASSERT_TRUE(lap->is_complete);
      EXPECT_TRUE(lap->begun_here);
      EXPECT_FALSE(lap->is_official);
      const auto begin = [&](int sector) { return drive.begins.at({number, sector}); };
      const double end = drive.begins.at({number + 1, 0});
      EXPECT_NEAR(*lap->lap_time_s, end - begin(0), sending.within_s);
      ++timed;
      ASSERT_EQ(lap->sector_times_s.size(), 3U);
      if (!sending.has_map) continue;
      ASSERT_TRUE(lap->sector_times_s[0] && lap->sector_times_s[1] && lap->sector_times_s[2]);
      EXPECT_NEAR(*lap->sector_times_s[0], begin(1) - begin(0), sending.within_s);
      EXPECT_NEAR(*lap->sector_times_s[1], begin(2) - begin(1), sending.within_s);
      EXPECT_NEAR(*lap->sector_times_s[2], end - begin(2), sending.within_s);
      const auto us = [](double seconds) { return std::llround(seconds * 1e6); };
      EXPECT_EQ(
          us(*lap->sector_times_s[0]) + us(*lap->sector_times_s[1]) + us(*lap->sector_times_s[2]),
          us(*lap->lap_time_s));
    }
    EXPECT_GE(timed, 3);
    EXPECT_EQ(kept.lap(sending.has_lap ? 8 : 7), nullptr) << "there are no more laps than driven";
  }
}

INSTANTIATE_TEST_SUITE_P(
    Racing, LapTimes,
    testing::Values(
        Sending{.name = "each_point"}, Sending{.name = "lossy", .loss = 0.05},
        Sending{.name = "five_hertz", .distance_every = 5},
        Sending{.name = "five_hertz_lossy", .distance_every = 5, .loss = 0.01},
        Sending{.name = "logger_with_gps", .distance_every = 5, .loss = 0.01, .has_places = true},
        Sending{.name = "number_early", .number_off = -7},
        Sending{.name = "number_late", .number_off = 7},
        Sending{.name = "five_hertz_number_early", .distance_every = 5, .number_off = -9},
        Sending{.name = "five_hertz_number_late", .distance_every = 5, .number_off = 9},
        Sending{.name = "no_number", .has_lap = false}, Sending{.name = "no_map", .has_map = false},
        // Up to 5 cm off at either end: no points could tell it better.
        Sending{.name = "coarse", .distance_step_m = 0.1, .within_s = 0.0025}),
    [](const auto& tested) { return std::string(tested.param.name); });

TEST(LapHoles, OfMoreThanASecondAtTheLineLeaveBothLapsWithoutATime) {
  Drive drive(3);
  Schema schema;
  LapCounts counts;
  LapObserver observer(schema.fields(), &drive.thirds(), counts);
  Kept kept;
  for (int i = 0; i < 25 * 400; ++i) {
    drive.advance_to(i * 0.04);
    const bool is_near_line = drive.lapdist_m() > 3'790 || drive.lapdist_m() < 40;
    if ((drive.lap() == 2 && drive.lapdist_m() > 3'790) || (drive.lap() == 3 && is_near_line)) {
      if (drive.lapdist_m() < 40 || drive.lap() == 2) continue;
    }
    observer.observe(told_batch(schema.fields(), {{.ns = kBeginNs + i * 40 * kNsPerMs,
                                                   .lap = drive.lap(),
                                                   .lapdist_m = drive.lapdist_m(),
                                                   .speed_kmh = drive.speed_kmh(),
                                                   .sector = drive.sector()}}));
    kept.take(observer, false);
  }
  for (const int number : {2, 3}) {
    const Lap& lap = *kept.lap(number);
    EXPECT_FALSE(lap.is_complete) << number;
    EXPECT_FALSE(lap.lap_time_s) << number;
    EXPECT_GT(lap.longest_gap_s, 1) << number;
    for (const auto& sector : lap.sector_times_s) EXPECT_FALSE(sector);
  }
}

}  // namespace
}  // namespace slipstream::lap_testing
