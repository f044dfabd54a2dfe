// The program as a process: exit codes, signals, what it says.
#include "program.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <fstream>

#include "harness.h"
#include "source/testing.h"

namespace slipstream {
namespace {

using harness::eventually;
using harness::http;
using harness::kFreePorts;
using harness::Program;
using harness::TemporaryDirectory;
using testing::HasSubstr;

TEST(Program, ExitCodes) {
  TemporaryDirectory directory;
  std::ofstream(directory.path() / "good.toml") << "[server]\nport = 9000\n";
  std::ofstream(directory.path() / "bad.toml")
      << "[server]\nport = 70000\nprot = 1\n[udp]\nallow = [\"ten\"]\n";
  EXPECT_EQ(Program(directory, {"--help"}).exit_code(), 0);
  for (const auto command : {"serve", "demo", "check", "replay"}) {
    EXPECT_EQ(Program(directory, {command, "--help"}).exit_code(), 0) << command;
  }
  EXPECT_EQ(Program(directory, {}).exit_code(), 2);
  EXPECT_EQ(Program(directory, {"fly"}).exit_code(), 2);
  EXPECT_EQ(Program(directory, {"check", "good.toml"}).exit_code(), 0);
  Program bad(directory, {"check", "bad.toml"});
  EXPECT_EQ(bad.exit_code(), 78);
  EXPECT_THAT(bad.output(),
              HasSubstr("bad.toml:2: [server] port: a whole number from 0 to 65535 is expected"));
  EXPECT_THAT(bad.output(), HasSubstr("bad.toml:3: 'prot' is no setting; is 'port' meant?"));
  EXPECT_EQ(Program(directory, {"serve", "--check", "--config", "bad.toml"}).exit_code(), 78);
  EXPECT_EQ(Program(directory, {"serve"}, {"PORT=many"}).exit_code(), 78);
  EXPECT_EQ(Program(directory, {"replay", "none.csv", "--to", "udp://127.0.0.1:9"}).exit_code(), 1);
  EXPECT_EQ(Program(directory, {"replay", "good.toml", "--to", "udp://127.0.0.1"}).exit_code(), 2);
}

TEST(Program, AddressInUseIsAFailureThatNamesIt) {
  TemporaryDirectory directory;
  Program first(directory, {"serve", "--log-format", "text"}, kFreePorts);
  const auto port = first.port();
  ASSERT_NE(port, 0);
  Program second(directory, {"serve", "--log-format", "text"},
                 {fmt::format("PORT={}", port), "UDP_PORT=0", "DATA_DIR=other"});
  EXPECT_EQ(second.exit_code(), 1);
  EXPECT_THAT(second.output(), HasSubstr(fmt::format("127.0.0.1:{}", port)));
  first.signal(SIGTERM);
  EXPECT_EQ(first.exit_code(), 0);
}

// One that does not get on for 5 s ends by itself, and not with 0.
TEST(Program, TermStopsThoughClientsStay) {
  TemporaryDirectory directory;
  Program server(directory, {"serve", "--log-format", "text"}, kFreePorts);
  const auto port = server.port();
  ASSERT_NE(port, 0);
  harness::WebSocketClient client(port, "/ws/realtime");
  ASSERT_EQ(http(port, "POST", "/api/ingest", source_testing::good_point("a")).status, 200u);
  server.signal(SIGTERM);
  EXPECT_EQ(server.exit_code(), 0);
  EXPECT_THAT(server.output(), HasSubstr("stopped"));
}

TEST(Program, HangUpReadsTheSectorsAgain) {
  TemporaryDirectory directory;
  const auto sectors = directory.path() / "tracks.json";
  std::ofstream(sectors)
      << R"({"oval":{"total_m":1000,"sectors":[{"name":"all","start_m":0,"end_m":1000}]}})";
  Program server(directory, {"serve", "--log-format", "text"},
                 {"PORT=0", "UDP_PORT=0", "TRACK_SECTORS_PATH=" + sectors.string()});
  const auto port = server.port();
  ASSERT_NE(port, 0);
  const auto sector_of = [&](const std::string& chassis) {
    http(port, "POST", "/api/ingest",
         R"({"track":"oval","lapdist_m":900,"chassis":")" + chassis + "\"}");
    std::string body;
    eventually([&] {
      body = http(port, "GET", "/api/recent/1?chassis=" + chassis).body;
      return body.find(chassis) != std::string::npos;
    });
    return body;
  };
  EXPECT_THAT(sector_of("before"), HasSubstr(R"("sector":0)"));
  std::ofstream(sectors)
      << R"({"oval":{"total_m":1000,"sectors":[{"name":"a","start_m":0,"end_m":500},{"name":"b","start_m":500,"end_m":1000}]}})";
  server.signal(SIGHUP);
  ASSERT_TRUE(server.says("sector table read again"));
  EXPECT_THAT(sector_of("after"), HasSubstr(R"("sector":1)"));
}

TEST(Program, DemoShowsTwentyCars) {
  TemporaryDirectory directory;
  Program demo(directory, {"demo", "--log-format", "text"}, kFreePorts);
  const auto port = demo.port();
  ASSERT_NE(port, 0);
  EXPECT_TRUE(demo.says("20 cars"));
  EXPECT_TRUE(eventually([&] {
    return http(port, "GET", "/api/series").body.find(R"("total":20})") != std::string::npos;
  }));
  demo.signal(SIGINT);
  EXPECT_EQ(demo.exit_code(), 0);
  EXPECT_TRUE(std::filesystem::exists(directory.path() / "data-demo" / "slipstream.db"));
  EXPECT_FALSE(std::filesystem::exists(directory.path() / "data")) << "real data is kept apart";
}

TEST(Program, DemoPlaysAFileOfPoints) {
  TemporaryDirectory directory;
  std::ofstream(directory.path() / "points.json")
      << R"({"telemetry":[{"track":"cota","chassis":"film","meta_time":"2020-01-01T00:00:00Z","speed_kmh":77}]})";
  Program demo(directory, {"demo", "--log-format", "text"},
               {"PORT=0", "UDP_PORT=0", "UDP_HOST=127.0.0.1", "DEMO_DATA_PATH=points.json"});
  const auto port = demo.port();
  ASSERT_NE(port, 0);
  EXPECT_TRUE(eventually(
      [&] { return http(port, "GET", "/api/series").body.find("film") != std::string::npos; }));
  EXPECT_EQ(http(port, "GET", "/api/recent/1").body.find("2020-01-01"), std::string::npos);
}

}  // namespace
}  // namespace slipstream
