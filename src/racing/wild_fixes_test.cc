#include "racing/wild_fixes.h"

#include <gtest/gtest.h>

#include <cmath>

namespace slipstream {
namespace {

/// Straight on along x, 2 m a reading.
LapPath straight_on(std::size_t readings, bool with_distance) {
  LapPath lap{.lap_time_s = static_cast<double>(readings) * 0.1};
  for (std::size_t i = 0; i < readings; ++i) {
    const auto step = static_cast<double>(i);
    lap.time_s.push_back(step * 0.1);
    if (with_distance) lap.distance_m.push_back(step * 2);
    lap.x_m.push_back(step * 2);
    lap.y_m.push_back(0);
  }
  return lap;
}

TEST(WildFixes, ThatNoCarCanHaveDrivenToAreDroppedWhereverTheyStand) {
  for (const bool with_distance : {true, false}) {
    for (const std::size_t wrong : {0u, 40u, 99u}) {
      LapPath lap = straight_on(100, with_distance);
      const std::size_t until = wrong == 40 ? 50 : wrong + 1;
      for (std::size_t i = wrong; i < until; ++i) lap.y_m[i] = 3'000'000;
      drop_wild_fixes(lap);
      for (std::size_t i = 0; i < lap.size(); ++i) {
        EXPECT_EQ(std::isnan(lap.x_m[i]), i >= wrong && i < until) << wrong << " " << i;
      }
    }
  }
}

TEST(WildFixes, WhereAReceiverHungAndCatchesUpLittleIsLost) {
  LapPath lap = straight_on(100, true);
  for (std::size_t i = 30; i < 50; ++i) lap.x_m[i] = lap.x_m[30];
  drop_wild_fixes(lap);
  for (std::size_t i = 0; i < lap.size(); ++i) {
    const bool is_sure = i < 40 || i >= 50;
    EXPECT_FALSE(is_sure && std::isnan(lap.x_m[i])) << i;
  }
}

TEST(WildFixes, OfPlacesThatAreAllApartNoneIsKept) {
  LapPath lap = straight_on(1'000, true);
  for (std::size_t i = 0; i < lap.size(); ++i) lap.x_m[i] = i % 2 == 0 ? 1e6 : -1e6;
  drop_wild_fixes(lap);
  for (const double x : lap.x_m) EXPECT_TRUE(std::isnan(x));
}

}  // namespace
}  // namespace slipstream
