#include "racing/sector_clock.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace slipstream {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

struct Seen {
  double seconds;
  std::int32_t lap;
  std::int32_t sector;
};

PerSector times(const std::vector<Seen>& points) {
  SectorClock clock;
  for (const auto& p : points) {
    clock.observe({static_cast<std::int64_t>(p.seconds * 1e9)}, p.lap, p.sector);
  }
  return clock.times_s();
}

TEST(SectorClock, TheSectorACarIsFirstSeenInIsNotTimed) {
  EXPECT_THAT(times({{0, 1, 0}, {5, 1, 0}, {6, 1, 1}, {7, 1, 1}}), IsEmpty());
}

TEST(SectorClock, ASectorLastsToTheFirstPointOfTheNext) {
  EXPECT_THAT(times({{0, 1, 2}, {1, 2, 0}, {5, 2, 0}, {6.5, 2, 1}, {9, 2, 2}}),
              ElementsAre(Pair(0, 5.5), Pair(1, 2.5)));
}

TEST(SectorClock, TheLatestTimeStands) {
  EXPECT_THAT(times({{0, 1, 1}, {1, 2, 0}, {5, 2, 1}, {8, 3, 0}, {11, 3, 1}}),
              ElementsAre(Pair(0, 3.0), Pair(1, 3.0)));
}

TEST(SectorClock, TheLineMayChangeTheLapSomePointsLater) {
  EXPECT_THAT(times({{0, 1, 1}, {1, 1, 0}, {2, 2, 0}, {5, 2, 1}, {8, 3, 1}, {9, 3, 0}}),
              ElementsAre(Pair(0, 4.0), Pair(1, 4.0)));
}

TEST(SectorClock, ATrackOfOneSectorIsTimedByLaps) {
  EXPECT_THAT(times({{0, 1, 0}, {5, 2, 0}, {9, 2, 0}, {14, 3, 0}}), ElementsAre(Pair(0, 9.0)));
}

TEST(SectorClock, ASkippedSectorOrASilenceTimesNothing) {
  EXPECT_THAT(times({{0, 1, 3}, {1, 2, 0}, {5, 2, 2}, {8, 2, 3}}), IsEmpty());
  EXPECT_THAT(times({{0, 1, 2}, {1, 2, 0}, {40, 2, 1}, {45, 2, 2}}), IsEmpty());
  EXPECT_THAT(times({{0, 1, 2}, {1, 2, 0}, {2, 2, 0}, {95, 3, 0}, {97, 3, 1}}), IsEmpty());
}

TEST(SectorClock, ALatePointOfThePastSectorIsNoCrossing) {
  EXPECT_THAT(times({{0, 1, 2}, {1, 2, 0}, {5, 2, 1}, {4.9, 2, 0}, {5.1, 2, 1}, {9, 2, 2}}),
              ElementsAre(Pair(0, 4.0), Pair(1, 4.0)));
}

TEST(SectorClock, ALatePointOfTheNewSectorMovesTheCrossing) {
  EXPECT_THAT(times({{0, 1, 2}, {1, 2, 0}, {5.25, 2, 1}, {5, 2, 1}, {9, 2, 2}}),
              ElementsAre(Pair(0, 4.0), Pair(1, 4.0)));
}

TEST(SectorClock, AReplayThatBeginsAgainIsTimedAgain) {
  EXPECT_THAT(times({{1000, 8, 1}, {1001, 8, 2}, {0, 1, 2}, {1, 2, 0}, {5, 2, 1}}),
              ElementsAre(Pair(0, 4.0)));
}

TEST(SectorClock, SectorsOutOfItsBoundsAreLeftOut) {
  EXPECT_THAT(times({{0, 1, -1}, {1, 1, SectorClock::kMaxSectors}, {2, 1, 2'000'000'000}}),
              IsEmpty());
}

}  // namespace
}  // namespace slipstream
