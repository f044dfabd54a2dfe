#include "derive/derived_fields.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <bit>
#include <deque>
#include <map>

#include "derive/testing.h"

namespace slipstream::derive_testing {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

SchemaOptions with(std::vector<DerivedField> derived) {
  SchemaOptions options;
  options.tags = {"wheel"};
  options.derived = std::move(derived);
  return options;
}

class Deriving {
 public:
  explicit Deriving(std::vector<DerivedField> derived) : schema_(with(std::move(derived))) {
    fields_ = std::move(*DerivedFields::compile(schema_));
    memories_ = fields_->fresh();
  }
  /// The point's fields, derived ones too.
  std::map<std::string, double> take(const Reading& reading) {
    PointBatch batch = batch_of(reading, schema_);
    members_.clear();
    left_out_ = fields_->compute(batch, batch.points.front(), memories_, &members_);
    std::map<std::string, double> values;
    const Point& point = batch.points.front();
    for (auto v = batch.values_begin(point); v != batch.values_end(point); ++v) {
      values.emplace(schema_.fields().name(v->field), v->value);
    }
    return values;
  }
  /// As a restart does.
  void restart() {
    std::string saved;
    fields_->save(memories_, saved);
    memories_.clear();
    ASSERT_TRUE(fields_->restore(saved, memories_).has_value());
  }
  std::string saved() const {
    std::string bytes;
    fields_->save(memories_, bytes);
    return bytes;
  }
  Result<void> restore(std::string_view bytes) { return fields_->restore(bytes, memories_); }
  const std::string& members() const { return members_; }
  std::size_t left_out() const { return left_out_; }

