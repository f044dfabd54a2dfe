#include "store/packed_stats.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

#include "codec/rollup_json.h"

namespace slipstream {
namespace {

/// What comes back; "-": it is kept as it is.
std::string there_and_back(const std::string& object, std::uint64_t count,
                           std::size_t* bytes = nullptr) {
  StatsMatrix matrix;
  if (!matrix.read(object)) return "-";
  const FieldPlaces places = matrix.places();
  const std::string packed = matrix.pack(count, places);
  if (bytes != nullptr) *bytes = packed.size();
  const auto unpacker =
      StatsUnpacker::of(matrix.fields(), matrix.statistics(), scales_text(places));
  EXPECT_TRUE(unpacker) << matrix.fields() << matrix.statistics();
  std::string members;
  if (!unpacker || !unpacker->append(members, packed, count)) return "?";
  return "{" + members.substr(1) + "}";
}

TEST(PackedStats, TextsComeBackToTheCharacter) {
  const std::string objects[] = {
      R"({"avg_a":1,"min_a":1,"max_a":1,"std_a":0,"last_a":1})",
      R"({"avg_a":1,"min_a":0,"max_a":2,"std_a":1,"last_a":0,"avg_b":-0.5,"min_b":-1,"max_b":0,"std_b":0.5,"last_b":-1})",
      R"({"avg_a":33.528763408,"min_a":33.5287015,"max_a":33.5288344,"std_a":0.0000417501225849535,"last_a":33.5288344})",
      R"({"avg_a":null,"min_a":null,"max_a":1e+300,"std_a":null,"last_a":-1.5e-07})",
      R"({"avg_a":null,"min_a":null,"max_a":null,"std_a":null,"last_a":null})",
      R"({"avg_a":-0,"min_a":-0,"max_a":0,"std_a":0,"last_a":-0})",
      R"({"avg_a":1e+22,"min_a":1e+22,"max_a":1e+22,"std_a":0,"last_a":1e+22})",
      R"({"avg_a":9007199254740993,"min_a":1,"max_a":9007199254740993,"std_a":2,"last_a":1})",
      R"({"avg_a\"b":2.5,"min_a\"b":2,"max_a\"b":3,"std_a\"b":0.5,"last_a\"b":3})",
      R"({"avg_avg_a":2.5,"min_avg_a":2,"max_avg_a":3,"std_avg_a":0.5,"last_avg_a":3,"avg_a":1,"min_a":1,"max_a":1,"std_a":0,"last_a":1})",
      R"({"avg_a":1.5,"min_a":1,"max_a":2,"std_a":0.5,"last_a":2,"first_a":1})",
      R"({"avg_a":1.5,"min_a":1,"max_a":2,"std_a":0.5,"last_a":2,"p50_a":1,"p95_a":2,"p99_a":2})",
      R"({"avg_a":3})",
      R"({"avg_a_field_whose_name_is_longer_than_most_are":3.5,"min_a_field_whose_name_is_longer_than_most_are":-123456789012345.6})",
      R"({"avg_a":1.33333333333333,"min_a":0.1234567891,"max_a":0.30000000000000004,"std_a":7,"last_a":0.1})",
  };
  for (const auto& object : objects) {
    for (const std::uint64_t count : {0u, 1u, 2u, 3u, 25u, 1'000'000u}) {
      EXPECT_EQ(there_and_back(object, count), object) << count;
    }
  }
}

TEST(PackedStats, WhatIsNoMatrixOfNumbersIsKeptAsItIs) {
  for (const std::string object :
       {"", "{", "{}", "[]", R"({"avg_a":1,})", R"({"avg_a":})", R"({"avg_a":"1"})", R"({"a":1})",
        R"({"avg_a":1,"min_a":1,"avg_b":1})", R"({"avg_a":1,"min_a":1,"min_b":1,"avg_b":1})",
        R"({"avg_a":true})", R"({"avg_a":1)", R"({"avg_a":1.2.3})", R"({"avg_a":1.})",
        R"({"avg_a":-})", R"({"avg_a":1e5})", R"({"avg_a":1e+})", R"({"avg_a":1-2})"}) {
    EXPECT_EQ(there_and_back(object, 5), "-") << object;
  }
}

