// Series of one machine, told apart by tags: by every source and format, on every way out.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "program.h"
#include "redis_server.h"
#include "source/udp_sender.h"

namespace slipstream {
namespace {

using harness::eventually;
using harness::http;
using harness::kFreePorts;
using harness::Program;
using harness::Server;
using harness::TemporaryDirectory;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kSchema = "[schema]\ntags = [\"wheel\"]\n";
constexpr std::string_view kTyres =
    "tyre,chassis=TG,wheel=fl temp=100 1756999999000000000\n"
    "tyre,chassis=TG,wheel=fr temp=50 1756999999100000000\n"
    "tyre,chassis=TG,wheel=fl temp=110 1756999999200000000\n";

std::string rollups(std::uint16_t port, const std::string& query) {
  return http(port, "GET", "/api/rollups?window=second&" + query).body;
}

/// Of the second that the points of one wheel make.
void expect_wheels(std::uint16_t port, const std::string& track) {
  const auto left = "track=" + track + "&tag.wheel=fl";
  ASSERT_TRUE(eventually([&] {
    return rollups(port, left).find("window_id") != std::string::npos &&
           rollups(port, "track=" + track + "&tag.wheel=fr").find("window_id") != std::string::npos;
  })) << track;
  EXPECT_THAT(rollups(port, left),
              AllOf(HasSubstr(R"("wheel":"fl","tags":{"wheel":"fl"})"), HasSubstr(R"("count":2)"),
                    HasSubstr(R"("avg_temp":105)"), Not(HasSubstr(R"("fr")"))))
      << track;
  EXPECT_THAT(rollups(port, "track=" + track + "&tag.wheel=fr"),
              AllOf(HasSubstr(R"("tags":{"wheel":"fr"})"), HasSubstr(R"("avg_temp":50)")))
      << track;
  EXPECT_THAT(rollups(port, "track=" + track + "&tag.wheel=fl&tag.wheel=fr"),
              AllOf(HasSubstr(R"("fl")"), HasSubstr(R"("fr")")));
  EXPECT_EQ(rollups(port, "track=" + track + "&tag.wheel=rl"), R"({"rollups":[],"next":null})");
}

std::string ndjson(const std::string& track) {
  std::string body;
  for (const auto& [wheel, temp, ms] :
       {std::tuple("fl", 100, 0), std::tuple("fr", 50, 100), std::tuple("fl", 110, 200)}) {
    body += fmt::format(
        R"({{"meta_time":"2025-09-04T15:33:19.{:03}Z","track":"{}","chassis":"TG","wheel":"{}",)"
        R"("temp":{}}})"
        "\n",
        ms, track, wheel, temp);
  }
  return body;
}

std::string csv(const std::string& track) {
  return fmt::format(
      "meta_time,track,chassis,wheel,temp\n"
      "2025-09-04T15:33:19.000Z,{0},TG,fl,100\n"
      "2025-09-04T15:33:19.100Z,{0},TG,fr,50\n"
      "2025-09-04T15:33:19.200Z,{0},TG,fl,110\n",
      track);
}

TEST(TaggedSeries, HaveWindowsOfTheirOwnWhateverTheyCameBy) {
  Server server({}, kSchema);
  const auto post = [&](const char* target, std::string_view body, const char* type) {
    EXPECT_LT(
        http(server.port(), "POST", target, std::string(body), {{"Content-Type", type}}).status,
        300u);
  };
  post("/write", kTyres, "text/plain");
  post("/api/ingest", ndjson("json"), "application/x-ndjson");
  post("/api/ingest", csv("csv"), "text/csv");
  auto sender = UdpSender::open("127.0.0.1", server.udp_port());
  ASSERT_TRUE(sender);
  ASSERT_TRUE(sender->send(ndjson("udp_json")));
  ASSERT_TRUE(sender->send(csv("udp_csv")));
  for (const auto* const track : {"tyre", "json", "csv", "udp_json", "udp_csv"}) {
    expect_wheels(server.port(), track);
  }
  const auto series = http(server.port(), "GET", "/api/series?tag.wheel=fl").body;
  EXPECT_THAT(series, AllOf(HasSubstr(R"("count":5)"), HasSubstr(R"("points":3)"),
                            HasSubstr(R"("series":2})")));
  EXPECT_THAT(http(server.port(), "GET", "/api/series?tag.wheel=x").body,
              HasSubstr(R"("count":0)"));
  EXPECT_EQ(http(server.port(), "GET", "/api/rollups?tag.wheel=").status, 400u);
  EXPECT_THAT(http(server.port(), "GET", "/api/rollups?tag.=x").body, HasSubstr("tag.*"));
}

TEST(TaggedSeries, MeasurementsOfOneMachineShareNoWindow) {
  Server server;
  EXPECT_EQ(http(server.port(), "POST", "/write",
                 "cpu,track=lab,host=web01,cpu=cpu0 usage=42\nmem,track=lab,host=web01 usage=77\n"
                 "cpu,track=lab,host=web01,cpu=cpu1 usage=7\n")
                .status,
            204u);
  const auto avg = [&](const std::string& query) {
    const auto body = rollups(server.port(), query);
    const auto at = body.find("avg_usage");
    return at == std::string::npos ? "" : body.substr(at, body.find(',', at) - at);
  };
  for (const auto* const series : {"tag.measurement=mem", "tag.cpu=cpu0", "tag.cpu=cpu1"}) {
    ASSERT_TRUE(eventually([&] { return !avg(series).empty(); })) << series;
  }
  EXPECT_EQ(avg("tag.measurement=mem"), R"(avg_usage":77)");
  EXPECT_EQ(avg("tag.measurement=cpu&tag.cpu=cpu0"), R"(avg_usage":42)");
  EXPECT_EQ(avg("tag.measurement=cpu&tag.cpu=cpu1"), R"(avg_usage":7)");
}

TEST(TaggedSeries, ComeBackAfterAKillAndGoOutWithAnExport) {
  const TemporaryDirectory directory;
  const auto serve = [&] {
    std::vector<std::string> environment = kFreePorts;
    environment.emplace_back("DATA_DIR=data");
    environment.emplace_back("SCHEMA_TAGS=wheel");
    environment.emplace_back("CHECKPOINT_INTERVAL_MS=3600000");
    return Program(directory, {"serve", "--log-format", "text"}, environment);
  };
  {
    Program server = serve();
    ASSERT_NE(server.port(), 0) << server.output();
    EXPECT_EQ(http(server.port(), "POST", "/write", std::string(kTyres)).status, 204u);
    EXPECT_EQ(http(server.port(), "POST", "/api/ingest", ndjson("json"),
                   {{"Content-Type", "application/x-ndjson"}})
                  .status,
              200u);
    server.signal(SIGKILL);
    EXPECT_EQ(server.exit_code(), 1'000 + SIGKILL);
  }
  {
    Program server = serve();
    ASSERT_NE(server.port(), 0) << server.output();
    for (const auto* const track : {"tyre", "json"}) expect_wheels(server.port(), track);
    server.signal(SIGTERM);
    EXPECT_EQ(server.exit_code(), 0) << server.output();
  }
  const auto exported = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "export");
    Program program(directory, arguments, {"DATA_DIR=data"});
    EXPECT_EQ(program.exit_code(), 0) << program.output();
    return program.output();
  };
  const auto points = exported({"--tag", "wheel=fr"});
  EXPECT_THAT(points, AllOf(HasSubstr("2 points exported"), HasSubstr(R"("tags":{"wheel":"fr"})"),
                            Not(HasSubstr("\"fl\""))));
  EXPECT_THAT(exported({"--tag", "wheel=fr", "--format", "csv"}),
              AllOf(HasSubstr("meta_time,track,chassis,lap,sector,wheel,temp"),
                    HasSubstr("2 points exported")));
  const auto table = exported({"--what", "rollups", "--window", "second", "--tag", "wheel=fl"});
  EXPECT_THAT(table, AllOf(HasSubstr("2 rollups exported"), HasSubstr(R"("avg_temp":105)")));
  Program bad(directory, {"export", "--tag", "wheel"}, {"DATA_DIR=data"});
  EXPECT_EQ(bad.exit_code(), 2);
  EXPECT_THAT(bad.output(), HasSubstr("NAME=VALUE"));
}

TEST(TaggedSeries, OneTooManyIsRefusedAndCounted) {
  Server server({{"MAX_SERIES_PER_MACHINE", "2"}});
  const auto answer = http(server.port(), "POST", "/write",
                           "m,host=h,r=1 x=1\nm,host=h,r=2 x=1\nm,host=h,r=3 x=1\nm,host=h x=1\n");
  EXPECT_EQ(answer.status, 400u);
  EXPECT_THAT(answer.body, HasSubstr("MAX_SERIES_PER_MACHINE"));
  EXPECT_EQ(harness::metric(
                server.port(),
                R"(slipstream_points_rejected_total{source="http",reason="too_many_series"})"),
            1);
  EXPECT_EQ(harness::metric(server.port(), R"(slipstream_points_accepted_total{source="http"})"),
            3);
}

TEST(TaggedSeries, KeepTheirTagsThroughRedis) {
  SLIPSTREAM_NEEDS_REDIS();
  harness::RedisServer redis;
  redis.call({"XADD", "telemetry.stream", "*", "track", "flat", "chassis", "TG", "wheel", "fl",
              "temp", "1"});
  Server server({{"REDIS_URL", redis.url()}, {"INGEST_FROM", "0"}}, kSchema);
  EXPECT_EQ(http(server.port(), "POST", "/write", std::string(kTyres)).status, 204u);
  expect_wheels(server.port(), "tyre");
  ASSERT_TRUE(eventually([&] {
    return rollups(server.port(), "track=flat&tag.wheel=fl").find("avg_temp") != std::string::npos;
  }));
}

}  // namespace
}  // namespace slipstream
