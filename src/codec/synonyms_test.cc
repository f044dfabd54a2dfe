#include "codec/synonyms.h"

#include <gmock/gmock.h>

#include <fstream>

#include "codec/point_decoder_fixture.h"

namespace slipstream {
namespace {

using testing::HasSubstr;
using testing::Not;

/// Members of JSON by their usual names, in plain JSON and in any other.
struct JsonSynonyms : PointDecoderTest, testing::WithParamInterface<bool> {
  /// With white space it is not plain.
  void take(std::string json) {
    if (GetParam()) json.insert(1, " ");
    SCOPED_TRACE(json);
    EXPECT_EQ(decode(json), 1u);
    ASSERT_TRUE(refused_.empty()) << refused_[0].message;
  }
  double number(std::string_view name) {
    return batch().value_or_nan(point(), *schema_.fields().intern(name));
  }
};

TEST_P(JsonSynonyms, TimeTrackAndChassisGoOnByTheirConfiguredNames) {
  for (const std::string& name : std::vector<std::string>{"timestamp", "time", "ts"}) {
    take(R"({"car":"A","circuit":"cota","lap":2,")" + name +
         R"(":"2025-09-04T15:33:19.5+00:00","speed_kmh":90})");
    EXPECT_EQ(batch().track(point()), "cota");
    EXPECT_EQ(batch().chassis(point()), "A");
    EXPECT_EQ(point().event_time.ns, kNow - 500'000'000);
    EXPECT_FALSE(point().has_texts);
    auto json = jsons().at(0);
    std::erase(json, ' ');
    EXPECT_EQ(json, R"({"chassis":"A","track":"cota","lap":2,)"
                    R"("meta_time":"2025-09-04T15:33:19.500Z","speed_kmh":90})");
    take(R"({"track":"cota","vehicle":"B","note":"x",")" + name + R"(":1756999990})");
    EXPECT_EQ(batch().chassis(point()), "B");
    EXPECT_EQ(point().event_time.ns, kNow - 10'000'000'000);
    EXPECT_EQ(point().value_count, 0);
    EXPECT_THAT(jsons().at(0), HasSubstr(R"("meta_time":"2025-09-04T15:33:10Z")"));
    EXPECT_THAT(jsons().at(0), Not(HasSubstr("\"" + name + "\"")));
  }
}

TEST_P(JsonSynonyms, TheConfiguredNameWinsThenTheOrderOfTheList) {
  take(R"({"car":7,"driver":"D","chassis":"A","track":"t","time":1.5e9,"ts":"noon",)"
       R"("meta_time":"2025-09-04T15:33:10Z"})");
  EXPECT_EQ(batch().chassis(point()), "A");
  EXPECT_EQ(point().event_time.ns, kNow - 10'000'000'000);
  EXPECT_EQ(number("car"), 7);
  EXPECT_EQ(number("time"), 1.5e9);
  EXPECT_TRUE(point().has_texts);
  EXPECT_THAT(jsons().at(0), HasSubstr(R"("driver":"D")"));
  take(
      R"({"ts":"2020-01-01","driver":"D","car":"A","track":"t","timestamp":"2025-09-04T15:33:10Z"})");
  EXPECT_EQ(batch().chassis(point()), "A");
  EXPECT_EQ(point().event_time.ns, kNow - 10'000'000'000);
  EXPECT_THAT(jsons().at(0), HasSubstr(R"("driver":"D")"));
  EXPECT_THAT(jsons().at(0), HasSubstr(R"("ts":"2020-01-01")"));
}

TEST_P(JsonSynonyms, ANumberThatIsNoTimeOfTodayIsAField) {
  take(R"({"track":"t","chassis":"A","time":12.25,"ts":-1})");
  EXPECT_EQ(point().event_time.ns, kNow);
  EXPECT_EQ(number("time"), 12.25);
  EXPECT_EQ(number("ts"), -1);
  EXPECT_THAT(jsons().at(0), HasSubstr(R"("time":12.25)"));
  // By the configured name it is what it says.
  take(R"({"track":"t","chassis":"A","meta_time":12.25})");
  EXPECT_EQ(point().event_time.ns, 12'250'000'000);
}

TEST_P(JsonSynonyms, SpeedStaysSpeed) {
  take(R"({"track":"t","chassis":"A","speed":12})");
  EXPECT_EQ(number("speed"), 12);
  EXPECT_TRUE(std::isnan(value(field::kSpeedKmh)));
}

TEST_P(JsonSynonyms, WhatCannotBeWhatItStandsForIsRefused) {
  const std::pair<std::string, RejectReason> cases[] = {
      {R"({"track":"t","car":"A","time":"noon"})", RejectReason::kBadTime},
      {R"({"track":"t","car":7})", RejectReason::kMissingDimension},
      {R"({"track":"t","chassis":null,"car":"A"})", RejectReason::kMissingDimension},
      {R"({"track":"t","car":"A","time":"9999-12-31"})", RejectReason::kOutOfRange},
      {R"({"track":"t","car":"A","meta_time":"0001-01-01T00:00:00Z"})", RejectReason::kOutOfRange},
  };
  for (auto [json, reason] : cases) {
    if (GetParam()) json.insert(1, " ");
    EXPECT_EQ(decode(json), 1u) << json;
    ASSERT_EQ(refused_.size(), 1u) << json;
    EXPECT_EQ(to_string(refused_[0].reason), to_string(reason)) << json;
  }
}

TEST_P(JsonSynonyms, ANameThatStandsTwiceAndANameWithEscapes) {
  take(R"({"track":"t","car":"A","car":"B"})");
  EXPECT_EQ(batch().chassis(point()), "B");
  std::string many = R"({"track":"t")";
  for (int i = 0; i < 40; ++i) many += R"(,"device":"x")";
  take(many + R"(,"car":"J8"})");
  EXPECT_EQ(batch().chassis(point()), "J8");
  take(R"({"track":"t","c\u0061r":"Ä\n"})");
  EXPECT_EQ(batch().chassis(point()), "Ä\n");
  EXPECT_THAT(jsons().at(0), HasSubstr(R"("chassis":"Ä\n")"));
}

INSTANTIATE_TEST_SUITE_P(Json, JsonSynonyms, testing::Bool(),
                         [](const auto& form) { return form.param ? "Any" : "Plain"; });

struct NormalTimes : PointDecoderTest {};

TEST_F(NormalTimes, GoOnInEveryFormat) {
  const std::pair<std::string, std::string> cases[] = {
      {"2024-09-05 12:00:00+02", "2024-09-05T10:00:00Z"},
      {"2024-09-05T12:00:00,25Z", "2024-09-05T12:00:00.250Z"},
      {"2024-09-05T23:59:60Z", "2024-09-06T00:00:00Z"},
      {"2024-09-05T12:00:00.100000Z", "2024-09-05T12:00:00.100Z"},
      {"2024-09-05T12:00:00.000Z", "2024-09-05T12:00:00Z"},
      {"2024-09-05T12:00:00.000001Z", "2024-09-05T12:00:00.000001Z"},
      {"2024-09-05T12:00:00.123456789Z", "2024-09-05T12:00:00.123456789Z"},
      {"2024-09-05", "2024-09-05T00:00:00Z"},
      {"2024-09-05t12:00z", "2024-09-05T12:00:00Z"},
      {"1725537600.5", "2024-09-05T12:00:00.500Z"},
      {"1725537600123", "2024-09-05T12:00:00.123Z"},
  };
  for (const auto& [given, normal] : cases) {
    const bool is_number = given.find('-') == std::string::npos;
    const std::string quote = is_number ? "" : "\"";
    const std::string texts[] = {
        R"({"meta_time":)" + quote + given + quote + R"(,"track":"t","chassis":"A","lap":1})",
        R"({ "track":"t","lap":null, "chassis":"A","meta_time":)" + quote + given + quote + " }",
        "\"" + given + "\",t,A,1,2,3",
        "meta_time;track;chassis\n" + given + ";t;A\n",
        "t,chassis=A v=1,meta_time=\"" + given + "\"",
    };
    for (const auto& text : texts) {
      EXPECT_EQ(decode(text), 1u) << text;
      ASSERT_TRUE(refused_.empty()) << text << ": " << refused_[0].message;
      EXPECT_THAT(jsons().at(0), HasSubstr("\"meta_time\":\"" + normal + "\"")) << text;
      EXPECT_EQ(batch().track(point()), "t");
      EXPECT_EQ(batch().chassis(point()), "A");
    }
  }
}

TEST_F(NormalTimes, ANormalOneIsLeftAsItCame) {
  for (const auto ns : {kNow, kNow + 1, kNow + 1'000, kNow + 1'000'000, kNow + 120'000'000}) {
    std::string text;
    append_iso_time(text, ns);
    EXPECT_TRUE(is_normal_iso_time(text)) << text;
    EXPECT_EQ(parse_iso_time(text), ns);
  }
}

TEST_F(NormalTimes, TheLoggersFaultValueIsStillFoundBehindWhatWasRewritten) {
  decode(R"({"ts":1757000000,"car":"A","track":"t","lap":32768,"note":"x"})");
  ASSERT_TRUE(refused_.empty());
  EXPECT_EQ(batch().str(point().lap_literal), "32768");
}

TEST(Synonyms, StandInTheDocs) {
  std::ifstream in(SLIPSTREAM_SOURCE_DIR "/docs/points.md");
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  EXPECT_THAT(text, HasSubstr(synonyms_markdown({})));
}

TEST(Synonyms, NamesAreComparedByLettersAndDigits) {
  EXPECT_EQ(plain_name("Lap Distance [m]"), "lap_distance_m");
  EXPECT_EQ(plain_name("  SPEED--KMH "), "speed_kmh");
  EXPECT_EQ(plain_name("[]"), "");
  EXPECT_EQ(plain_name("Öl"), "Öl");
}

}  // namespace
}  // namespace slipstream
