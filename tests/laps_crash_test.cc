// Laps and sessions of a race are the same whether its server is killed meanwhile or not, and once
// more when its recording is replayed into another server.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <random>

#include "codec/games_testing.h"
#include "codec/json_scan.h"
#include "crash_harness.h"
#include "environment.h"
#include "flaky_link.h"
#include "harness.h"
#include "program.h"
#include "recorded.h"

namespace slipstream {
namespace {

using crash::ServerProcess;
using harness::FlakyLink;
using harness::http;
using harness::Program;
using harness::run;
using harness::TemporaryDirectory;

/// What a server says of laps and sessions, as it comes, but for the cursors between pages.
struct Story {
  std::vector<std::string> laps;
  std::string sessions;
};

Story story_told_at(std::uint16_t port) {
  Story story;
  std::string cursor;
  do {
    const auto page = http(port, "GET", "/api/laps?limit=37&cursor=" + cursor);
    EXPECT_EQ(page.status, 200u) << page.body;
    if (page.status != 200) return story;
    JsonScan laps(json_member(page.body, "laps"));
    while (const auto lap = laps.next()) story.laps.emplace_back(lap->value);
    const auto next = json_member(page.body, "next");
    cursor = next == "null" ? "" : json_string_body(next);
  } while (!cursor.empty());
  story.sessions = http(port, "GET", "/api/sessions").body;
  return story;
}

/// Serves what is in the directory once more: all that was taken is told there.
Story story_of(const TemporaryDirectory& directory) {
  ServerProcess server(directory.path());
  const auto port = server.wait_until_it_serves();
  EXPECT_NE(port, 0) << server.output();
  if (port == 0) return {};
  Story story = story_told_at(port);
  EXPECT_EQ(server.stop(), 0) << server.output();
  return story;
}

void expect_same(const Story& story, const Story& expected) {
  EXPECT_EQ(story.sessions, expected.sessions);
  ASSERT_EQ(story.laps.size(), expected.laps.size());
  for (std::size_t i = 0; i < expected.laps.size(); ++i) {
    EXPECT_EQ(story.laps[i], expected.laps[i]) << "lap " << i;
  }
}

std::vector<std::string> replay_of(const std::string& recording, const std::string& speed,
                                   std::uint16_t port) {
  return {"replay", recording, "--speed", speed, "--to", fmt::format("http://127.0.0.1:{}", port)};
}

/// Sends it to a server that nobody kills.
void send_whole(const TemporaryDirectory& directory, const std::string& recording) {
  ServerProcess server(directory.path());
  const auto port = server.wait_until_it_serves();
  ASSERT_NE(port, 0) << server.output();
  const auto sent = run(directory, replay_of(recording, "max", port));
  ASSERT_EQ(sent.code, 0) << sent.output;
  ASSERT_EQ(server.stop(), 0) << server.output();
}

/// Sends it in about as many seconds as there are to be kills.
void send_through_kills(const TemporaryDirectory& directory, const std::string& recording,
                        std::uint64_t kills, double seconds) {
  std::mt19937_64 random(
      harness::from_environment("SLIPSTREAM_CRASH_SEED", std::random_device()()));
  FlakyLink link(1);
  auto server = std::make_unique<ServerProcess>(directory.path());
  const auto serve = [&] {
    const auto port = server->wait_until_it_serves();
    ASSERT_NE(port, 0) << server->output();
    link.lead_to(port);
  };
  serve();
  const auto speed = fmt::format("{}", std::max(1.0, seconds / (0.8 * static_cast<double>(kills))));
  Program sender(directory, replay_of(recording, speed, link.port()));
  std::uint64_t killed = 0;
  int code = -1;
  while (code == -1) {
    code = sender.exit_code(std::chrono::milliseconds(100 + random() % 800));
    if (code != -1 || killed == kills) continue;
    server->kill();
    ++killed;
    server = std::make_unique<ServerProcess>(directory.path());
    serve();
  }
  EXPECT_EQ(code, 0) << sender.output();
  // On a slow machine the recording ends before they are all done.
  EXPECT_GT(killed, 0u);
  ASSERT_EQ(server->stop(), 0) << server->output();
}

/// Of a race.
class LapsThroughKills : public testing::TestWithParam<const char*> {};

TEST_P(LapsThroughKills, AreTheSameToTheBitAndOnceMoreFromTheRecording) {
  const auto capture = games_testing::read_reference(GetParam());
  if (!capture) {
    GTEST_SKIP() << GetParam() << " is not in SLIPSTREAM_TEST_DATA (default ../shared/data)";
  }
  const auto datagrams = games_testing::datagrams_of(*capture);
  ASSERT_FALSE(datagrams.empty());
  const double seconds =
      static_cast<double>(datagrams.back().arrival.ns - datagrams.front().arrival.ns) / 1e9;
  TemporaryDirectory whole;
  TemporaryDirectory killed;
  TemporaryDirectory replayed;
  const auto recording = (whole.path() / "race.cap").string();
  std::ofstream(recording, std::ios::binary) << *capture;
  send_whole(whole, recording);
  const Story expected = story_of(whole);
  ASSERT_GT(expected.laps.size(), 20u);
  EXPECT_THAT(expected.laps, testing::Contains(testing::HasSubstr(R"("rewound":true)")));
  const auto kills = harness::from_environment("SLIPSTREAM_CRASH_ROUNDS", 4);
  send_through_kills(killed, recording, kills, seconds);
  {
    SCOPED_TRACE("a server that was killed");
    expect_same(story_of(killed), expected);
  }
  send_whole(replayed, (killed.path() / "data").string());
  SCOPED_TRACE("a server that got the recorded session");
  expect_same(story_of(replayed), expected);
}

INSTANTIATE_TEST_SUITE_P(OfGames, LapsThroughKills,
                         testing::Values("f1_2025_race.cap", "f1_2025_race_b.cap"));

}  // namespace
}  // namespace slipstream
