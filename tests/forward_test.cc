// `slipstream forward`: what is in one server's log gets to another server, each point once,
// whoever is killed and whatever becomes of the link.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <random>
#include <sstream>

#include "crash_harness.h"
#include "docs_commands.h"
#include "flaky_link.h"
#include "harness.h"
#include "program.h"
#include "recorded.h"

namespace slipstream {
namespace {

using crash::ServerProcess;
using harness::eventually;
using harness::FlakyLink;
using harness::http;
using harness::Program;
using harness::Recorded;
using harness::run;
using harness::Server;
using harness::TemporaryDirectory;
using testing::HasSubstr;

/// What a log holds, a line a point, whatever its order.
std::vector<std::string> points_of(const TemporaryDirectory& directory,
                                   const std::filesystem::path& data, bool sorted = true) {
  const auto exported =
      run(directory, {"export", "--data", data.string(), "--output", "exported.ndjson"});
  EXPECT_EQ(exported.code, 0) << exported.output;
  auto lines = harness::lines(directory.path() / "exported.ndjson");
  if (sorted) std::ranges::sort(lines);
  return lines;
}

std::vector<std::string> forward(const std::filesystem::path& data, std::uint16_t port,
                                 const std::vector<std::string>& more = {}) {
  std::vector<std::string> arguments{"forward", "--data", data.string(), "--to",
                                     fmt::format("http://127.0.0.1:{}", port)};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

/// Points whose `n` is theirs alone.
std::string numbered(std::uint64_t from, std::uint64_t count) {
  std::string text;
  for (std::uint64_t n = from; n < from + count; ++n) {
    text += fmt::format(R"({{"track":"cota","chassis":"car-{}","lap":1,"n":{},"w":{}}})", n % 3, n,
                        static_cast<double>(n * 7'919 % 1'000) / 7);
    text += '\n';
  }
  return text;
}
bool post(std::uint16_t port, const std::string& text) {
  return port != 0 &&
         http(port, "POST", "/api/ingest", text, {{"Content-Type", "application/x-ndjson"}})
                 .status == 200;
}

TEST(Forward, OnceSendsAllThatIsThereToTheBit) {
  for (const bool compress : {false, true}) {
    Recorded recorded;
    recorded.fill_segments();
    TemporaryDirectory far;
    const auto data = far.path() / "data";
    {
      Server server({{"DATA_DIR", data.string()}});
      std::vector<std::string> options{"--once"};
      if (compress) options.emplace_back("--compress");
      const auto first = run(far, forward(recorded.data(), server.port(), options));
      EXPECT_EQ(first.code, 0) << first.output;
      EXPECT_THAT(first.output, HasSubstr("256 points sent to"));
      const auto second = run(far, forward(recorded.data(), server.port(), options));
      EXPECT_EQ(second.code, 0) << second.output;
      EXPECT_THAT(second.output, HasSubstr("0 points sent to"));
      EXPECT_EQ(server.ingest().of(SourceKind::kHttp).accepted.value(), 256u);
      server.stop();
    }
    EXPECT_EQ(points_of(far, data), points_of(far, recorded.data()));
  }
}

TEST(Forward, FollowsARunningServer) {
  TemporaryDirectory near;
  Server from({{"DATA_DIR", (near.path() / "data").string()}});
  Server to;
  Program program(near, forward(near.path() / "data", to.port()));
  const auto& accepted = to.ingest().of(SourceKind::kHttp).accepted;
  for (std::uint64_t n = 0; n < 5; ++n) {
    ASSERT_TRUE(post(from.port(), numbered(n * 100, 100)));
    EXPECT_TRUE(eventually([&] { return accepted.value() == (n + 1) * 100; })) << program.output();
  }
  program.signal(SIGTERM);
  EXPECT_EQ(program.exit_code(), 0) << program.output();
  const auto again = run(near, forward(near.path() / "data", to.port(), {"--once"}));
  EXPECT_EQ(again.code, 0) << again.output;
  EXPECT_EQ(accepted.value(), 500u);
}

TEST(Forward, WaitsForALogThatIsNotThereYet) {
  TemporaryDirectory near;
  const auto data = near.path() / "data";
  std::filesystem::create_directory(data);
  Server to;
  EXPECT_EQ(run(near, forward(data, to.port(), {"--once"})).code, 1);
  Program program(near, forward(data, to.port()));
  EXPECT_TRUE(program.says("waiting for a log"));
  Server from({{"DATA_DIR", data.string()}});
  ASSERT_TRUE(post(from.port(), numbered(0, 10)));
  const auto& accepted = to.ingest().of(SourceKind::kHttp).accepted;
  EXPECT_TRUE(eventually([&] { return accepted.value() == 10; })) << program.output();
  program.signal(SIGTERM);
  EXPECT_EQ(program.exit_code(), 0) << program.output();
}

TEST(Forward, GoesOnBehindABodyThatHadNoAnswer) {
  TemporaryDirectory near;
  Server from({{"DATA_DIR", (near.path() / "data").string()}});
  Server to;
  FlakyLink link(to.port());
  std::filesystem::remove(near.path() / "data" / "instance-id");  // the link has no answer for it
  link.swallow_answers(1'000);
  ASSERT_TRUE(post(from.port(), numbered(0, 100)));
  const auto& accepted = to.ingest().of(SourceKind::kHttp).accepted;
  {
    Program program(near, forward(near.path() / "data", link.port()));
    EXPECT_TRUE(eventually([&] { return accepted.value() == 100; })) << program.output();
    program.signal(SIGKILL);
    EXPECT_EQ(program.exit_code(), 1'000 + SIGKILL);
  }
  link.swallow_answers(0);
  Program program(near, forward(near.path() / "data", link.port()));
  ASSERT_TRUE(post(from.port(), numbered(100, 10)));
  EXPECT_TRUE(eventually([&] { return accepted.value() == 110; })) << program.output();
  program.signal(SIGTERM);
  EXPECT_EQ(program.exit_code(), 0) << program.output();
  EXPECT_EQ(run(near, forward(near.path() / "data", link.port(), {"--once"})).code, 0);
  EXPECT_EQ(accepted.value(), 110u);
}

TEST(Forward, RefusesTheServerWhoseLogItIs) {
  TemporaryDirectory near;
  const auto data = near.path() / "data";
  Server from({{"DATA_DIR", data.string()}});
  ASSERT_TRUE(post(from.port(), numbered(0, 10)));
  const auto ran = run(near, forward(data, from.port(), {"--once"}));
  EXPECT_EQ(ran.code, 1);
  EXPECT_THAT(ran.output, HasSubstr("is the server whose log this is"));
  EXPECT_EQ(from.ingest().of(SourceKind::kHttp).accepted.value(), 10u);
}

TEST(Forward, TheLogsFolderAndItsDataDirectoryAreOne) {
  Recorded recorded;
  Server to;
  EXPECT_EQ(run(recorded.directory(), forward(recorded.data(), to.port(), {"--once"})).code, 0);
  const auto again = run(recorded.directory(), forward(recorded.log(), to.port(), {"--once"}));
  EXPECT_EQ(again.code, 0) << again.output;
  EXPECT_THAT(again.output, HasSubstr("0 points sent"));
}

TEST(Forward, ALogThatWasBegunAnewIsRefused) {
  TemporaryDirectory near;
  const auto data = near.path() / "data";
  Server to;
  for (const bool is_first : {true, false}) {
    {
      Server from({{"DATA_DIR", data.string()}});
      ASSERT_TRUE(post(from.port(), numbered(0, 100)));
      from.stop();
    }
    const auto ran = run(near, forward(data, to.port(), {"--once"}));
    EXPECT_EQ(ran.code, is_first ? 0 : 1) << ran.output;
    if (!is_first) {
      EXPECT_THAT(ran.output, HasSubstr("the log was begun anew"));
    }
    // With the store, which knows how far the log was.
    for (const auto& entry : std::filesystem::directory_iterator(data)) {
      if (entry.path().filename() != "forward") std::filesystem::remove_all(entry.path());
    }
  }
  EXPECT_EQ(to.ingest().of(SourceKind::kHttp).accepted.value(), 100u);
}

/// On a link that is up all the time, but slower than what comes.
TEST(Forward, WhatComesNowGoesFirstOnASlowLink) {
  TemporaryDirectory near;
  Server from({{"DATA_DIR", (near.path() / "data").string()}});
  Server to;
  FlakyLink link(to.port());
  ASSERT_TRUE(post(from.port(), numbered(0, 10)));
  Program program(near, forward(near.path() / "data", link.port(), {"--compress"}));
  const auto& accepted = to.ingest().of(SourceKind::kHttp).accepted;
  EXPECT_TRUE(eventually([&] { return accepted.value() == 10; })) << program.output();
  link.delay_answers(std::chrono::milliseconds(500));
  for (std::uint64_t n = 10; n < 80'000; n += 5'000) {
    ASSERT_TRUE(post(from.port(), numbered(n, 5'000)));
  }
  EXPECT_TRUE(program.says("what comes now goes first"));
  program.signal(SIGTERM);
  EXPECT_EQ(program.exit_code(), 0) << program.output();
}

TEST(Forward, OnlyNewLeavesOutWhatIsThere) {
  TemporaryDirectory near;
  Server from({{"DATA_DIR", (near.path() / "data").string()}});
  Server to;
  ASSERT_TRUE(post(from.port(), numbered(0, 50)));
  EXPECT_EQ(run(near, forward(near.path() / "data", to.port(), {"--once", "--only-new"})).code, 0);
  ASSERT_TRUE(post(from.port(), numbered(50, 7)));
  EXPECT_EQ(run(near, forward(near.path() / "data", to.port(), {"--once", "--only-new"})).code, 0);
  EXPECT_EQ(to.ingest().of(SourceKind::kHttp).accepted.value(), 7u);
}

TEST(Forward, WhoseAnswersAreLostSendsNothingTwice) {
  Recorded recorded;
  Server server;
  FlakyLink link(server.port());
  link.swallow_answers(3);
  const auto ran = run(recorded.directory(), forward(recorded.data(), link.port(), {"--once"}));
  EXPECT_EQ(ran.code, 0) << ran.output;
  EXPECT_EQ(link.swallowed(), 3);
  EXPECT_THAT(ran.output, HasSubstr("240 points sent to"));
  EXPECT_EQ(server.ingest().of(SourceKind::kHttp).accepted.value(), 240u);
}

TEST(Forward, TellsWhatTheOtherServerRefuses) {
  Recorded recorded;
  Server strict(std::map<std::string, std::string>{}, "[schema.ranges]\nspeed_kmh = [0, 130]\n");
  const auto ran = run(recorded.directory(), forward(recorded.data(), strict.port(), {"--once"}));
  EXPECT_EQ(ran.code, 1);
  EXPECT_THAT(ran.output, HasSubstr("119 refused"));
  EXPECT_THAT(ran.output, HasSubstr("out_of_range"));
  const auto again = run(recorded.directory(), forward(recorded.data(), strict.port(), {"--once"}));
  EXPECT_THAT(again.output, HasSubstr("0 points sent"));
}

TEST(Forward, WhatIsTooLargeGoesInSmallerPieces) {
  Recorded recorded;
  Server small({{"MAX_BODY_BYTES", "8192"}});
  const auto ran = run(recorded.directory(), forward(recorded.data(), small.port(), {"--once"}));
  EXPECT_EQ(ran.code, 0) << ran.output;
  EXPECT_THAT(ran.output, HasSubstr("240 points sent to"));
  EXPECT_EQ(small.ingest().of(SourceKind::kHttp).accepted.value(), 240u);
}

TEST(Forward, EndsWhereItCannotGoOn) {
  Recorded recorded;
  Server guarded({{"API_TOKEN_WRITE", "0123456789abcdef0123"}});
  const auto refused =
      run(recorded.directory(), forward(recorded.data(), guarded.port(), {"--once"}));
  EXPECT_EQ(refused.code, 1);
  EXPECT_THAT(refused.output, HasSubstr("answered 401"));
  const auto taken =
      run(recorded.directory(),
          forward(recorded.data(), guarded.port(), {"--once", "--token", "0123456789abcdef0123"}));
  EXPECT_EQ(taken.code, 0) << taken.output;
  const auto usage = run(recorded.directory(), {"forward", "--data", "data", "--to", "udp://a:1"});
  EXPECT_EQ(usage.code, 2);
  const auto query =
      run(recorded.directory(), {"forward", "--data", "data", "--to", "http://a:1/b?c=d"});
  EXPECT_EQ(query.code, 2) << query.output;
  const auto nowhere = run(recorded.directory(), forward(recorded.directory().path() / "none", 1));
  EXPECT_EQ(nowhere.code, 1);
  EXPECT_THAT(nowhere.output, HasSubstr("is no directory"));
  for (const auto& entry : std::filesystem::directory_iterator(recorded.data() / "forward")) {
    if (entry.path().extension() != ".position") continue;
    std::ofstream(entry.path(), std::ios::app) << "x";
  }
  const auto damaged =
      run(recorded.directory(), forward(recorded.data(), guarded.port(), {"--once"}));
  EXPECT_EQ(damaged.code, 1);
  EXPECT_THAT(damaged.output, HasSubstr("it is damaged"));
}

TEST(Forward, WhatRetentionRemovedBeforeItWasSentIsTold) {
  Recorded recorded;
  recorded.fill_segments();
  Server server;
  const auto once = [&] {
    return run(recorded.directory(), forward(recorded.data(), server.port(), {"--once"}));
  };
  std::filesystem::remove(recorded.log() / recorded.segments().front().name);
  const auto first = once();
  EXPECT_EQ(first.code, 0) << "of a log that begins later nothing was to be sent: " << first.output;
  recorded.fill_segments();
  const auto segments = recorded.segments();
  ASSERT_GT(segments.size(), 2u);
  for (std::size_t i = 0; i + 1 < segments.size(); ++i) {
    std::filesystem::remove(recorded.log() / segments[i].name);
  }
  const auto overtaken = once();
  EXPECT_EQ(overtaken.code, 1) << overtaken.output;
  EXPECT_THAT(overtaken.output, HasSubstr("the log begins after it"));
  const auto again = once();
  EXPECT_EQ(again.code, 0) << "it is told once: " << again.output;
}

TEST(Forward, AfterALinkThatWasDownWhatComesNowGoesFirst) {
  TemporaryDirectory near;
  TemporaryDirectory far;
  const auto near_data = near.path() / "data";
  const auto far_data = far.path() / "data";
  constexpr std::uint64_t kBacklog = 60'000;
  {
    Server from({{"DATA_DIR", near_data.string()}});
    Server to({{"DATA_DIR", far_data.string()}});
    FlakyLink link(to.port());
    link.set_down(true);
    ASSERT_TRUE(post(from.port(), numbered(0, 10)));
    Program program(near, forward(near_data, link.port(), {"--compress"}));
    EXPECT_TRUE(program.says("points do not get there"));
    for (std::uint64_t n = 10; n < kBacklog; n += 5'000) {
      ASSERT_TRUE(post(from.port(), numbered(n, 5'000)));
    }
    link.set_down(false);
    EXPECT_TRUE(program.says("what comes now goes first"));
    std::uint64_t n = 1'000'000;
    const auto& accepted = to.ingest().of(SourceKind::kHttp).accepted;
    EXPECT_TRUE(eventually(
        [&] {
          EXPECT_TRUE(post(from.port(), numbered(n++, 1)));
          return accepted.value() > kBacklog;
        },
        std::chrono::seconds(120)))
        << accepted.value() << program.output();
    program.signal(SIGTERM);
    EXPECT_EQ(program.exit_code(), 0);
    const auto rest = run(near, forward(near_data, link.port(), {"--once"}));
    EXPECT_EQ(rest.code, 0) << rest.output;
    from.stop();
    to.stop();
  }
  EXPECT_EQ(points_of(far, far_data), points_of(far, near_data));
  const auto in_order = points_of(far, far_data, false);
  const auto now = std::ranges::find_if(
      in_order, [](const std::string& line) { return line.find("\"n\":1000000") != line.npos; });
  ASSERT_NE(now, in_order.end());
  EXPECT_NE(now + 1, in_order.end()) << "what waited came behind it";
  const bool old_is_behind = std::any_of(now, in_order.end(), [](const std::string& line) {
    return line.find("\"n\":59000,") != line.npos;
  });
  EXPECT_TRUE(old_is_behind);
}

TEST(ForwardDocs, TheCommandsOfThePageWork) {
  TemporaryDirectory near;
  Server to({{"API_TOKEN_WRITE", "0123456789abcdef0123"}});
  Server open_one;
  const auto commands_for = [](const Server& server) {
    return harness::commands_of_page(
        "forward.md",
        {{"http://pits.example:8081", fmt::format("http://127.0.0.1:{}", server.port())}});
  };
  const auto commands = commands_for(open_one);
  ASSERT_EQ(commands.size(), 3u);
  auto environment = harness::kFreePorts;
  environment.insert(environment.end(), commands[0].environment.begin(),
                     commands[0].environment.end());
  Program serve(near, commands[0].arguments, environment);
  ASSERT_TRUE(post(serve.port(), numbered(0, 10)));
  Program follows(near, commands[1].arguments, commands[1].environment);
  const auto& accepted = open_one.ingest().of(SourceKind::kHttp).accepted;
  EXPECT_TRUE(eventually([&] { return accepted.value() == 10; })) << follows.output();
  follows.signal(SIGTERM);
  EXPECT_EQ(follows.exit_code(), 0) << follows.output();
  const auto once = commands_for(to).back();
  Program sends(near, once.arguments, once.environment);
  EXPECT_EQ(sends.exit_code(), 0) << sends.output();
  EXPECT_EQ(to.ingest().of(SourceKind::kHttp).accepted.value(), 10u);
}

/// SLIPSTREAM_FORWARD_ROUNDS: how often somebody is killed or cut off (50 before a release).
TEST(ForwardChaos, EachPointOnceWhoeverIsKilled) {
  const char* const given = std::getenv("SLIPSTREAM_FORWARD_ROUNDS");
  const int rounds = given == nullptr ? 6 : std::atoi(given);
  std::mt19937 random(static_cast<unsigned>(rounds));
  TemporaryDirectory near;
  TemporaryDirectory far;
  TemporaryDirectory work;
  const auto near_data = near.path() / "data";
  const auto far_data = far.path() / "data";
  auto from = std::make_unique<ServerProcess>(near.path());
  auto to = std::make_unique<ServerProcess>(far.path());
  ASSERT_NE(from->wait_until_it_serves(), 0);
  FlakyLink link(to->wait_until_it_serves());
  auto forwarder = std::make_unique<Program>(work, forward(near_data, link.port(), {"--compress"}));
  std::uint64_t n = 0;
  const auto send_some = [&] {
    for (unsigned bodies = 1 + random() % 4; bodies > 0; --bodies) {
      const std::uint64_t count = 1 + random() % 900;
      post(from->port(), numbered(n, count));  // taken or not: its log tells
      n += count;
    }
  };
  for (int round = 0; round < rounds; ++round) {
    send_some();
    switch (round % 5) {
      case 0:
        forwarder->signal(SIGKILL);
        EXPECT_EQ(forwarder->exit_code(), 1'000 + SIGKILL);
        send_some();
        forwarder =
            std::make_unique<Program>(work, forward(near_data, link.port(), {"--compress"}));
        break;
      case 1:
        to->kill();
        send_some();
        to = std::make_unique<ServerProcess>(far.path());
        link.lead_to(to->wait_until_it_serves());
        break;
      case 2:
        link.swallow_answers(1 + static_cast<int>(random() % 2));
        break;
      case 3:
        from->kill();
        from = std::make_unique<ServerProcess>(near.path());
        ASSERT_NE(from->wait_until_it_serves(), 0);
        break;
      default:
        link.set_down(true);
        send_some();
        link.set_down(false);
    }
    send_some();
  }
  EXPECT_TRUE(forwarder->says("forwarding")) << "before that a signal ends any program";
  forwarder->signal(SIGTERM);
  EXPECT_EQ(forwarder->exit_code(), 0) << forwarder->output();
  const auto rest = run(work, forward(near_data, link.port(), {"--once"}));
  EXPECT_EQ(rest.code, 0) << rest.output;
  EXPECT_EQ(from->stop(), 0);
  EXPECT_EQ(to->stop(), 0);
  const auto sent = points_of(work, near_data);
  EXPECT_GT(sent.size(), 100u);
  EXPECT_EQ(points_of(work, far_data), sent);
}

}  // namespace
}  // namespace slipstream
