// docs/games/README.md: what it tells to try without a game.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "codec/games_testing.h"
#include "docs_commands.h"
#include "harness.h"
#include "program.h"

namespace slipstream {
namespace {

using harness::eventually;
using harness::Program;
using harness::Server;
using harness::TemporaryDirectory;
using testing::HasSubstr;

TEST(GamesDocs, TheCommandsOfThePageWork) {
  TemporaryDirectory directory;
  Server server;
  const auto capture = games_testing::read_kept_reference("forza_dash.cap");
  ASSERT_TRUE(capture);
  std::ofstream(directory.path() / "race.cap", std::ios::binary) << *capture;
  const auto commands = harness::commands_of_page(
      "games/README.md",
      {{"udp://127.0.0.1:20777", "udp://127.0.0.1:" + std::to_string(server.udp_port())}});
  ASSERT_EQ(commands.size(), 3u);
  const char* const games[] = {"f1_2025", "forza_dash"};
  for (std::size_t i = 0; i < 2; ++i) {
    Program demo(directory, commands[i].arguments, harness::kFreePorts);
    EXPECT_TRUE(eventually([&] {
      const auto recent = harness::http(demo.port(), "GET", "/api/recent/10").body;
      return recent.find(games[i]) != recent.npos;
    })) << demo.output();
    demo.signal(SIGTERM);
    EXPECT_EQ(demo.exit_code(), 0) << demo.output();
  }
  Program replay(directory, commands[2].arguments);
  const auto& accepted = server.ingest().of(SourceKind::kUdp).accepted;
  EXPECT_TRUE(eventually([&] { return accepted.value() > 50; })) << "in the capture's own time";
  replay.signal(SIGTERM);
  replay.exit_code();
}

}  // namespace
}  // namespace slipstream
