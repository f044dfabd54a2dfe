// A recorded session, sent into another server.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <regex>
#include <thread>

#include "recorded.h"

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
namespace beast_http = boost::beast::http;

TEST(SessionReplay, ByUdpAndByHttpItGivesTheSameRollups) {
  Recorded session;
  const auto recorded = rollups(session.directory(), session.data());
  ASSERT_GT(recorded.size(), 30u);
  for (const std::string scheme : {"udp", "http"}) {
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
      const auto source = scheme == "udp" ? SourceKind::kUdp : SourceKind::kHttp;
      EXPECT_TRUE(eventually(
          [&] { return server.topology().parts().ingest.of(source).accepted.value() == 240; }));
      server.stop();
    }
    EXPECT_EQ(rollups(second, data), recorded) << scheme;
  }
}

TEST(SessionReplay, KeepsThePaceOfEventTimeAndSendsWhatWaits) {
  Recorded session;
  Server server;
  Program replay(session.directory(), {"replay", "data/log", "--speed", "10", "--to",
                                       fmt::format("http://127.0.0.1:{}", server.port())});
  const auto& accepted = server.topology().parts().ingest.of(SourceKind::kHttp).accepted;
  EXPECT_TRUE(eventually([&] { return accepted.value() > 0; }));
  EXPECT_LT(accepted.value(), 200u);
  EXPECT_EQ(replay.exit_code(), 0);
  EXPECT_EQ(accepted.value(), 240u);
  static const std::regex seconds(R"( in ([0-9.]+) s)");
  std::smatch match;
  const auto output = replay.output();
  ASSERT_TRUE(std::regex_search(output, match, seconds));
  EXPECT_GE(std::stod(match[1]), 239 * 0.05 / 10 - 0.01);
}

TEST(SessionReplay, WaitsForAServerThatIsBusyAndEndsAtAnotherRefusal) {
  Recorded session;
  {
    Server server({{"HTTP_POINTS_PER_SECOND", "50"}});
    const auto replayed =
        run(session.directory(), {"replay", "data", "--speed", "12", "--to",
                                  fmt::format("http://127.0.0.1:{}/", server.port())});
    EXPECT_EQ(replayed.code, 0) << replayed.output;
    const auto& stats = server.topology().parts().ingest.of(SourceKind::kHttp);
    EXPECT_EQ(stats.accepted.value(), 240u);
    EXPECT_GT(stats.rejected[static_cast<std::size_t>(RejectReason::kRateLimited)].value(), 0u);
  }
  Server server({{"API_TOKEN_WRITE", "secret"}});
  const auto to = fmt::format("http://127.0.0.1:{}", server.port());
  const auto refused = run(session.directory(), {"replay", "data", "--speed", "max", "--to", to});
  EXPECT_EQ(refused.code, 1);
  EXPECT_THAT(refused.output, HasSubstr("answered 401: a token is needed"));
  EXPECT_EQ(run(session.directory(),
                {"replay", "data", "--speed", "max", "--to", to, "--token", "secret"})
                .code,
            0);
}

/// Stands before a server and keeps back the answer to the first request.
class LostAnswer {
 public:
  explicit LostAnswer(std::uint16_t server) : server_(server) {}
  std::uint16_t port() const { return acceptor_.local_endpoint().port(); }

 private:
  void run() {
    for (const bool is_answered : {false, true}) {
      boost::beast::error_code error;
      tcp::socket socket = acceptor_.accept(error);
      boost::beast::flat_buffer buffer;
      while (!error) {
        beast_http::request<beast_http::string_body> request;
        beast_http::read(socket, buffer, request, error);
        if (error) break;
        const auto answer = http(server_, "POST", "/api/ingest", request.body(),
                                 {{"Content-Type", "application/x-ndjson"},
                                  {"Idempotency-Key", std::string(request["Idempotency-Key"])}});
        if (!is_answered) break;
        beast_http::response<beast_http::string_body> response;
        response.result(answer.status);
        response.body() = answer.body;
        response.prepare_payload();
        beast_http::write(socket, response, error);
      }
    }
  }

  const std::uint16_t server_;
  boost::asio::io_context context_;
  tcp::acceptor acceptor_{context_, {boost::asio::ip::address_v4::loopback(), 0}};
  std::jthread thread_{[this] { run(); }};
};

TEST(SessionReplay, ABodyWhoseAnswerWasLostIsSentAgainAndCountsOnce) {
  Recorded session;
  Server server;
  LostAnswer between(server.port());
  const auto replayed =
      run(session.directory(), {"replay", "data", "--speed", "max", "--to",
                                fmt::format("http://127.0.0.1:{}", between.port())});
  EXPECT_EQ(replayed.code, 0) << replayed.output;
  EXPECT_EQ(server.topology().parts().ingest.of(SourceKind::kHttp).accepted.value(), 240u);
}

}  // namespace
}  // namespace slipstream
