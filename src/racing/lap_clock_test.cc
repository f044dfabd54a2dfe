#include "racing/lap_clock.h"

#include <gtest/gtest.h>

#include "racing/race_field.h"

namespace slipstream {
namespace {

TEST(LapClock, TellsLinesInProportionToTheWay) {
  LapClock clock(300);
  clock.see(0, 1, 0);
  EXPECT_EQ(clock.sector(), 0u);
  clock.see(1, 1, 80);
  EXPECT_EQ(clock.lap_time_ms(), 1'000);
  clock.see(2, 1, 120);  // 100 m are passed at 1.5 s
  EXPECT_EQ(clock.sector(), 1u);
  EXPECT_EQ(clock.sector_ms(0), 1'500);
  EXPECT_EQ(clock.sector_ms(1), 0);
  clock.see(4, 1, 220);
  EXPECT_EQ(clock.sector_ms(1), 2'100);
  EXPECT_EQ(clock.last_lap_ms(), 0);
  clock.see(6, 2, 20);  // the line at 5.6 s
  EXPECT_EQ(clock.last_lap_ms(), 5'600);
  EXPECT_EQ(clock.lap_time_ms(), 400);
  EXPECT_EQ(clock.sector(), 0u);
  EXPECT_EQ(clock.sector_ms(0), 0);
}

TEST(LapClock, AssumesWhatWasBefore) {
  LapClock clock(3'800);
  clock.see(10, 1, 3'000);
  EXPECT_EQ(clock.sector(), 2u);
  EXPECT_NEAR(static_cast<double>(clock.sector_ms(0) + clock.sector_ms(1)), 66'667, 1);
  EXPECT_EQ(clock.lap_time_ms(), 78'947);
}

TEST(LapClock, SectorsOfASimulatedRaceAddUpToTheirLaps) {
  RaceField field({.cars = 5, .rate_hz = 20});
  std::vector<LapClock> clocks(field.size(), LapClock(field.circuit().total_m()));
  std::vector<std::int64_t> sums(field.size());
  std::vector<std::int64_t> last(field.size());
  std::vector<std::size_t> laps(field.size());
  for (int step = 0; step < 20 * 400; ++step) {
    field.step();
    for (std::size_t car = 0; car < field.size(); ++car) {
      LapClock& clock = clocks[car];
      const auto before = clock.sector_ms(0) + clock.sector_ms(1);
      const auto reading = field.reading(car);
      const auto sector = clock.sector();
      clock.see(field.time_s(), reading.lap, reading.lapdist_m);
      EXPECT_GE(clock.lap_time_ms(), 0);
      if (clock.sector() == 0 && sector == 2) {
        ++laps[car];
        const auto last_sector = clock.last_lap_ms() - before;
        EXPECT_GT(last_sector, 10'000);
        EXPECT_LT(last_sector, 60'000);
        EXPECT_LE(clock.best_lap_ms(), clock.last_lap_ms());
      }
    }
  }
  for (const auto count : laps) EXPECT_GE(count, 3u);
}

}  // namespace
}  // namespace slipstream
