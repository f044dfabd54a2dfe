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
  EXPECT_EQ(refused.body, R"({"error":"precision is not understood: n, u, ms, s, m or h is"})");
  EXPECT_THAT(
      http(server.port(), "POST", "/api/v2/write?precision=week", "cota,chassis=a rpm=1").body,
      StartsWith(R"({"code":"invalid","message":"precision)"));
  EXPECT_THAT(
      http(server.port(), "POST", "/api/v3/write_lp?precision=week", "x,chassis=a rpm=1").body,
      StartsWith(R"({"error":"precision)"));
}

TEST(LineProtocol, PrecisionOfTheThirdApiIsToldByTheNumberUnlessItIsSaid) {
  Server server;
  struct Case {
    std::string query;
    std::string stamp;
  };
  int turn = 0;
  for (const auto& [query, stamp] :
       {Case{"", "1756999999123000000"}, Case{"&precision=auto", "1756999999123"},
        Case{"&precision=nanosecond", "1756999999123000000"},
        Case{"&precision=microsecond", "1756999999123000"},
        Case{"&precision=millisecond&no_sync=true", "1756999999123"},
        Case{"&precision=ms&no_sync=false&accept_partial=false", "1756999999123"}}) {
    const auto chassis = fmt::format("car{}", ++turn);
    EXPECT_EQ(http(server.port(), "POST", "/api/v3/write_lp?db=sensors" + query,
                   fmt::format("cota,chassis={} rpm=1 {}", chassis, stamp))
                  .status,
              204u)
        << query;
    EXPECT_THAT(recent(server, chassis), HasSubstr(R"("meta_time":"2025-09-04T15:33:19.123Z")"))
        << query;
  }
}

TEST(LineProtocol, SaysWhatIsWrongAsInfluxDoes) {
  Server server({{"MAX_BODY_BYTES", "2000"}});
  const std::string three =
      "cota,chassis=good rpm=1\ncota,chassis=b rpm=x\ncota,chassis=fine rpm=1";
  const auto partial = http(server.port(), "POST", "/api/v2/write", three);
  EXPECT_EQ(partial.status, 400u);
  EXPECT_THAT(partial.body,
              HasSubstr(R"({"code":"invalid","message":"partial write: 1 of 3 points )"
                        R"(refused; point 1: bad_number)"));
  EXPECT_THAT(recent(server, "fine"), HasSubstr("fine"));
  const auto none = http(server.port(), "POST", "/api/v2/write", "nonsense");
  EXPECT_EQ(none.status, 400u);
  EXPECT_THAT(none.body,
              StartsWith(R"({"code":"invalid","message":"point 0: malformed_csv: line )"));
  EXPECT_EQ(http(server.port(), "POST", "/api/v2/write", "").status, 400u);
  EXPECT_EQ(http(server.port(), "POST", "/write", "x", {{"Content-Encoding", "br"}}).status, 415u);
  const auto bomb = http(server.port(), "POST", "/api/v2/write", gzip(std::string(5'000, ' ')),
                         {{"Content-Encoding", "gzip"}});
  EXPECT_EQ(bomb.status, 413u);
  EXPECT_THAT(bomb.body, StartsWith(R"({"code":"request too large")"));
}

TEST(LineProtocol, TheFirstApiSaysItInItsHeaderToo) {
  Server server({{"MAX_BODY_BYTES", "2000"}});
  const std::string two = "cota,chassis=a rpm=1\ncota,chassis=b rpm=x";
  auto partial = http(server.port(), "POST", "/write", two);
  EXPECT_EQ(partial.status, 400u);
  EXPECT_THAT(partial.body,
              StartsWith(R"({"error":"partial write: 1 of 2 points refused; point 1)"));
  EXPECT_THAT(partial.headers["x-influxdb-error"], StartsWith("partial write: 1 of 2 points"));
  // Telegraf sends a body again for ever unless it is told so.
  auto none = http(server.port(), "POST", "/write", "nonsense");
  EXPECT_EQ(none.status, 400u);
  EXPECT_THAT(none.body, StartsWith(R"({"error":"unable to parse: point 0: malformed_csv: line )"));
  EXPECT_THAT(none.headers["x-influxdb-error"], StartsWith("unable to parse: point 0"));
  auto large = http(server.port(), "POST", "/write", std::string(2'001, 'x'));
  EXPECT_EQ(large.status, 413u);
  EXPECT_EQ(large.body, R"({"error":"the body is larger than 2000 bytes"})");
  EXPECT_EQ(large.headers["x-influxdb-error"], "the body is larger than 2000 bytes");
  for (const auto* const empty : {"", "\n", "# a comment\n"}) {
    EXPECT_EQ(http(server.port(), "POST", "/write", empty).status, 204u) << empty;
  }
  EXPECT_EQ(
      metric(server.port(), R"(slipstream_points_rejected_total{source="http",reason="empty"})"),
      0);
}

TEST(LineProtocol, TheThirdApiListsWhatItRefuses) {
  Server server;
  const std::string two = "cota,chassis=a rpm=1\ncota,chassis=b rpm=x";
  const std::string list =
      R"("data":[{"original_line":"","line_number":2,"error_message":"bad_number: )";
  const auto partial = http(server.port(), "POST", "/api/v3/write_lp?db=d", two);
  EXPECT_EQ(partial.status, 400u);
  EXPECT_THAT(partial.body,
              StartsWith(R"({"error":"partial write of line protocol occurred",)" + list));
  EXPECT_THAT(recent(server, "a"), HasSubstr(R"("rpm":1)"));
  const auto all = http(server.port(), "POST", "/api/v3/write_lp?db=d&accept_partial=false",
                        "cota,chassis=none rpm=1\ncota,chassis=b rpm=x");
  EXPECT_EQ(all.status, 400u);
  EXPECT_THAT(all.body, StartsWith(R"({"error":"parsing failed for write_lp endpoint",)" + list));
  EXPECT_EQ(http(server.port(), "POST", "/api/v3/write_lp?accept_partial=maybe", two).status, 400u);
  EXPECT_EQ(http(server.port(), "POST", "/api/v3/write_lp", "cota,chassis=last rpm=1").status,
            204u);
  EXPECT_THAT(recent(server, "last"), testing::Not(HasSubstr("none")));
  EXPECT_EQ(server.ingest().of(SourceKind::kHttp).received.value(),
            server.ingest().of(SourceKind::kHttp).accepted.value() + 2);
}

TEST(LineProtocol, WhatClientsAskBeforeTheyWriteIsAnswered) {
  Server server;
  for (const auto* const method : {"GET", "HEAD"}) {
    auto ping = http(server.port(), method, "/ping");
    EXPECT_EQ(ping.status, 204u);
    EXPECT_EQ(ping.body, "");
    EXPECT_EQ(ping.headers["x-influxdb-version"], "1.8.10");
  }
  const auto verbose = http(server.port(), "GET", "/ping?verbose=true&wait_for_leader=1s");
  EXPECT_EQ(verbose.status, 200u);
  EXPECT_EQ(verbose.body, R"({"version":"1.8.10"})");
  EXPECT_EQ(http(server.port(), "GET", "/ping?verbose=false").status, 204u);
  const auto health = http(server.port(), "GET", "/health");
  EXPECT_EQ(health.status, 200u);
  EXPECT_THAT(health.body, HasSubstr(R"("status":"pass")"));

  const std::string made = R"({"results":[{"statement_id":0}]})";
  const std::string none =
      R"({"results":[{"statement_id":0,"series":[{"name":"databases","columns":["name"]}]}]})";
  EXPECT_EQ(http(server.port(), "POST", "/query?q=CREATE+DATABASE+%22telegraf%22").body, made);
  EXPECT_EQ(http(server.port(), "POST", "/query", "q=CREATE+DATABASE+%22telegraf%22&db=",
                 {{"Content-Type", "application/x-www-form-urlencoded"}})
                .body,
            made);
  for (const auto* const method : {"GET", "POST"}) {
    const auto shown = http(server.port(), method, "/query?db=x&pretty=true&q=show%20databases;");
    EXPECT_EQ(shown.status, 200u);
    EXPECT_EQ(shown.body, none);
    auto refused = http(server.port(), method, "/query?q=SELECT+*+FROM+cpu");
    EXPECT_EQ(refused.status, 400u);
    EXPECT_THAT(refused.body, StartsWith(R"({"error":"no query is answered here but)"));
    EXPECT_THAT(refused.headers["x-influxdb-error"], HasSubstr("/api/rollups"));
    EXPECT_EQ(http(server.port(), method, "/query").status, 400u);
  }
  const auto flux = http(server.port(), "POST", "/api/v2/query?org=o", R"({"query":"from"})");
  EXPECT_EQ(flux.status, 400u);
  EXPECT_THAT(flux.body, StartsWith(R"({"code":"invalid","message":"Flux is not answered here)"));
  EXPECT_THAT(flux.body, HasSubstr("/api/rollups"));
}

TEST(LineProtocol, IsToldAsInfluxTellsItWhoeverRefuses) {
  Server server({{"MAX_BODY_BYTES", "2000"}, {"REQUESTS_PER_SECOND", "20"}});
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
    if (request.find("/api/v2/") == std::string::npos) {
      EXPECT_THAT(answer, EndsWith(fmt::format("\r\n\r\n{{\"error\":\"{}\"}}", message)));
      EXPECT_THAT(answer, HasSubstr(fmt::format("\r\nX-Influxdb-Error: {}\r\n", message)));
      continue;
    }
    EXPECT_THAT(answer, EndsWith(fmt::format("\r\n\r\n{{\"code\":\"{}\",\"message\":\"{}\"}}", code,
                                             message)));
  }
  EXPECT_THAT(RawClient(server.port()).ask(get("/write/elsewhere")),
              HasSubstr(R"({"ok":false,"error":)"))
      << "which is no path of InfluxDB's";
  std::string all;
  for (int i = 0; i < 1'000; ++i) all += "GET /write HTTP/1.1\r\nHost: localhost\r\n\r\n";
  EXPECT_THAT(RawClient(server.port()).ask(all + get("/write")),
              HasSubstr(R"({"error":"too many requests a second)"));
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
  // The user's name is nobody's here, the password is the token.
  const std::string shown = "u=telegraf&p=write-token-of-a-car";
  EXPECT_EQ(http(server.port(), "POST", "/write?db=d&" + shown, line).status, 204u);
  EXPECT_EQ(http(server.port(), "POST", "/write", line,
                 {{"Authorization", "Basic dGVsZWdyYWY6d3JpdGUtdG9rZW4tb2YtYS1jYXI="}})
                .status,
            204u);
  EXPECT_EQ(http(server.port(), "POST", "/query?q=CREATE+DATABASE+d&" + shown).status, 200u);
  auto stranger = http(server.port(), "POST", "/write?u=telegraf&p=guessed", line);
  EXPECT_EQ(stranger.status, 401u);
  EXPECT_THAT(stranger.headers["x-influxdb-error"], HasSubstr("a token is needed"));
  EXPECT_EQ(http(server.port(), "POST", "/query?q=CREATE+DATABASE+d").status, 401u);
  EXPECT_EQ(http(server.port(), "POST", "/api/ingest?" + shown, "{}").status, 401u)
      << "which is none of InfluxDB's paths";
  for (const auto* const open : {"/ping", "/health"}) {
    EXPECT_LT(http(server.port(), "GET", open).status, 300u) << open;
  }
}

TEST(LineProtocol, ComesByUdpBesideOtherFormats) {
  Server server;
  auto sender = UdpSender::open("127.0.0.1", server.udp_port());
  ASSERT_TRUE(sender->send("cota,chassis=lines,lap=2 speed_kmh=88\ncota chassis=\"\"\n"));
  ASSERT_TRUE(sender->send(",cota,commas,1,10,100"));
  EXPECT_THAT(recent(server, "lines"), HasSubstr(R"("lap":2,"speed_kmh":88)"));
  EXPECT_THAT(recent(server, "commas"), HasSubstr(R"("speed_kmh":100)"));
  EXPECT_EQ(metric(server.port(),
                   R"(slipstream_points_rejected_total{source="udp",reason="missing_dimension"})"),
            1);
}

}  // namespace
}  // namespace slipstream