 private:
  Schema schema_;
  std::unique_ptr<DerivedFields> fields_;
  FunctionMemories memories_;
  std::string members_;
  std::size_t left_out_ = 0;
};

TEST(DerivedFields, ArePutBehindThePointsOwn) {
  Deriving deriving({{"slip", "(wheel_kmh - speed_kmh) / speed_kmh"}, {"slip pct", "slip * 100"}});
  const auto values = deriving.take({.values = {{"wheel_kmh", 110}, {"speed_kmh", 100}}});
  EXPECT_EQ(values, (std::map<std::string, double>{
                        {"wheel_kmh", 110}, {"speed_kmh", 100}, {"slip", 0.1}, {"slip pct", 10}}));
  EXPECT_EQ(deriving.members(), R"(,"slip":0.1,"slip pct":10)");
}

TEST(DerivedFields, OneThatMissesAFieldIsAbsent) {
  Deriving deriving({{"slip", "wheel_kmh - speed_kmh"}, {"twice", "slip * 2"}, {"c", "speed_kmh"}});
  const auto values = deriving.take({.values = {{"speed_kmh", 100}}});
  EXPECT_EQ(values, (std::map<std::string, double>{{"speed_kmh", 100}, {"c", 100}}));
  EXPECT_EQ(deriving.members(), R"(,"c":100)");
}

TEST(DerivedFields, APointKeepsItsOwnFieldOfThatName) {
  Deriving deriving({{"slip", "speed_kmh + 1"}, {"twice", "slip * 2"}});
  const auto values = deriving.take({.values = {{"speed_kmh", 1}, {"slip", 7}}});
  EXPECT_EQ(values, (std::map<std::string, double>{{"speed_kmh", 1}, {"slip", 7}, {"twice", 14}}));
}

TEST(DerivedFields, APointThatIsFullGetsNoMore) {
  Deriving deriving({{"one", "f0 + 1"}, {"two", "f0 + 2"}});
  Reading reading;
  for (int i = 0; i < 255; ++i) reading.values.emplace_back(fmt::format("f{}", i), i);
  EXPECT_EQ(deriving.take(reading).size(), 256u);
  EXPECT_EQ(deriving.left_out(), 1u);
  EXPECT_EQ(deriving.members(), R"(,"one":1)");
}

TEST(DerivedFields, EveryFaultIsTold) {
  Schema schema(with({{"lap", "a"},
                      {"wheel", "a"},
                      {"tags", "a"},
                      {"self", "self + 1"},
                      {"early", "a + good"},
                      {"good", "a + 1"},
                      {"bad", "a +"}}));
  const auto compiled = DerivedFields::compile(schema);
  ASSERT_FALSE(compiled.has_value());
  std::vector<std::string> told;
  for (const auto& fault : compiled.error()) {
    told.push_back(fmt::format("{} {}", fault.number, fault.what));
  }
  EXPECT_THAT(
      told,
      ElementsAre("0 \"lap\" says which point it is: no field", "1 \"wheel\" is a tag's: no field",
                  "2 \"tags\" is a tag's: no field",
                  "3 character 1: \"self\" would be made of itself",
                  "4 character 5: \"good\" is declared below: a derived field is made of those "
                  "above it",
                  "6 character 4: it ends too early: a value is missing"));
}

TEST(DerivedFields, SomeAreToldByAPointAlone) {
  Schema schema(with({{"plain", "a + 1"},
                      {"remembering", "rate(a)"},
                      {"of both", "plain + remembering"},
                      {"of lap", "lap * 2"},
                      {"of sector", "if(sector == 1, a, 0)"},
                      {"of plain", "plain * 2"}}));
  std::vector<std::string> alone;
  for (const auto& field : derived_of_a_point_alone(schema)) alone.push_back(field.name);
  EXPECT_THAT(alone, ElementsAre("plain", "of plain"));
}

TEST(DerivedFields, WhatIsRememberedGoesByTheExpression) {
  Deriving before({{"a", "rate(x)"}, {"b", "rate(y)"}});
  before.take({.values = {{"x", 1}, {"y", 1}}, .ms = 0});
  // b is another one now, c uses another a: both begin anew, and d had nothing.
  Deriving after({{"d", "mean(x, 5s)"}, {"a", "rate(x)"}, {"b", "rate(y + 1)"}});
  ASSERT_TRUE(after.restore(before.saved()).has_value());
  const auto values = after.take({.values = {{"x", 3}, {"y", 3}}, .ms = 1'000});
  EXPECT_EQ(values.at("a"), 2);
  EXPECT_FALSE(values.contains("b"));
  EXPECT_EQ(values.at("d"), 3);
}

TEST(DerivedFields, DamageIsFound) {
  Deriving deriving({{"a", "rate(x)"}, {"m", "mean(x, 5s)"}, {"l", "delta_lap(x)"}});
  deriving.take({.values = {{"x", 1}, {"lapdist_m", 5}}});
  const std::string saved = deriving.saved();
  EXPECT_TRUE(deriving.restore(saved).has_value());
  EXPECT_FALSE(deriving.restore(saved.substr(0, saved.size() - 1)).has_value());
  EXPECT_FALSE(deriving.restore("\x7f").has_value());
}

/// A straightforward mean: all points are kept.
double plain_mean(const std::deque<std::pair<std::int64_t, double>>& points, std::int64_t from_ms) {
  double sum = 0;
  double count = 0;
  for (const auto& [ms, value] : points) {
    if (ms <= from_ms) continue;
    sum += value;
    ++count;
  }
  return sum / count;
}

void after_restarts_they_are_what_they_would_be() {
  const std::vector<DerivedField> wanted = {{"r", "rate(x)"},
                                            {"m", "mean(x, 500ms)"},
                                            {"both", "mean(rate(x + y), 300ms) * 2"},
                                            {"d", "delta_lap(x)"}};
  Deriving steady(wanted);
  Deriving restarted(wanted);
  std::deque<std::pair<std::int64_t, double>> points;
  std::int64_t ms = 0;
  double distance = 0;
  std::int16_t lap = 1;
  const auto steps = *rc::gen::container<std::vector<std::uint32_t>>(
      *rc::gen::inRange<std::size_t>(0, 400), rc::gen::arbitrary<std::uint32_t>());
  for (const std::uint32_t step : steps) {
    ms += step % 97;
    distance += step % 31;
    if (distance > 500) {
      distance = 0;
      ++lap;
    }
    Reading reading{.values = {{"lapdist_m", distance}}, .ms = ms, .lap = lap};
    const double x = static_cast<double>(step % 1'009) / 7;
    if (step % 5 != 0) {
      reading.values.emplace_back("x", x);
      points.emplace_back(ms, x);
    }
    if (step % 3 != 0) reading.values.emplace_back("y", x * 3);
    if (step % 11 == 0) restarted.restart();
    const auto values = steady.take(reading);
    const auto again = restarted.take(reading);
    RC_ASSERT(values.size() == again.size());
    for (const auto& [name, value] : values) {
      RC_ASSERT(std::bit_cast<std::uint64_t>(value) ==
                std::bit_cast<std::uint64_t>(again.at(name)));
    }
    if (!values.contains("m")) continue;
    RC_ASSERT(std::abs(values.at("m") - plain_mean(points, ms - 500)) < 1e-9);
  }
}

TEST(DerivedFields, AfterRestartsAnywhereTheyAreWhatTheyWouldBe) {
  EXPECT_TRUE(rc::check(after_restarts_they_are_what_they_would_be));
}

}  // namespace
}  // namespace slipstream::derive_testing
