#include "codec/lap_json.h"

#include <gtest/gtest.h>

namespace slipstream {
namespace {

TEST(LapJson, ListsAreReadAsTheyWereWritten) {
  const std::vector<std::string> names = {"", "a\"b\\c", "tab\t", "größe", "x,y]"};
  std::string json;
  append_json_names(json, names);
  EXPECT_EQ(parse_json_names(json), names);
  const std::vector<std::optional<double>> times = {31.25, std::nullopt, 0.1, 29};
  json.clear();
  append_json_times(json, times);
  EXPECT_EQ(json, "[31.25,null,0.1,29]");
  EXPECT_EQ(parse_json_times(json), times);
}

TEST(LapJson, WhatIsNoListIsNone) {
  for (const char* const bad : {"", "x", "{}", "[1", "null", "[[]]", "[{}]", "[true]"}) {
    EXPECT_EQ(parse_json_names(bad), std::nullopt) << bad;
    EXPECT_EQ(parse_json_times(bad), std::nullopt) << bad;
  }
  EXPECT_EQ(parse_json_names("[1]"), std::nullopt);
  EXPECT_EQ(parse_json_times(R"(["1"])"), std::nullopt);
}

TEST(LapJson, OfALapThatIsCompleteFlagsAreKnown) {
  Lap lap;
  const auto flags = [&lap] {
    std::string json;
    append_lap_json(json, {.lap = std::make_shared<const Lap>(lap)});
    const auto from = json.find("\"valid\"");
    return json.substr(from, json.find(",\"compound\"") - from);
  };
  EXPECT_EQ(flags(), R"("valid":null,"pit_in":null,"pit_out":null)");
  lap.is_valid = false;
  EXPECT_EQ(flags(), R"("valid":null,"pit_in":null,"pit_out":null)");
  lap.is_complete = true;
  EXPECT_EQ(flags(), R"("valid":false,"pit_in":false,"pit_out":false)");
  lap.is_valid.reset();
  lap.pit_out = true;
  EXPECT_EQ(flags(), R"("valid":true,"pit_in":false,"pit_out":true)");
}

TEST(LapJson, ASessionTellsAll) {
  std::string json;
  append_session_json(json,
                      {.id = "s1",
                       .track = "spa",
                       .name = "\"Q\"",
                       .started = {1'500'000},
                       .ended = {kNsPerSecond},
                       .machines = 2,
                       .laps = 3,
                       .points = 4,
                       .parts = {"a", "b"},
                       .is_pinned = true},
                      true);
  EXPECT_EQ(json,
            R"({"id":"s1","track":"spa","name":"\"Q\"","started":"1970-01-01T00:00:00.001500Z",)"
            R"("ended":"1970-01-01T00:00:01Z","machines":2,"laps":3,"points":4,)"
            R"("parts":["a","b"],"live":true,"pinned":true})");
}

}  // namespace
}  // namespace slipstream
