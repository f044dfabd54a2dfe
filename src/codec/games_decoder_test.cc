// What the captures say: every value of the reference files is in a point, to the bit.
#include <gtest/gtest.h>

#include <map>

#include "codec/games_expected.h"

namespace slipstream {
namespace {

using games_testing::datagrams_of;
using games_testing::Decoding;
using games_testing::read_reference;
using games_testing::Told;

class F1Captures : public testing::TestWithParam<const char*> {};

TEST_P(F1Captures, EveryValueIsInThePointOfItsFrameAndCar) {
  const std::string name = GetParam();
  const auto capture = read_reference(name + ".cap");
  const auto expected = read_reference(name + ".expected.ndjson");
  if (!capture || !expected) GTEST_SKIP() << "no reference data for " << name;
  Decoding decoding;
  const auto datagrams = datagrams_of(*capture);
  decoding.take_all(datagrams);
  EXPECT_TRUE(decoding.refused().empty()) << decoding.refused().front();
  games_testing::expect_f1(decoding.points(), datagrams, *expected);
}

INSTANTIATE_TEST_SUITE_P(Games, F1Captures,
                         testing::Values("f1_2023", "f1_2024", "f1_2025", "f1_2026", "f1_2025_race",
                                         "f1_2025_race_b"),
                         [](const auto& tested) { return std::string(tested.param); });

/// By its receipt, which no two have in common.
std::map<std::string, Told> by_time(const Decoding& decoding) {
  std::map<std::string, Told> all;
  for (const auto& point : decoding.points()) all.emplace(point.text("meta_time"), point);
  return all;
}

class OneCarCaptures : public testing::TestWithParam<const char*> {
 protected:
  static std::string iso(ArrivalTime at) {
    std::string text;
    append_iso_time(text, at.ns);
    return text;
  }
};

TEST_P(OneCarCaptures, EveryValueIsInThePointOfItsDatagram) {
  const std::string name = GetParam();
  const auto capture = read_reference(name + ".cap");
  const auto expected = read_reference(name + ".expected.ndjson");
  if (!capture || !expected) GTEST_SKIP() << "no reference data for " << name;
  Decoding decoding;
  const auto datagrams = datagrams_of(*capture);
  decoding.take_all(datagrams);
  EXPECT_TRUE(decoding.refused().empty());
  const auto points = by_time(decoding);
  games_testing::expect_one_car(name, datagrams.size(), *expected, [&](std::size_t n) {
    const auto at = points.find(iso(datagrams[n].arrival));
    return at == points.end() ? nullptr : &at->second;
  });
}

INSTANTIATE_TEST_SUITE_P(Games, OneCarCaptures,
                         testing::Values("forza_sled", "forza_dash", "forza_horizon",
                                         "forza_motorsport", "gt7_a", "gt7_b", "gt7_tilde",
                                         "gt7_c"),
                         [](const auto& tested) { return std::string(tested.param); });

}  // namespace
}  // namespace slipstream
