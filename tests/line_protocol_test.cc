// Senders that speak InfluxDB's line protocol: by HTTP as to InfluxDB, and by UDP.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness.h"
#include "net/packed_testing.h"
#include "net/testing.h"
#include "source/udp_sender.h"

namespace slipstream {
namespace {

using harness::eventually;
using harness::gzip;
using harness::http;
using harness::metric;
using harness::Server;
using net_testing::get;
using net_testing::RawClient;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

std::string recent(const Server& server, const std::string& chassis) {
  std::string body;
  eventually([&] {
    body = http(server.port(), "GET", "/api/recent/10?chassis=" + chassis).body;
    return body.find(chassis) != std::string::npos;
  });
  return body;
}

TEST(LineProtocol, IsTakenAsInfluxTakesIt) {
  Server server;
  for (const auto target : {"/write?db=telegraf", "/api/v2/write?org=o&bucket=b"}) {
    const auto answer = http(server.port(), "POST", target,
                             "cota,chassis=one speed_kmh=100 1756999999000000000\n"
                             "cota,chassis=one speed_kmh=101 1756999999100000000\n");
    EXPECT_EQ(answer.status, 204u) << target;
    EXPECT_EQ(answer.body, "");
  }
  EXPECT_THAT(recent(server, "one"), HasSubstr(R"("meta_time":"2025-09-04T15:33:19.100Z")"));
  EXPECT_EQ(http(server.port(), "POST", "/write", gzip("cota,chassis=packed rpm=1"),
                 {{"Content-Encoding", "gzip"}})
                .status,
            204u);
  EXPECT_THAT(recent(server, "packed"), HasSubstr(R"("rpm":1)"));
}

TEST(LineProtocol, PrecisionIsHonoured) {
  Server server;
  struct Case {
    std::string precision;
    std::string stamp;
  };
  int turn = 0;
  for (const auto& [precision, stamp] :
       {Case{"ns", "1756999999123000000"}, Case{"n", "1756999999123000000"},
        Case{"us", "1756999999123000"}, Case{"u", "1756999999123000"},
        Case{"ms", "1756999999123"}}) {
    const auto chassis = fmt::format("car{}", ++turn);
    EXPECT_EQ(http(server.port(), "POST", "/api/v2/write?precision=" + precision,
                   fmt::format("cota,chassis={} rpm=1 {}", chassis, stamp))
                  .status,
              204u);
    EXPECT_THAT(recent(server, chassis), HasSubstr(R"("meta_time":"2025-09-04T15:33:19.123Z")"))
        << precision;
  }
  EXPECT_EQ(
      http(server.port(), "POST", "/write?precision=s", "cota,chassis=s rpm=1 1756999999").status,
      204u);
  EXPECT_THAT(recent(server, "s"), HasSubstr(R"("meta_time":"2025-09-04T15:33:19Z")"));
  const auto refused = http(server.port(), "POST", "/write?precision=week", "cota,chassis=a rpm=1");
  EXPECT_EQ(refused.status, 400u);
  EXPECT_THAT(refused.body, StartsWith(R"({"code":"invalid","message":"precision)"));
}

TEST(LineProtocol, SaysWhatIsWrongAsInfluxDoes) {
  Server server({{"MAX_BODY_BYTES", "2000"}});
  const auto partial = http(server.port(), "POST", "/write",
                            "cota,chassis=good rpm=1\ncota rpm=1\ncota,chassis=fine rpm=1");
  EXPECT_EQ(partial.status, 400u);
  EXPECT_THAT(partial.body,
              HasSubstr(R"({"code":"invalid","message":"partial write: 1 of 3 points )"
                        R"(refused; point 1: missing_dimension)"));
  EXPECT_THAT(recent(server, "fine"), HasSubstr("fine"));
  const auto none = http(server.port(), "POST", "/write", "nonsense");
  EXPECT_EQ(none.status, 400u);
  EXPECT_THAT(none.body,
              StartsWith(R"({"code":"invalid","message":"point 0: malformed_csv: line )"));
  EXPECT_EQ(http(server.port(), "POST", "/write", "").status, 400u);
  EXPECT_EQ(http(server.port(), "POST", "/write", "x", {{"Content-Encoding", "br"}}).status, 415u);
  const auto bomb = http(server.port(), "POST", "/write", gzip(std::string(5'000, ' ')),
                         {{"Content-Encoding", "gzip"}});
  EXPECT_EQ(bomb.status, 413u);
  EXPECT_THAT(bomb.body, StartsWith(R"({"code":"request too large")"));
}

TEST(LineProtocol, IsToldAsInfluxTellsItWhoeverRefuses) {
  Server server({{"MAX_BODY_BYTES", "2000"}, {"REQUESTS_PER_SECOND", "100"}});
  const std::string post = "POST /write?db=telegraf HTTP/1.1\r\nHost: localhost\r\n";
  std::string many;
  for (int i = 0; i < 101; ++i) many += fmt::format("X-{}: 1\r\n", i);
  struct Case {
    std::string request;
    unsigned status;
    std::string code;
    std::string message;
  };
  for (const auto& [request, status, code, message] :
       {Case{"GET /write HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", 405,
             "method not allowed", "the method is not allowed here: POST"},
        Case{post + "Content-Length: 2001\r\n\r\n", 413, "request too large",
             "the body is larger than 2000 bytes"},
        Case{post + "Origin: https://evil.example\r\nContent-Length: 1\r\n\r\n", 403, "forbidden",
             "pages of this origin may not use the server"},
        Case{post + many + "Connection: close\r\n\r\n", 431, "invalid",
             "more than 100 header fields"},
        Case{post + "X-Long: " + std::string(20'000, 'x'), 431, "invalid",
             "the head is larger than 16384 bytes"},
        Case{"POST /write?" + std::string(8'192, 'q') + " HTTP/1.1\r\nHost: x\r\n\r\n", 414,
             "invalid", "the target is longer than 8192 bytes"},
        Case{"POST /api/v2/write?" + std::string(20'000, 'q'), 414, "invalid",
             "the request line is too long"},
        Case{"POST /write?% HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 400, "invalid",
             "the request's target is no path"},
        Case{post + "no field\r\n\r\n", 400, "invalid",
             "malformed HTTP: a header field has no colon"},
        Case{post + "Transfer-Encoding: chunked\r\n\r\nno size\r\n", 400, "invalid",
             "malformed HTTP: bad chunk"},
        Case{"GET /write HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n"
             "Upgrade: websocket\r\n\r\n",
             404, "not found", "no WebSocket at this path"}}) {
    const auto answer = RawClient(server.port()).ask(request);
    EXPECT_THAT(answer, StartsWith(fmt::format("HTTP/1.1 {} ", status)));
    EXPECT_THAT(answer, EndsWith(fmt::format("\r\n\r\n{{\"code\":\"{}\",\"message\":\"{}\"}}", code,
                                             message)));
  }
  EXPECT_THAT(RawClient(server.port()).ask(get("/write/elsewhere")),
              HasSubstr(R"({"ok":false,"error":)"))
      << "which is no path of InfluxDB's";
  std::string all;
  for (int i = 0; i < 1'000; ++i) all += "GET /write HTTP/1.1\r\nHost: localhost\r\n\r\n";
  EXPECT_THAT(RawClient(server.port()).ask(all + get("/write")),
              HasSubstr(R"({"code":"too many requests","message":"too many requests a second)"));
}

TEST(LineProtocol, TokensAreShownAsInfluxsClientsShowThem) {
  Server server({{"API_TOKEN_WRITE", "write-token-of-a-car"}});
  const std::string line = "cota,chassis=a rpm=1";
  const auto refused = http(server.port(), "POST", "/api/v2/write", line);
  EXPECT_EQ(refused.status, 401u);
  EXPECT_THAT(refused.body, StartsWith(R"({"code":"unauthorized","message":)"));
  EXPECT_EQ(http(server.port(), "POST", "/api/v2/write", line,
                 {{"Authorization", "Token write-token-of-a-car"}})
                .status,
            204u);
  EXPECT_EQ(metric(server.port(),
                   R"(slipstream_points_rejected_total{source="http",reason="unauthorized"})"),
            1);
}

TEST(LineProtocol, ComesByUdpBesideOtherFormats) {
  Server server;
  auto sender = UdpSender::open("127.0.0.1", server.udp_port());
  ASSERT_TRUE(sender->send("cota,chassis=lines,lap=2 speed_kmh=88\ncota rpm=1\n"));
  ASSERT_TRUE(sender->send(",cota,commas,1,10,100"));
  EXPECT_THAT(recent(server, "lines"), HasSubstr(R"("lap":2,"speed_kmh":88)"));
  EXPECT_THAT(recent(server, "commas"), HasSubstr(R"("speed_kmh":100)"));
  EXPECT_EQ(metric(server.port(),
                   R"(slipstream_points_rejected_total{source="udp",reason="missing_dimension"})"),
            1);
}

}  // namespace
}  // namespace slipstream
