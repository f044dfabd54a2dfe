#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <stdexcept>

#include "comparison.h"

namespace slipstream::bench {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr double kShare = 0.05;

std::vector<std::string> names_of(const std::vector<Comparison::Moved>& moved) {
  std::vector<std::string> names;
  for (const auto& m : moved) names.push_back(m.figure);
  return names;
}

TEST(BenchComparison, TellsWhatMovedByMoreThanItsShareTheLargestFirst) {
  const auto c = compare(R"({"a":100,"b":100,"c":200,"d":{"e":10.0}})",
                         R"({"a":105,"b":106,"c":100,"d":{"e":12.5}})", kShare);
  EXPECT_EQ(c.compared, 4u);
  EXPECT_THAT(names_of(c.moved), ElementsAre("c", "d.e", "b"));
  EXPECT_DOUBLE_EQ(c.moved[0].before, 200);
  EXPECT_DOUBLE_EQ(c.moved[0].after, 100);
  EXPECT_DOUBLE_EQ(c.moved[0].change, -0.5);
  EXPECT_DOUBLE_EQ(c.moved[1].change, 0.25);
  EXPECT_THAT(c.only_before, IsEmpty());
  EXPECT_THAT(c.only_after, IsEmpty());
}

TEST(BenchComparison, RowsAreFoundByWhatTheyWereAskedForNotByTheirPlace) {
  const auto c = compare(
      R"({"rows":[{"rate":500,"clients":1,"p50":1.0},{"rate":20000,"clients":1,"p50":2.0}]})",
      R"({"rows":[{"rate":20000,"clients":1,"p50":2.0},{"rate":500,"clients":32,"p50":9.0},)"
      R"({"rate":500,"clients":1,"p50":3.0}]})",
      kShare);
  EXPECT_EQ(c.compared, 2u);
  EXPECT_THAT(names_of(c.moved), ElementsAre("rows[rate=500 clients=1].p50"));
  EXPECT_THAT(c.only_after, ElementsAre("rows[rate=500 clients=32]"));
}

TEST(BenchComparison, RowsHaveTheirTextsForNames) {
  const auto c = compare(R"([{"name":"one","x":1,"bound":false},{"name":"two","x":1}])",
                         R"([{"name":"one","x":2,"bound":true},{"name":"two","x":1}])", kShare);
  EXPECT_THAT(names_of(c.moved), ElementsAre("[one].bound", "[one].x"));
  EXPECT_TRUE(std::isinf(c.moved[0].change));
}

TEST(BenchComparison, TellsAFigureOrAWholeSectionThatOnlyOneHas) {
  const auto c = compare(R"({"gone":{"x":1,"y":2},"both":{"x":1,"old":5}})",
                         R"({"both":{"x":1,"new":5}})", kShare);
  EXPECT_EQ(c.compared, 1u);
  EXPECT_THAT(c.only_before, ElementsAre("both.old", "gone"));
  EXPECT_THAT(c.only_after, ElementsAre("both.new"));
}

TEST(BenchComparison, RowsThatNothingTellsApartAreComparedByPlace) {
  const auto c = compare(R"({"rows":[{"x":1},{"x":2}]})", R"({"rows":[{"x":1},{"x":4}]})", kShare);
  EXPECT_THAT(names_of(c.moved), ElementsAre("rows[1].x"));
}

TEST(BenchComparison, WhatWasNothingBeforeHasNoShareToTell) {
  const auto c = compare(R"({"a":0,"b":0,"c":5})", R"({"a":0,"b":3,"c":0})", kShare);
  EXPECT_THAT(names_of(c.moved), ElementsAre("b", "c"));
  const std::string text = to_text(c, kShare);
  EXPECT_THAT(text, HasSubstr("2 of 3 figures moved by over 5 %"));
  EXPECT_THAT(text, HasSubstr("from 0"));
  EXPECT_THAT(text, HasSubstr("-100.0 %"));
}

TEST(BenchComparison, RefusesWhatIsNoJson) {
  EXPECT_THROW(compare("{}", R"({"a":)", kShare), std::runtime_error);
  EXPECT_THROW(compare("", "{}", kShare), std::runtime_error);
}

}  // namespace
}  // namespace slipstream::bench