TEST(PackedStats, AnyReadingsComeBackToTheCharacter) {
  std::mt19937_64 random(7);
  const auto pick = [&](int below) {
    return static_cast<int>(random() % static_cast<unsigned>(below));
  };
  Schema schema;
  for (int round = 0; round < 20'000; ++round) {
    Rollup rollup;
    rollup.count = 1 + random() % 40;
    if (pick(4) == 0) rollup.statistics.set(StatisticGroup::kFirst);
    if (pick(4) == 0) rollup.statistics.set(StatisticGroup::kQuantiles);
    const int fields = 1 + pick(4);
    for (int f = 0; f < fields; ++f) {
      const int places = pick(12);
      const double scale = std::pow(10, places);
      const double base =
          std::ldexp(static_cast<double>(random() % 1'000'000) - 500'000, pick(40) - 20);
      double sum = 0, squares = 0;
      FieldFigures figures{.field = static_cast<FieldId>(f)};
      figures.count = rollup.count;
      for (std::uint64_t i = 0; i < rollup.count; ++i) {
        double x = base + static_cast<double>(pick(pick(2) == 0 ? 1 : 2'000)) / 97;
        if (pick(3) != 0) x = std::round(x * scale) / scale;
        if (pick(500) == 0) x = std::numeric_limits<double>::infinity();
        if (i == 0) figures.min = figures.max = figures.first = x;
        figures.min = std::min(figures.min, x);
        figures.max = std::max(figures.max, x);
        figures.last = x;
        sum += x;
        squares += x * x;
      }
      const auto n = static_cast<double>(rollup.count);
      figures.avg = sum / n;
      figures.std = std::sqrt(std::max(0.0, squares / n - figures.avg * figures.avg));
      figures.p50 = figures.min;
      rollup.fields.push_back(figures);
    }
    std::string object;
    append_rollup_stats(object, rollup, schema.fields());
    ASSERT_EQ(there_and_back(object, rollup.count), object);
  }
}

TEST(PackedStats, ALapOfOneSecondTakesAQuarterOfItsText) {
  const std::string object =
      R"({"avg_lapdist_m":3290.736,"min_lapdist_m":3275.5,"max_lapdist_m":3306,"std_lapdist_m":9.1747863190376,"last_lapdist_m":3306,"avg_gear":3,"min_gear":3,"max_gear":3,"std_gear":0,"last_gear":3})";
  std::size_t bytes = 0;
  EXPECT_EQ(there_and_back(object, 25, &bytes), object);
  EXPECT_LT(bytes, 25u);
}

TEST(PackedStats, DamagedOnesAreToldAndNeverRead) {
  const std::string object =
      R"({"avg_a":1.5,"min_a":1,"max_a":2,"std_a":0.5,"last_a":2,"avg_b":7,"min_b":7,"max_b":7,"std_b":0,"last_b":7})";
  StatsMatrix matrix;
  ASSERT_TRUE(matrix.read(object));
  const auto unpacker =
      StatsUnpacker::of(matrix.fields(), matrix.statistics(), scales_text(matrix.places())).value();
  const std::string packed = matrix.pack(2, matrix.places());
  std::string out;
  EXPECT_FALSE(unpacker.append(out, packed.substr(0, packed.size() / 2), 2));
  EXPECT_FALSE(unpacker.append(out, "", 2));
  std::mt19937_64 random(3);
  for (int round = 0; round < 20'000; ++round) {
    std::string spoilt = packed;
    for (int i = 0; i < 3; ++i) spoilt[random() % spoilt.size()] = static_cast<char>(random());
    out.clear();
    if (unpacker.append(out, spoilt, round % 2 == 0 ? 2 : random())) {
      EXPECT_TRUE(StatsMatrix().read("{" + out.substr(1) + "}")) << out;
    } else {
      EXPECT_EQ(out, "");
    }
  }
  EXPECT_FALSE(StatsUnpacker::of("[\"a\"", "[\"avg\"]", "[1]"));
  EXPECT_FALSE(StatsUnpacker::of("[\"a\"]", "[\"avg\"]", "[1,1]"));
  EXPECT_FALSE(StatsUnpacker::of("[\"a\"]", "[\"avg\"]", "[3]"));
  EXPECT_FALSE(StatsUnpacker::of("[\"a\"]", "[\"mode\"]", "[1]"));
}

}  // namespace
}  // namespace slipstream
