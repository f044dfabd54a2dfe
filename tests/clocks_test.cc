// Senders whose clocks are wrong: each of their points is in each window, and they are told.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <charconv>
#include <chrono>

#include "app/store_component.h"
#include "harness.h"
#include "program.h"

namespace slipstream {
namespace {

using harness::http;
using harness::Program;
using harness::Server;
using testing::HasSubstr;

std::int64_t now_ms() {
  return system_clock().now().ns / kNsPerMs;
}

std::string point_at(std::string_view chassis, std::int64_t ms) {
  return fmt::format(
      R"({{"track":"cota","chassis":"{}","lap":1,"sector":0,"meta_time":{},"speed_kmh":100}})",
      chassis, ms);
}

std::uint64_t count_in(const std::string& rollup) {
  constexpr std::string_view kName = R"("count":)";
  std::uint64_t count = 0;
  const auto* const begin = rollup.data() + rollup.find(kName) + kName.size();
  std::from_chars(begin, rollup.data() + rollup.size(), count);
  return count;
}

/// Sums of `count`: of rollups that are not late, and of those that are.
std::pair<std::uint64_t, std::uint64_t> points_in(const Server& server, const char* window,
                                                  const char* chassis) {
  const auto page = server.component<StoreComponent>().store().query(
      {.window = window, .chassis = chassis, .limit = 5'000});
  std::pair<std::uint64_t, std::uint64_t> sums;
  for (const auto& rollup : page.value().rollups) {
    const bool is_late = rollup.find(R"("late":true)") != std::string::npos;
    (is_late ? sums.second : sums.first) += count_in(rollup);
  }
  return sums;
}

TEST(Clocks, WhatIsAheadOrAnHourAgoIsInEachStoredWindow) {
  Server server;
  const std::int64_t begin_ms = now_ms() - 60'000;
  std::string body = point_at("ahead", now_ms() + 280'000) + '\n';
  for (int i = 0; i < 600; ++i) body += point_at("ahead", begin_ms + i * 100) + '\n';
  for (int i = 0; i < 480; ++i) {
    body += point_at("summer", begin_ms + i * 50 - (i < 240 ? 0 : 3'600'000)) + '\n';
  }
  const auto answer =
      http(server.port(), "POST", "/api/ingest", body, {{"Content-Type", "application/x-ndjson"}});
  EXPECT_THAT(answer.body, HasSubstr(R"("accepted":1081)"));
  EXPECT_TRUE(server.stop());
  EXPECT_EQ(points_in(server, "second", "ahead"), std::pair(std::uint64_t{601}, std::uint64_t{0}));
  EXPECT_EQ(points_in(server, "sector", "ahead"), std::pair(std::uint64_t{601}, std::uint64_t{0}));
  EXPECT_EQ(points_in(server, "second", "summer"),
            std::pair(std::uint64_t{240}, std::uint64_t{240}));
  EXPECT_EQ(points_in(server, "sector", "summer"), std::pair(std::uint64_t{480}, std::uint64_t{0}));
}

class Told : public testing::Test {
 protected:
  void post(const std::string& body) {
    const auto answer = http(server_.port(), "POST", "/api/ingest", body,
                             {{"Content-Type", "application/x-ndjson"}});
    EXPECT_EQ(answer.status, 200u) << answer.body;
  }
  static std::vector<std::string> environment(const harness::TemporaryDirectory& directory) {
    std::vector<std::string> all(harness::kFreePorts.begin(), harness::kFreePorts.end());
    all.push_back("DATA_DIR=" + (directory.path() / "data").string());
    return all;
  }

  const harness::TemporaryDirectory directory_;
  Program server_{directory_, {"serve", "--log-format", "text"}, environment(directory_)};
};

TEST_F(Told, AMachineWhoseClockIsOff) {
  ASSERT_NE(server_.port(), 0) << server_.output();
  std::string body;
  for (int i = 0; i < 20; ++i) {
    body += point_at("wrong", now_ms() + 200'000) + '\n' + point_at("right", now_ms()) + '\n';
  }
  post(body);
  EXPECT_TRUE(server_.says("1 clock is off by more than 30.0 s: wrong on cota is "))
      << server_.output();
  const auto health = http(server_.port(), "GET", "/api/health");
  EXPECT_EQ(health.status, 200u) << "whoever sends, the server is well";
  EXPECT_THAT(health.body, HasSubstr(R"("notices":["1 clock is off)"));
  EXPECT_THAT(health.body, HasSubstr(R"("clocks":{"toldOffsetMs":30000,"off":1,"furthest":[{)"
                                     R"("track":"cota","chassis":"wrong","offsetMs":-)"));
  EXPECT_EQ(harness::metric(server_.port(), "slipstream_clocks_off"), 1);
  const auto series = http(server_.port(), "GET", "/api/series").body;
  EXPECT_THAT(series, HasSubstr(R"("points":20,"clock_offset_ms":-)")) << "200 s, less the way";
}

TEST_F(Told, FieldsThatAPointHasTooMany) {
  ASSERT_NE(server_.port(), 0) << server_.output();
  std::string point = R"({"track":"cota","chassis":"car")";
  for (int i = 0; i < 300; ++i) point += fmt::format(R"(,"f{}":{})", i, i);
  post(point + '}');
  EXPECT_TRUE(server_.says("44 fields left out of points that were taken: a point has at most 256"))
      << server_.output();
}

}  // namespace
}  // namespace slipstream
