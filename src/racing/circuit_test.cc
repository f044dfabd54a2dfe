#include "racing/circuit.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace slipstream {
namespace {

double metres_between(Circuit::Position a, Circuit::Position b) {
  const double north = (a.latitude - b.latitude) * 111'195;
  const double east =
      (a.longitude - b.longitude) * 111'195 * std::cos(a.latitude * std::numbers::pi / 180);
  return std::hypot(north, east);
}

TEST(Circuit, SectionsAddUpToTheLengthAndTurnOnceAround) {
  for (const double total : {3'830.0, 5'514.0, 3'200.0}) {
    const auto circuit = demo_circuit(total);
    double length = 0;
    double turn = 0;
    for (const auto& section : circuit.sections()) {
      length += section.length_m;
      turn += section.turn_rad;
      EXPECT_GE(section.length_m, 0);
    }
    EXPECT_NEAR(length, total, 1e-6);
    EXPECT_NEAR(turn, -2 * std::numbers::pi, 1e-9) << "clockwise";
    EXPECT_EQ(circuit.corners(), 14);
  }
}

TEST(Circuit, TheNodesTurnOnceAroundToo) {
  const auto circuit = demo_circuit();
  double turn = 0;
  for (std::size_t i = 0; i < circuit.nodes(); ++i) {
    turn += circuit.curvature_at_node(i) * circuit.step_m();
  }
  EXPECT_NEAR(turn, -2 * std::numbers::pi, 1e-6);
}

TEST(Circuit, TheMapIsAClosedLoopWithoutJumps) {
  const auto circuit = demo_circuit();
  EXPECT_LT(metres_between(circuit.position_at(0), circuit.position_at(circuit.total_m())), 0.01);
  double driven = 0;
  for (double d = 0; d < circuit.total_m(); d += 10) {
    const double leg = metres_between(circuit.position_at(d),
                                      circuit.position_at(std::min(d + 10, circuit.total_m())));
    EXPECT_LT(leg, 10.3) << d;
    driven += leg;
  }
  EXPECT_NEAR(driven, circuit.total_m(), 0.01 * circuit.total_m());
}

TEST(Circuit, TheRoadDoesNotCrossItself) {
  const auto circuit = demo_circuit();
  const double total = circuit.total_m();
  for (double a = 0; a < total; a += 8) {
    for (double b = a + 150; b < total && b < a + total - 150; b += 8) {
      ASSERT_GT(metres_between(circuit.position_at(a), circuit.position_at(b)), 15)
          << a << " " << b;
    }
  }
}

TEST(Circuit, TheLineIsOnAStraight) {
  const auto circuit = demo_circuit();
  for (double d = 0; d < 150; d += 10) {
    EXPECT_NEAR(circuit.curvature_at(d), 0, 1e-12) << d;
    EXPECT_NEAR(circuit.curvature_at(circuit.total_m() - d), 0, 1e-12) << d;
  }
}

TEST(Circuit, CornersAreAsTightAsLaidOut) {
  const auto circuit = demo_circuit();
  double tightest = 0;
  for (std::size_t i = 0; i < circuit.nodes(); ++i) {
    tightest = std::max(tightest, std::abs(circuit.curvature_at_node(i)));
  }
  double smallest_radius = 1e9;
  for (const auto& section : circuit.sections()) {
    if (section.radius_m > 0) smallest_radius = std::min(smallest_radius, section.radius_m);
  }
  EXPECT_NEAR(1 / tightest, smallest_radius, 0.5);
}

}  // namespace
}  // namespace slipstream
