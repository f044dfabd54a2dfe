// The learned line of random circuits with hairpins, from laps as the model drives them.
// SLIPSTREAM_LINE_CIRCUITS asks for more than five.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>

#include "racing/driven_laps.h"
#include "racing/random_circuit.h"
#include "racing/track_line.h"
#include "racing/trials.h"

namespace slipstream {
namespace {

using driven_laps::Driving;
using driven_laps::furthest_from;

constexpr double kMostOffM = 2;
constexpr double kMostLengthShare = 0.005;

std::uint64_t circuits() {
  return trials("SLIPSTREAM_LINE_CIRCUITS", 5);
}

struct Recording {
  const char* name;
  Driving driving;
  std::size_t laps;
};

class LearnedLine : public testing::TestWithParam<Recording> {
 protected:
  static LineOfLaps learn(const Circuit& circuit, const Driving& driving, std::size_t count,
                          std::uint64_t seed) {
    std::vector<LapPath> laps;
    for (std::size_t i = 0; i < count; ++i) {
      Driving lap = driving;
      lap.seed = seed * 100 + i;
      lap.phase = static_cast<double>(seed + i) * 1.1;
      laps.push_back(driven_laps::drive(circuit, lap).path);
    }
    auto learned = learn_track_line(laps);
    if (!learned) throw std::runtime_error("no line was learned");
    return std::move(*learned);
  }
};

TEST_P(LearnedLine, IsWithinTwoMetresOfAnyCircuitAndHalfAPercentOfItsLength) {
  const auto& [name, driving, laps] = GetParam();
  for (std::uint64_t seed = 1; seed <= circuits(); ++seed) {
    SCOPED_TRACE(seed);
    const Circuit circuit = random_circuit::random_circuit(seed);
    const auto learned = learn(circuit, driving, laps, seed);
    EXPECT_EQ(learned.laps, laps);
    EXPECT_LT(furthest_from(learned.line, circuit), kMostOffM);
    EXPECT_NEAR(learned.line.length_m() / circuit.total_m(), 1, kMostLengthShare);
  }
}

constexpr Driving kAllAtFiveHertz{.line_m = 1, .rate_hz = 5};
constexpr Driving kPlacesAtFiveHertz{.line_m = 1, .position_every = 5, .most_lost = 5};
constexpr Driving kDistanceAtFiveHertz{.line_m = 1, .distance_every = 5, .most_lost = 5};
constexpr Driving kSixtyHertz{.line_m = 1, .rate_hz = 60, .most_lost = 9};
constexpr Driving kWideAtFiveHertz{.line_m = 3, .rate_hz = 5};

INSTANTIATE_TEST_SUITE_P(Racing, LearnedLine,
                         testing::Values(Recording{"five_hertz_four", kAllAtFiveHertz, 4},
                                         Recording{"five_hertz_twenty", kAllAtFiveHertz, 20},
                                         Recording{"places_five_hertz_four", kPlacesAtFiveHertz, 4},
                                         Recording{"distance_five_hertz_four", kDistanceAtFiveHertz,
                                                   4},
                                         Recording{"sixty_hertz_four", kSixtyHertz, 4},
                                         Recording{"wide_five_hertz_twenty", kWideAtFiveHertz, 20}),
                         [](const auto& tested) { return std::string(tested.param.name); });

/// What a single lap cannot tell: that it was driven on one side of the track, and so a longer way.
TEST_F(LearnedLine, OfOneLapIsWhatThatLapDrove) {
  for (const Driving& driving : {kAllAtFiveHertz, kDistanceAtFiveHertz, kSixtyHertz}) {
    for (std::uint64_t seed = 1; seed <= circuits(); ++seed) {
      SCOPED_TRACE(seed);
      const Circuit circuit = random_circuit::random_circuit(seed);
      const auto learned = learn(circuit, driving, 1, seed);
      EXPECT_LT(furthest_from(learned.line, circuit), kMostOffM + driving.line_m);
      EXPECT_NEAR(learned.line.length_m() / circuit.total_m(), 1, 2 * kMostLengthShare);
    }
  }
}

TEST_F(LearnedLine, LooksAtNoMoreReadingsThanAreBounded) {
  const Circuit circuit = demo_circuit();
  const LapPath lap = driven_laps::drive(circuit, {.loss = 0, .rate_hz = 200}).path;
  const std::vector<LapPath> laps(8, lap);
  const auto learned = learn_track_line(laps);
  ASSERT_TRUE(learned);
  EXPECT_EQ(learned->laps, kMostLearnedReadings / lap.size());
  EXPECT_LT(learned->laps, laps.size());
}

TEST_F(LearnedLine, IsNotOutvotedByOneLapOfAHigherRate) {
  const Circuit circuit = demo_circuit();
  std::vector<LapPath> laps;
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    laps.push_back(driven_laps::drive(circuit, {.line_m = 0, .seed = seed, .rate_hz = 5}).path);
  }
  laps.push_back(driven_laps::drive(circuit, {.line_m = 8, .rate_hz = 60}).path);
  const auto learned = learn_track_line(laps);
  ASSERT_TRUE(learned);
  EXPECT_LT(furthest_from(learned->line, circuit), kMostOffM);
}

}  // namespace
}  // namespace slipstream
