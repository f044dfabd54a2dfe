#include "racing/insight_message.h"

#include <gtest/gtest.h>
#include <simdjson.h>

#include <limits>
#include <vector>

#include "base/json_text.h"

namespace slipstream {
namespace {

constexpr ArrivalTime kNow{1'757'032'100'593'999'999};  // 2025-09-05T00:28:20.593Z

TEST(InsightMessage, HasEveryMemberOfTheContract) {
  const std::vector<Sample> samples = {
      {.lap = 4,
       .sector = 0,
       .speed_kmh = 90,
       .accx_can = 0.5,
       .accy_can = 0.5,
       .steering = 90,
       .pbrake_f = 10},
      {.lap = 4,
       .sector = 1,
       .speed_kmh = 110,
       .accx_can = -0.5,
       .accy_can = 1,
       .steering = 0,
       .pbrake_f = 0},
  };
  const std::vector cars = {analyse("barber", "GR86-01", samples, {}, {{0, 31.2}})};
  EXPECT_EQ(
      encode_insight_update(cars, gaps(cars), notices(cars, {}, kNow), kNow).json,
      R"({"type":"insight_update","data":[{"chassis":"GR86-01","track":"barber","lap":4,)"
      R"("lap_tire_stress":1.8125,"perSectorStress":{"0":0.5625,"1":1.25},)"
      R"("predicted_loss_per_lap_seconds":0,"laps_until_0_5s_loss":50,)"
      R"("meta":{"avgSpeed":100,"maxSpeed":110,"avgAcceleration":0,"maxAcceleration":0.5,)"
      R"("avgBraking":5,"maxBraking":10,"avgCornering":45,"maxCornering":90,"consistency":90,)"
      R"("performanceTrend":"stable","sectorTimes":{"0":31.2},"pointCount":2}}],)"
      R"("gaps":[{"chassis":"GR86-01","position":1,"gapToLeader":0,"gapToAhead":null,)"
      R"("gapToBehind":null,"relativeSpeed":0,"overtakingOpportunity":false,)"
      R"("underPressure":false}],"insights":[],"meta":{"generated_at":"2025-09-05T00:28:20.593Z",)"
      R"("vehicle_count":1,"analysis_version":"2.0"}})");
}

TEST(InsightMessage, WritesNoticesWithTheirFigure) {
  const std::vector<Notice> list = {
      {"tire_wear", Severity::kHigh, "m", "t", "c", 12, {"laps_until_0_5s_loss", 4.07}},
      {"performance",
       Severity::kMedium,
       "m",
       "t",
       "c",
       12,
       {"performanceTrend", "degrading"},
       true},
  };
  EXPECT_EQ(
      encode_insight_update({}, {}, list, {}).json,
      R"({"type":"insight_update","data":[],"gaps":[],"insights":[)"
      R"({"type":"tire_wear","severity":"high","state":"raised","message":"m","chassis":"c","timestamp":12,)"
      R"("data":{"laps_until_0_5s_loss":4.07}},)"
      R"({"type":"performance","severity":"medium","state":"cleared","message":"m","chassis":"c","timestamp":12,)"
      R"("data":{"performanceTrend":"degrading"}}],)"
      R"("meta":{"generated_at":"1970-01-01T00:00:00Z","vehicle_count":0,)"
      R"("analysis_version":"2.0"}})");
}

TEST(InsightMessage, AnyNameOfACarComesThrough) {
  const std::vector<std::string> names = {"__proto__",   "say \"hi\"", "back\\slash",
                                          "a\nb\tc\x01", "Zürich 🏁",  "</script>"};
  std::vector<VehicleInsight> cars;
  for (const auto& name : names) {
    cars.push_back(analyse(name, name, std::vector<Sample>{{.accx_can = 500}}, {}, {}));
  }
  const auto update = encode_insight_update(cars, gaps(cars), notices(cars, {}, kNow), kNow);
  const std::string& text = update.json;
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  ASSERT_EQ(parser.parse(text).get(root), simdjson::SUCCESS) << text;
  for (std::size_t i = 0; i < names.size(); ++i) {
    EXPECT_EQ(std::string_view(root["data"].at(i)["chassis"]), names[i]);
    EXPECT_EQ(std::string_view(root["data"].at(i)["track"]), names[i]);
    EXPECT_EQ(std::string_view(root["insights"].at(2 * i)["chassis"]), names[i]);
    EXPECT_EQ(update.notice_tracks.at(2 * i), names[i]);
    EXPECT_EQ(std::string_view(root["gaps"].at(i)["chassis"]), update.gap_tracks.at(i));
  }
}

TEST(InsightMessage, BytesThatAreNoUtf8DoNotSpoilTheFrame) {
  std::string out;
  append_json_string(out, "car \xff\xfe 7");
  EXPECT_EQ(out, "\"car \\ufffd\\ufffd 7\"");
}

TEST(JsonText, NumbersHaveNoNoise) {
  const std::vector<std::pair<double, std::string>> cases = {
      {0, "0"},
      {1, "1"},
      {-0.5, "-0.5"},
      {100.11, "100.11"},
      {0.001, "0.001"},
      {123456789.25, "123456789.25"},
      {1e300 * 1e10, "null"},
      {std::numeric_limits<double>::quiet_NaN(), "null"}};
  for (const auto& [value, text] : cases) {
    std::string out;
    append_json_number(out, value);
    EXPECT_EQ(out, text);
  }
}

}  // namespace
}  // namespace slipstream
