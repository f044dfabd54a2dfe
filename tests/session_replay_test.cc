// A recorded session, sent into another server.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <regex>
#include <thread>

#include "recorded.h"
#include "source/udp_socket.h"

namespace slipstream {
namespace {

using boost::asio::ip::tcp;
using harness::eventually;
using harness::http;
using harness::Program;
using harness::Recorded;
using harness::rollups;
using harness::run;
using harness::Server;
using harness::TemporaryDirectory;
using testing::HasSubstr;

SourceKind source_of(std::string_view scheme) {
  return scheme == "udp"    ? SourceKind::kUdp
         : scheme == "http" ? SourceKind::kHttp
                            : SourceKind::kWebSocket;
}

TEST(SessionReplay, ByEveryWayItGivesTheSameRollups) {
  Recorded session;
  const auto recorded = rollups(session.directory(), session.data());
  ASSERT_GT(recorded.size(), 30u);
  for (const std::string scheme : {"udp", "http", "ws"}) {
    TemporaryDirectory second;
    const auto data = second.path() / "data";
    {
      Server server({{"DATA_DIR", data.string()}});
      const auto replayed = run(session.directory(),
                                {"replay", "data", "--speed", "max", "--to",
                                 fmt::format("{}://127.0.0.1:{}", scheme,
                                             scheme == "udp" ? server.udp_port() : server.port())});
      EXPECT_EQ(replayed.code, 0) << replayed.output;
      EXPECT_THAT(replayed.output, HasSubstr("240 points sent to " + scheme));
      const auto& accepted = server.ingest().of(source_of(scheme)).accepted;
      EXPECT_TRUE(eventually([&] { return accepted.value() == 240; }));
      server.stop();
    }
    EXPECT_EQ(rollups(second, data), recorded) << scheme;
  }
}

TEST(SessionReplay, ByUdpTheServerIsAskedWhatCame) {
  TemporaryDirectory directory;
  constexpr int kPoints = 20'000;
  {
    std::ofstream file(directory.path() / "many.json");
    for (int n = 0; n < kPoints; ++n) file << harness::point(n) << '\n';
    std::ofstream bad(directory.path() / "bad.json");
    // What the server refuses, and a recording may hold.
    bad << harness::point(0) << "\n"
        << fmt::format(R"({{"meta_time":"{}","track":"a","chassis":"b"}})",
                       iso_time(SystemClock().now().ns + 24 * 3'600 * kNsPerSecond))
        << '\n';
  }
  Server server;
  const auto to = fmt::format("udp://127.0.0.1:{}", server.udp_port());
  const auto check = fmt::format("http://127.0.0.1:{}", server.port());
  const auto replay = [&](const std::string& file, const std::vector<std::string>& more) {
    std::vector<std::string> arguments{"replay", file, "--speed", "max", "--to", to};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run(directory, arguments);
  };
  const auto all = replay("many.json", {"--check", check});
  EXPECT_EQ(all.code, 0) << all.output;
  EXPECT_THAT(all.output, HasSubstr("the server counted 20000 accepted and 0 rejected, the kernel "
                                    "dropped 0, 0 did not come"));
  EXPECT_EQ(server.ingest().of(SourceKind::kUdp).accepted.value(), std::uint64_t{kPoints});
  const auto some = replay("bad.json", {"--check", check});
  EXPECT_EQ(some.code, 1) << some.output;
  EXPECT_THAT(some.output, HasSubstr("counted 1 accepted and 1 rejected"));
  EXPECT_THAT(some.output, HasSubstr("the server did not take 1 points"));
  const auto unchecked = replay("bad.json", {});
  EXPECT_EQ(unchecked.code, 0) << unchecked.output;
  EXPECT_THAT(unchecked.output, HasSubstr("by UDP nobody answers: --check"));
  const auto nobody = replay("bad.json", {"--check", "http://127.0.0.1:1"});
  EXPECT_EQ(nobody.code, 1) << nobody.output;
  EXPECT_THAT(nobody.output, HasSubstr("--check: 127.0.0.1:1"));
  EXPECT_EQ(replay("bad.json", {"--check", to}).code, 2);
}

TEST(SessionReplay, WhatDoesNotComeByUdpHoldsUpNothing) {
  TemporaryDirectory directory;
  {
    std::ofstream file(directory.path() / "many.json");
    for (int n = 0; n < 1'500; ++n) file << harness::point(n) << '\n';
  }
  // Nobody reads it.
  const auto unread = UdpSocket::open({.host = "127.0.0.1", .port = 0});
  ASSERT_TRUE(unread);
  Server server;
  const auto replayed =
      run(directory, {"replay", "many.json", "--speed", "max", "--to",
                      fmt::format("udp://127.0.0.1:{}", unread->port()), "--check",
                      fmt::format("http://127.0.0.1:{}", server.port())});
  EXPECT_EQ(replayed.code, 1) << replayed.output;
  EXPECT_THAT(replayed.output, HasSubstr("the kernel dropped 0, 1500 did not come"));
  EXPECT_THAT(replayed.output, HasSubstr("the server did not take 1500 points"));
}

TEST(SessionReplay, KeepsThePaceOfEventTimeAndSendsWhatWaits) {
  Recorded session;
  const auto command = [](const Server& server, const std::string& speed) {
    return std::vector<std::string>{"replay",  "data/log",
                                    "--speed", speed,
                                    "--to",    fmt::format("http://127.0.0.1:{}", server.port())};
  };
  {
    Server server;
    const Program slow(session.directory(), command(server, "0.01"));  // 20 min
    const auto& accepted = server.ingest().of(SourceKind::kHttp).accepted;
    EXPECT_TRUE(eventually([&] { return accepted.value() > 0; })) << slow.output();
    EXPECT_LT(accepted.value(), 200u);
  }
  Server server;
  Program replay(session.directory(), command(server, "10"));
  const auto& accepted = server.ingest().of(SourceKind::kHttp).accepted;
  EXPECT_EQ(replay.exit_code(), 0);
  EXPECT_EQ(accepted.value(), 240u);
  static const std::regex seconds(R"( in ([0-9.]+) s)");
  std::smatch match;
  const auto output = replay.output();
  ASSERT_TRUE(std::regex_search(output, match, seconds));
  EXPECT_GE(std::stod(match[1]), 239 * 0.05 / 10 - 0.01);
}

class ToAServer : public testing::TestWithParam<std::string> {
 protected:
  harness::Ran replay(std::uint16_t port, std::vector<std::string> more) const {
    std::vector<std::string> arguments = {"replay", "data", "--to",
                                          fmt::format("{}://127.0.0.1:{}/", GetParam(), port)};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run(session_.directory(), arguments);
  }
  const IngestStats::PerSource& stats(Server& server) const {
    return server.ingest().of(source_of(GetParam()));
  }
  Recorded session_;
};
INSTANTIATE_TEST_SUITE_P(SessionReplay, ToAServer, testing::Values("http", "ws"),
                         [](const auto& scheme) { return scheme.param; });

TEST_P(ToAServer, WaitsWhileItIsBusyAndEndsAtAnotherRefusal) {
  {
    Server server({{"HTTP_POINTS_PER_SECOND", "50"}});
    const auto replayed = replay(server.port(), {"--speed", "12"});
    EXPECT_EQ(replayed.code, 0) << replayed.output;
    EXPECT_EQ(stats(server).accepted.value(), 240u);
    const auto& rejected = stats(server).rejected;
    EXPECT_GT(rejected[static_cast<std::size_t>(RejectReason::kRateLimited)].value(), 0u);
  }
  Server server({{"API_TOKEN_WRITE", "secret"}});
  const auto refused = replay(server.port(), {"--speed", "max"});
  EXPECT_EQ(refused.code, 1);
  EXPECT_THAT(refused.output,
              HasSubstr(GetParam() == "http" ? "answered 401: a token is needed"
                                             : "answered unauthorized: a token is needed"));
  EXPECT_EQ(replay(server.port(), {"--speed", "max", "--token", "secret"}).code, 0);
}

TEST_P(ToAServer, EndsWhereItIsAStrangerOrNobodyIsThere) {
  Server server({{"API_TOKEN_READ", "secret"}, {"API_TOKEN_WRITE", "secret"}});
  const auto stranger = replay(server.port(), {"--speed", "max", "--token", "other"});
  EXPECT_EQ(stranger.code, 1);
  EXPECT_THAT(stranger.output, HasSubstr("after 0 points"));
  EXPECT_THAT(stranger.output, HasSubstr("answered 401"));
  boost::asio::io_context context;
  const tcp::socket nobody(context, {boost::asio::ip::address_v4::loopback(), 0});
  EXPECT_THAT(replay(nobody.local_endpoint().port(), {"--speed", "max"}).output,
              HasSubstr("Connection refused"));
}

/// Stands before a server, and ends the first connection where it would have been told that its
/// points are taken.
class LostAnswer {
 public:
  explicit LostAnswer(std::uint16_t server) : server_(server) {}
  std::uint16_t port() const { return acceptor_.local_endpoint().port(); }

 private:
  /// Until either end is closed, or `word` comes; whether it came.
  static bool pump(tcp::socket& from, tcp::socket& to, std::string_view word) {
    std::string seen;
    std::array<char, 65536> bytes{};
    boost::system::error_code error;
    while (!error) {
      const std::size_t count = from.read_some(boost::asio::buffer(bytes), error);
      seen.append(bytes.data(), count);
      if (!word.empty() && seen.contains(word)) return true;
      if (!error) boost::asio::write(to, boost::asio::buffer(bytes.data(), count), error);
    }
    return false;
  }
  static void end(tcp::socket& socket) {
    boost::system::error_code ignored;
    socket.shutdown(tcp::socket::shutdown_both, ignored);
  }
  void run() {
    for (const bool is_first : {true, false}) {
      boost::system::error_code error;
      tcp::socket client = acceptor_.accept(error);
      tcp::socket server(context_);
      server.connect({boost::asio::ip::address_v4::loopback(), server_}, error);
      std::jthread up([&] {
        pump(client, server, {});
        end(server);
      });
      const bool has_come = pump(server, client, is_first ? R"("accepted":)" : "");
      EXPECT_EQ(has_come, is_first);
      end(client);
      end(server);
    }
  }

  const std::uint16_t server_;
  boost::asio::io_context context_;
  tcp::acceptor acceptor_{context_, {boost::asio::ip::address_v4::loopback(), 0}};
  std::jthread thread_{[this] { run(); }};
};

TEST_P(ToAServer, ABodyWhoseAnswerWasLostIsSentAgainAndCountsOnce) {
  Server server;
  LostAnswer between(server.port());
  const auto replayed = replay(between.port(), {"--speed", "max"});
  EXPECT_EQ(replayed.code, 0) << replayed.output;
  EXPECT_EQ(stats(server).accepted.value(), 240u);
}

}  // namespace
}  // namespace slipstream
