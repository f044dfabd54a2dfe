#include "racing/track_line.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <string>

#include "racing/driven_laps.h"
#include "racing/lap_comparison.h"
#include "racing/lap_positions.h"
#include "racing/trials.h"

namespace slipstream {
namespace {

using driven_laps::drive;
using driven_laps::DrivenLap;
using driven_laps::Driving;
using driven_laps::furthest_from;
using driven_laps::in_plane;
using driven_laps::true_time_at;

std::optional<TrackLine> line_of_laps(std::span<const LapPath> laps) {
  auto learned = learn_track_line(laps);
  if (!learned) return std::nullopt;
  return std::move(learned->line);
}

std::vector<LapPath> some_laps(RaceField& field, std::size_t count, Driving driving) {
  std::vector<LapPath> laps;
  for (std::size_t i = 0; i < count; ++i) {
    driving.seed = 100 + i;
    driving.phase = static_cast<double>(i) * 1.1;
    laps.push_back(drive(field, 0, driving).path);
  }
  return laps;
}

TEST(TrackLine, IsWithinTwoMetresOfTheCircuitFromNoisyLaps) {
  for (const std::uint64_t seed : {1u, 2u}) {
    RaceField field({.cars = 1, .seed = seed});
    const auto laps = some_laps(field, 6, {.noise_m = 1, .line_m = 1});
    const auto line = line_of_laps(laps);
    ASSERT_TRUE(line);
    EXPECT_LT(furthest_from(*line, field.circuit()), 2);
    EXPECT_NEAR(line->length_m() / field.circuit().total_m(), 1, 0.005);
  }
}

/// Readings at an even pace around a circuit, as a lap.
LapPath lap_around(const Circuit& circuit, double hz, std::uint64_t seed) {
  constexpr double kMps = 40;
  const double total = circuit.total_m();
  LapPath lap{.lap_time_s = total / kMps};
  Random random(seed);
  for (double time = 0.3 / hz; time < lap.lap_time_s; time += 1 / hz) {
    const PlanePoint here = in_plane(circuit, time * kMps);
    lap.time_s.push_back(time);
    lap.distance_m.push_back(time * kMps);
    lap.x_m.push_back(here.x_m + random.bell());
    lap.y_m.push_back(here.y_m + random.bell());
  }
  return lap;
}

TEST(TrackLine, IsTrueAtAnyRateFromOneLapAndFromEight) {
  const Circuit circuits[] = {
      demo_circuit(),
      Circuit(
          {.bends = {{0, 400, 60}, {900, 500, 90}, {1'000, 0, 40}, {500, -150, 120}, {0, 0, 50}},
           .latitude = 48,
           .longitude = 11},
          2'700),
      Circuit({.bends = {{0, 700, 30},
                         {300, 700, 30},
                         {320, 200, 35},
                         {700, 150, 80},
                         {650, -100, 45},
                         {0, -50, 60}},
               .latitude = -33,
               .longitude = 151},
              3'400)};
  for (const Circuit& circuit : circuits) {
    for (const double hz : {5.0, 10.0, 20.0, 60.0}) {
      for (const std::size_t count : {1u, 8u}) {
        std::vector<LapPath> laps;
        for (std::size_t i = 0; i < count; ++i) laps.push_back(lap_around(circuit, hz, 7 + i));
        const auto line = line_of_laps(laps);
        ASSERT_TRUE(line);
        EXPECT_NEAR(line->length_m() / circuit.total_m(), 1, 0.005)
            << circuit.total_m() << " " << hz << " " << count;
        EXPECT_LT(furthest_from(*line, circuit), 2)
            << circuit.total_m() << " " << hz << " " << count;
      }
    }
  }
}

TEST(TrackLine, IsLearnedFromOneLapAndMadeBetterByMore) {
  RaceField field({.cars = 1});
  const auto laps = some_laps(field, 8, {.noise_m = 1, .line_m = 0});
  const auto first = line_of_laps(std::span(laps).first(1));
  const auto all = line_of_laps(laps);
  ASSERT_TRUE(first && all);
  EXPECT_LT(furthest_from(*first, field.circuit()), 2);
  EXPECT_LT(furthest_from(*all, field.circuit()), furthest_from(*first, field.circuit()));
}

TEST(TrackLine, OneLapOnAnotherLineDoesNotMoveIt) {
  RaceField field({.cars = 1});
  auto laps = some_laps(field, 4, {.noise_m = 0.3, .line_m = 0});
  laps.push_back(drive(field, 0, {.noise_m = 0.3, .line_m = 8, .loss = 0}).path);
  const auto line = line_of_laps(laps);
  ASSERT_TRUE(line);
  EXPECT_LT(furthest_from(*line, field.circuit()), 2);
}

TEST(TrackLine, OneLapWithWrongPositionsDoesNotMoveItWhicheverItIs) {
  RaceField field({.cars = 1});
  const auto good = some_laps(field, 4, {.noise_m = 0.3, .line_m = 0});
  LapPath wrong = drive(field, 0, {.noise_m = 0.3, .line_m = 0}).path;
  for (std::size_t i = 0; i < wrong.size(); ++i) {
    if (wrong.time_s[i] < 30 || wrong.time_s[i] > 34) continue;
    wrong.x_m[i] += 60;
    wrong.y_m[i] += 60;
  }
  for (const std::size_t place : {0u, 2u, 4u}) {
    auto laps = good;
    laps.insert(laps.begin() + static_cast<std::ptrdiff_t>(place), wrong);
    const auto line = line_of_laps(laps);
    ASSERT_TRUE(line);
    EXPECT_LT(furthest_from(*line, field.circuit()), 2) << place;
  }
  const auto two = line_of_laps(std::vector{wrong, good[0]});
  ASSERT_TRUE(two);
  EXPECT_LT(furthest_from(*two, field.circuit()), 5);
}

TEST(TrackLine, ThatIsNotAsLongAsWhatWasDrivenIsNone) {
  RaceField field({.cars = 1});
  LapPath lap = drive(field, 0, {}).path;
  lap.x_m[lap.size() / 2] = 5'000'000;
  EXPECT_FALSE(learn_track_line(std::vector{lap}));
  lap.x_m[lap.size() / 2] = 4'000;
  EXPECT_FALSE(learn_track_line(std::vector{lap}));
  lap = drive(field, 0, {}).path;
  for (double& metres : lap.distance_m) metres *= 1e9;
  EXPECT_FALSE(learn_track_line(std::vector{lap}));
  lap.distance_m.clear();
  lap.speed_kmh.clear();
  EXPECT_TRUE(learn_track_line(std::vector{lap}));
  for (double& x : lap.x_m) x *= 1e6;
  EXPECT_FALSE(learn_track_line(std::vector{lap}));
}

TEST(TrackLine, IsNotLearnedFromLapsWithoutPositionsOrWithAHole) {
  RaceField field({.cars = 1});
  LapPath lap = drive(field, 0, {}).path;
  LapPath without = lap;
  without.x_m.clear();
  without.y_m.clear();
  EXPECT_FALSE(line_of_laps(std::vector{without}));
  for (std::size_t i = 0; i < lap.size(); ++i) {
    if (lap.distance_m[i] > 1'000 && lap.distance_m[i] < 1'300) lap.x_m[i] = NAN;
  }
  EXPECT_FALSE(line_of_laps(std::vector{lap}));
  EXPECT_FALSE(line_of_laps({}));
}

TEST(TrackLine, IsClosedAndItsStepsAreEven) {
  RaceField field({.cars = 1});
  const auto line = line_of_laps(some_laps(field, 2, {}));
  ASSERT_TRUE(line);
  for (double s = 0; s < line->length_m(); s += line->step_m()) {
    const PlanePoint a = line->at(s);
    const PlanePoint b = line->at(s + line->step_m());
    EXPECT_NEAR(std::hypot(b.x_m - a.x_m, b.y_m - a.y_m), line->step_m(), 0.1) << s;
  }
}

TEST(TrackLine, WhereTheTrackComesCloseToItselfTheNearPartAlongItCounts) {
  // A hairpin: out on y = 0, back on y = 8.
  std::vector<PlanePoint> nodes;
  for (int i = 0; i < 100; ++i) nodes.push_back({i * 2.0, 0});
  for (int i = 0; i < 4; ++i) nodes.push_back({200, i * 2.0});
  for (int i = 100; i > 0; --i) nodes.push_back({i * 2.0, 8});
  for (int i = 4; i > 0; --i) nodes.push_back({0, i * 2.0});
  const TrackLine line(nodes, 2.0 * static_cast<double>(nodes.size()));
  // Nearer to the way back, but the car is expected on the way out.
  EXPECT_NEAR(line.project({100, 5}, 103, 60).distance_m, 100, 0.01);
  EXPECT_NEAR(line.project({100, 5}, 310, 60).distance_m, 308, 0.01);
  EXPECT_NEAR(line.project({100, 1}, 103, 60).offset_m, 1, 1e-9);
  EXPECT_NEAR(line.project({100, -1}, 103, 60).offset_m, -1, 1e-9);
}

TEST(LapPositions, BeginAtTheLineEndAtItAndNeverGoBack) {
  RaceField field({.cars = 1});
  const auto laps = some_laps(field, 3, {});
  const auto line = line_of_laps(laps);
  ASSERT_TRUE(line);
  for (const LapPath& lap : laps) {
    const auto places = lap_positions(lap, *line);
    ASSERT_EQ(places.size(), lap.size());
    EXPECT_TRUE(std::ranges::is_sorted(places));
    EXPECT_GE(places.front(), 0);
    EXPECT_LE(places.back(), line->length_m());
    EXPECT_NEAR(places.front(), lap.speed_kmh.front() / 3.6 * lap.time_s.front(), 2);
  }
}

TEST(LapPositions, WithoutPositionsScaleTheDistanceToTheLine) {
  RaceField field({.cars = 1});
  LapPath lap = drive(field, 0, {.line_m = 3}).path;
  lap.x_m.clear();
  lap.y_m.clear();
  const auto places = lap_positions(lap, TrackLine(5'000));
  ASSERT_EQ(places.size(), lap.size());
  EXPECT_NEAR(places[places.size() / 2],
              lap.distance_m[lap.size() / 2] / driven_length(lap) * 5'000, 3);
  EXPECT_TRUE(lap_positions({.lap_time_s = 90}, TrackLine(5'000)).empty());
}

TEST(LapPositions, OfPositionsThatAreNotOfThisTrackGoByTheDistance) {
  RaceField field({.cars = 1});
  LapPath lap = drive(field, 0, {}).path;
  const auto line = line_of_laps(std::vector{lap});
  ASSERT_TRUE(line);
  Random random(3);
  for (std::size_t i = 0; i < lap.size(); ++i) {
    lap.x_m[i] += 30 * random.bell();
    lap.y_m[i] += 30 * random.bell();
  }
  const auto places = lap_positions(lap, *line);
  EXPECT_TRUE(std::ranges::is_sorted(places));
  const auto around = scaled_distance(lap, line->length_m());
  for (std::size_t i = 0; i < places.size(); ++i) EXPECT_NEAR(places[i], around[i], 30);
}

/// The circuit's own.
TrackLine line_of(const Circuit& circuit) {
  std::vector<PlanePoint> nodes;
  for (double s = 0; s < circuit.total_m() - 0.5; s += 1) nodes.push_back(in_plane(circuit, s));
  return {nodes, circuit.total_m()};
}

/// The furthest that what is told of two laps is from the truth in any corner; both were driven on
/// lines of their own.
double worst_in_corners(const Circuit& circuit, const TrackLine& line, const DrivenLap& a,
                        const DrivenLap& b) {
  static constexpr double kCornerRadiusM = 150;
  const auto grid = comparison_grid(line.length_m(), 5);
  const TrackLine truth = line_of(circuit);
  const auto times = [&](const DrivenLap& lap) {
    const double gap_s = 3 * usual_step(lap.path.time_s, lap.path.time_s);
    return times_at(lap.path, lap_positions(lap.path, line), grid, gap_s);
  };
  const auto times_a = times(a);
  const auto times_b = times(b);
  EXPECT_EQ(times_a.front() - times_b.front(), 0);
  EXPECT_EQ(times_b.back() - times_a.back(), b.path.lap_time_s - a.path.lap_time_s);
  double worst = 0;
  for (std::size_t k = 0; k < grid.size(); ++k) {
    if (std::isnan(times_a[k]) || std::isnan(times_b[k])) continue;
    const double s = truth.project(line.at(grid[k]), grid[k], 30).distance_m;
    if (std::abs(circuit.curvature_at(s)) < 1 / kCornerRadiusM) continue;
    const double delta = true_time_at(b, s) - true_time_at(a, s);
    worst = std::max(worst, std::abs(times_b[k] - times_a[k] - delta));
  }
  return worst;
}

/// How positions come, and how far from the truth the worst delta of any corner may be.
struct Compared {
  const char* name;
  Driving driving;
  double within_s;
};
class ComparedLaps : public testing::TestWithParam<Compared> {};

/// Of random pairs, with noise in positions, losses and lines of their own all at once;
/// SLIPSTREAM_COMPARED_PAIRS asks for more than a few.
TEST_P(ComparedLaps, AreTrueInCornersAndExactAtTheEnd) {
  static constexpr std::uint64_t kPairsOfALine = 10;
  const auto& [name, driving, within_s] = GetParam();
  const Circuit circuit = demo_circuit();
  std::optional<TrackLine> line;
  for (std::uint64_t pair = 0; pair < trials("SLIPSTREAM_COMPARED_PAIRS", 10); ++pair) {
    SCOPED_TRACE(pair);
    Random random(pair + 1);
    const auto lap = [&] {
      Driving own = driving;
      own.seed = random.next();
      own.phase = 2 * std::numbers::pi * random.uniform();
      own.line_m = driving.line_m * random.uniform();
      return drive(circuit, own);
    };
    if (pair % kPairsOfALine == 0) {
      std::vector<LapPath> laps;
      for (int i = 0; i < 8; ++i) laps.push_back(lap().path);
      line = line_of_laps(laps);
      ASSERT_TRUE(line);
    }
    const DrivenLap a = lap();
    EXPECT_LT(worst_in_corners(circuit, *line, a, lap()), within_s);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Racing, ComparedLaps,
    testing::Values(
        Compared{"each_reading", {.line_m = 2, .most_lost = 5}, 0.020},
        Compared{"distance_five_hertz", {.line_m = 2, .distance_every = 5, .most_lost = 5}, 0.020},
        // A fifth of the positions: what noise leaves is more than twice as much.
        Compared{"places_five_hertz", {.line_m = 2, .position_every = 5, .most_lost = 5}, 0.045}),
    [](const auto& tested) { return std::string(tested.param.name); });

TEST(LapComparison, WhereReadingsAreMissingThereIsNoTime) {
  const LapPath lap{.lap_time_s = 10, .time_s = {1, 2, 6, 7, 8, 9}};
  const std::vector<double> positions = {10, 20, 60, 70, 80, 90};
  const std::vector<double> grid = {0, 10, 15, 20, 40, 60, 75, 100};
  const auto times = times_at(lap, positions, grid, 3);
  EXPECT_EQ(times[0], 0);
  EXPECT_EQ(times[2], 1.5);
  EXPECT_TRUE(std::isnan(times[4]));
  EXPECT_EQ(times[5], 6);
  EXPECT_EQ(times.back(), 10);
}

TEST(LapComparison, ACarThatStandsIsNoGap) {
  LapPath lap{.lap_time_s = 20};
  std::vector<double> positions;
  for (int i = 1; i < 20; ++i) {
    lap.time_s.push_back(i);
    positions.push_back(i < 8 ? i * 10 : i < 14 ? 70 : 70 + (i - 13) * 5);
  }
  const auto times = times_at(lap, positions, std::vector<double>{0, 72, 101}, 3);
  EXPECT_FALSE(std::isnan(times[1]));
}

TEST(LapComparison, TheGridEndsWithTheLength) {
  EXPECT_EQ(comparison_grid(12, 5), (std::vector<double>{0, 5, 10, 12}));
  EXPECT_EQ(comparison_grid(10, 5), (std::vector<double>{0, 5, 10}));
}

TEST(LapComparison, ValuesAreStraightBetweenReadingsAndNullOutside) {
  const std::vector<double> times = {1, 2, 3, 9};
  const std::vector<double> values = {10, NAN, 30, 90};
  const auto found = values_at(times, values, std::vector<double>{0, 1, 2, 3, 5, 9, 10}, 3);
  EXPECT_TRUE(std::isnan(found[0]));
  EXPECT_EQ(found[1], 10);
  EXPECT_EQ(found[2], 20);
  EXPECT_EQ(found[3], 30);
  EXPECT_TRUE(std::isnan(found[4]));
  EXPECT_EQ(found[5], 90);
  EXPECT_TRUE(std::isnan(found[6]));
}

}  // namespace
}  // namespace slipstream
