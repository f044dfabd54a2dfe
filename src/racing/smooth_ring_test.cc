#include "racing/smooth_ring.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "racing/random.h"

namespace slipstream {
namespace {

constexpr std::size_t kNodes = 500;
constexpr double kStepM = 2;
constexpr double kLengthM = kNodes * kStepM;

double wave(double place_m, double waves) {
  return 5 * std::sin(2 * std::numbers::pi * waves * place_m / kLengthM);
}

double worst(const std::vector<double>& values, double waves) {
  double worst = 0;
  for (std::size_t k = 0; k < values.size(); ++k) {
    worst = std::max(worst, std::abs(values[k] - wave(static_cast<double>(k) * kStepM, waves)));
  }
  return worst;
}

TEST(SmoothRing, GoesThroughReadingsWithoutNoiseAroundItsSeam) {
  SmoothRing ring(kNodes, kStepM);
  for (double place = 1; place < kLengthM; place += 7.3) ring.add(place, wave(place, 3), 1);
  EXPECT_LT(worst(ring.values(), 3), 0.01);
}

TEST(SmoothRing, EvensOutNoise) {
  Random random(1);
  SmoothRing ring(kNodes, kStepM);
  for (std::size_t k = 0; k < kNodes; ++k) ring.set_roughness(k, 1e6);
  for (double place = 1; place < kLengthM; place += 2) {
    ring.add(place, wave(place, 3) + random.bell(), 1);
  }
  EXPECT_LT(worst(ring.values(), 3), 0.9);
}

TEST(SmoothRing, GoesOnWhereThereAreNoReadingsAsItsBendsDo) {
  SmoothRing ring(kNodes, kStepM);
  for (double place = 1; place < kLengthM; place += 3) {
    if (place < 20 || place > 80) ring.add(place, wave(place, 1), 1);
  }
  EXPECT_LT(worst(ring.values(), 1), 0.3);
}

TEST(SmoothRing, WhatWeighsMoreCountsMore) {
  SmoothRing ring(kNodes, kStepM);
  for (double place = 1; place < kLengthM; place += 3) {
    ring.add(place, 0, 3);
    ring.add(place, 4, 1);
  }
  for (const double value : ring.values()) EXPECT_NEAR(value, 1, 1e-6);
}

TEST(SmoothRing, HasTheThirdDerivativeThatIsWantedOfIt) {
  SmoothRing ring(kNodes, kStepM);
  const double turn = 2 * std::numbers::pi * 2 / kLengthM;
  for (std::size_t k = 0; k < kNodes; ++k) {
    const double place = (static_cast<double>(k) + 1.5) * kStepM;
    ring.set_roughness(k, 1e6, -5 * turn * turn * turn * std::cos(turn * place));
  }
  for (double place = 1; place < kLengthM; place += 150) ring.add(place, wave(place, 2), 1);
  EXPECT_LT(worst(ring.values(), 2), 0.02);
}

}  // namespace
}  // namespace slipstream
