#include "racing/crossing.h"

#include <gtest/gtest.h>

#include <cmath>

namespace slipstream {
namespace {

constexpr std::int64_t kAtNs = 1'760'000'000 * kNsPerSecond;
const double kNone = std::nan("");

Fix fix_at(double seconds, double lapdist_m, double mps, std::int32_t sector = 0) {
  return {{kAtNs + std::llround(seconds * 1e9)}, lapdist_m, mps * 3.6, sector};
}
double seconds_of(std::optional<EventTime> when) {
  return when ? static_cast<double>(when->ns - kAtNs) / 1e9 : kNone;
}

TEST(Crossing, OfTheLineGoesByHowFarBehindItTheFirstPointIs) {
  // 20 m/s and 4 m/s² more each second: at the line after 0.5 s, 22 m/s fast.
  const double behind = 22 * 0.3 + 4 * 0.3 * 0.3 / 2;
  EXPECT_NEAR(seconds_of(crossing::of_line(fix_at(0, 990, 20), fix_at(0.8, behind, 23.2), kNone)),
              0.5, 1e-6);
  EXPECT_NEAR(seconds_of(crossing::of_line(fix_at(0, 990, 20), fix_at(0.5, 0, 22), kNone)), 0.5,
              1e-6);
}

TEST(Crossing, OfTheLineIsOfWholeMicroseconds) {
  const auto when = crossing::of_line(fix_at(0, 990, 31), fix_at(0.04, 0.777, 33), kNone);
  ASSERT_TRUE(when);
  EXPECT_EQ(when->ns % kNsPerUs, 0);
}

TEST(Crossing, OfTheLinePutsNoPointOnItsOtherSide) {
  for (const std::int64_t odd_ns : {136, 499, 500, 864}) {
    Fix before = fix_at(0, 990, 50);
    Fix after = fix_at(0.2, 0, 50);
    before.when.ns += odd_ns;
    after.when.ns += odd_ns;
    EXPECT_LE(crossing::of_line(before, after, kNone)->ns, after.when.ns);
    after.lapdist_m = 50.0 * 0.2;
    EXPECT_GT(crossing::of_line(before, after, kNone)->ns, before.when.ns);
  }
}

TEST(Crossing, OfTheLineIsNoneWhereItCannotBeSaid) {
  struct Case {
    const char* what;
    Fix before;
    Fix after;
  };
  const Case cases[] = {
      {"more than a second apart", fix_at(0, 950, 50), fix_at(1.1, 5, 50)},
      {"the way is longer than the time", fix_at(0, 999, 50), fix_at(0.04, 40, 50)},
      {"it stands behind the line", fix_at(0, 999, 0), fix_at(0.04, 1, 0)},
      {"not behind the line", fix_at(0, 999, 50), fix_at(0.04, -1, 50)},
      {"no time between them", fix_at(0, 999, 50), fix_at(0, 1, 50)},
      {"no speed, and far apart", fix_at(0, 980, kNone), fix_at(0.5, 5, kNone)},
      {"no speed at all", fix_at(0, 999, kNone), fix_at(0.04, 1, kNone)}};
  for (const auto& one : cases) {
    EXPECT_FALSE(crossing::of_line(one.before, one.after, kNone)) << one.what;
  }
}

TEST(Crossing, OfTheLineTakesAnEvenSpeedWhereThereIsNoOther) {
  EXPECT_NEAR(seconds_of(crossing::of_line(fix_at(0, 999, kNone), fix_at(0.04, 1, kNone), 50)),
              0.02, 1e-6);
  EXPECT_NEAR(seconds_of(crossing::of_line(fix_at(0, 999, kNone), fix_at(0.04, 1, 50), kNone)),
              0.02, 1e-6);
}

TEST(Crossing, OfAPlaceGoesThroughBothPlacesWithBothSpeeds) {
  // 40 m/s, braking with 10 m/s²: after 0.5 s at 518.75 m.
  EXPECT_NEAR(seconds_of(crossing::of_place(fix_at(0, 500, 40), fix_at(0.9, 531.95, 31), 518.75)),
              0.5, 1e-5);
  EXPECT_NEAR(seconds_of(crossing::of_place(fix_at(0, 500, kNone), fix_at(0.1, 505, kNone), 502.5)),
              0.05, 1e-6);
  EXPECT_FALSE(crossing::of_place(fix_at(0, 500, 50), fix_at(0.1, 505, 50), 506));
  EXPECT_FALSE(crossing::of_place(fix_at(0, 500, 50), fix_at(1.2, 560, 50), 510));
  EXPECT_FALSE(crossing::of_place(fix_at(0, 500, kNone), fix_at(0.5, 525, kNone), 510));
}

struct Halves final : SectorMap {
  std::int32_t sector_at(std::string_view, double lapdist_m) const override {
    return lapdist_m < 512.34 ? 0 : 1;
  }
};

TEST(Crossing, SectorsBeginWhereTheMapSaysWhereThePointsAgree) {
  const Halves map;
  const auto begin =
      crossing::sector_begin_m(map, "t", fix_at(0, 500, 50, 0), fix_at(0.5, 525, 50, 1));
  ASSERT_TRUE(begin);
  EXPECT_NEAR(*begin, 512.34, 1e-5);
  // The source has other sectors than the map.
  EXPECT_FALSE(crossing::sector_begin_m(map, "t", fix_at(0, 400, 50, 0), fix_at(0.5, 425, 50, 1)));
  EXPECT_FALSE(crossing::sector_begin_m(map, "t", fix_at(0, 500, 50, 1), fix_at(0.5, 525, 50, 2)));
}

}  // namespace
}  // namespace slipstream
