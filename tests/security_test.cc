// The edge of a whole server: each guard lets in who shows the right thing and refuses who does
// not.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "app/http_component.h"
#include "harness.h"
#include "net/testing.h"
#include "net/tls_testing.h"
#include "program.h"
#include "source/testing.h"

namespace slipstream {
namespace {

using harness::eventually;
using harness::metric;
using harness::Server;
using net_testing::get;
using net_testing::RawClient;
using net_testing::TlsClient;
using source_testing::good_point;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

unsigned status_of(const std::string& answer) {
  return answer.starts_with("HTTP/1.1 ") ? static_cast<unsigned>(std::stoi(answer.substr(9, 3)))
                                         : 0u;
}

std::string post(const std::string& target, const std::string& body,
                 const std::string& more_headers = "") {
  return fmt::format(
      "POST {} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {}\r\n{}"
      "\r\n{}",
      target, body.size(), more_headers, body);
}

std::string upgrade(const std::string& target, const std::string& more_headers = "") {
  return fmt::format(
      "GET {} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{}\r\n",
      target, more_headers);
}

std::string bearer(const std::string& token) {
  return token.empty() ? "" : "Authorization: Bearer " + token + "\r\n";
}

unsigned ask(std::uint16_t port, const std::string& request) {
  RawClient client(port);
  client.send(request);
  return status_of(client.read_until("\r\n\r\n"));
}

const std::string kSocket = "/ws/realtime";

TEST(Tokens, EachLetsInWhereItMayAndNowhereElse) {
  Server server({{"API_TOKEN_READ", "read-token-of-the-pit-wall"},
                 {"API_TOKEN_WRITE", "write-token-of-a-car"},
                 {"API_TOKEN_ADMIN", "admin-token-of-the-chief"},
                 {"PROTECT_METRICS", "true"}});
  struct Case {
    std::string token;
    unsigned open, read, write, admin;
  };
  for (const auto& [token, open, read, write, admin] :
       {Case{"", 200, 401, 401, 401}, Case{"nobody's", 200, 401, 401, 401},
        Case{"read-token-of-the-pit-wall", 200, 200, 403, 403},
        Case{"write-token-of-a-car", 200, 403, 200, 403},
        Case{"admin-token-of-the-chief", 200, 200, 200, 200}}) {
    SCOPED_TRACE("token '" + token + "'");
    for (const auto target : {"/healthz", "/readyz", "/", "/app.js", "/app.css"}) {
      EXPECT_EQ(ask(server.port(), get(target, bearer(token))), open) << target;
    }
    for (const auto target : {"/api/recent/1", "/api/rollups", "/api/series", "/api/health"}) {
      EXPECT_EQ(ask(server.port(), get(target, bearer(token))), read) << target;
    }
    EXPECT_EQ(ask(server.port(), post("/api/ingest", good_point("a"), bearer(token))), write);
    EXPECT_EQ(ask(server.port(), get("/metrics", bearer(token))), admin);
    const unsigned socket = read == 200 ? 101 : read;
    EXPECT_EQ(ask(server.port(), upgrade(kSocket, bearer(token))), socket);
    EXPECT_EQ(ask(server.port(), upgrade(kSocket + "?token=" + token)),
              token == "nobody's" ? 401 : socket);
  }
  EXPECT_EQ(ask(server.port(), get("/api/recent/1?token=read-token-of-the-pit-wall")), 401u)
      << "addresses are logged by proxies, so that only a WebSocket may show its token there";
  const auto& stats = server.component<HttpComponent>().guard_stats();
  EXPECT_GT(stats.no_token.value(), 0u);
  EXPECT_GT(stats.wrong_scope.value(), 0u);
}

TEST(Tokens, RefusedPointsAreCountedAndTheAnswerSaysHowToComeIn) {
  Server server({{"API_TOKEN_WRITE", "write-token-of-a-car"}});
  const auto refused = RawClient(server.port()).ask(post("/api/ingest", good_point("a")));
  EXPECT_THAT(refused, StartsWith("HTTP/1.1 401 Unauthorized"));
  EXPECT_THAT(refused, HasSubstr("\r\nWWW-Authenticate: Bearer"));
  EXPECT_THAT(refused, HasSubstr(R"({"ok":false,"accepted":0,"rejected":1,"errors":[{"index":0,)"
                                 R"("reason":"unauthorized")"));
  EXPECT_EQ(metric(server.port(),
                   R"(slipstream_points_rejected_total{source="http",reason="unauthorized"})"),
            1)
      << "and figures can be read: no token asks for that";
  EXPECT_EQ(ask(server.port(), upgrade(kSocket)), 101u);
}

TEST(Tokens, StrangersBodyIsNotRead) {
  Server server({{"API_TOKEN_WRITE", "write-token-of-a-car"}});
  RawClient stranger(server.port());
  stranger.send(
      "POST /api/ingest HTTP/1.1\r\nHost: localhost\r\nContent-Length: 16000000\r\n\r\n{");
  EXPECT_THAT(stranger.read_until("\r\n\r\n"), StartsWith("HTTP/1.1 401"));
}

TEST(Tokens, OfTheFileByTextOrDigest) {
  Server server({}, R"(
[[security.tokens]]
name = "pit wall"
token = "a token in clear text"
scopes = ["read"]
[[security.tokens]]
name = "garage"
token_sha256 = "9F86D081884C7D659A2FEAA0C55AD015A3BF4F1B2B0B822CD15D6C15B0F00A08"
scopes = ["read", "write"]
)");
  const auto write = [&](const std::string& token) {
    return ask(server.port(), post("/api/ingest", good_point("a"), bearer(token)));
  };
  EXPECT_EQ(ask(server.port(), get("/api/series", bearer("a token in clear text"))), 200u);
  EXPECT_EQ(ask(server.port(), get("/api/series", bearer("test"))), 200u);
  EXPECT_EQ(write("a token in clear text"), 403u);
  EXPECT_EQ(write("test"), 200u);
  EXPECT_EQ(write("Test"), 401u);
}

/// A client's text frame, masked with zeros.
std::string frame(const std::string& text) {
  std::string out = "\x81";
  out += static_cast<char>(0x80 | (text.size() < 126 ? text.size() : 126));
  if (text.size() >= 126) {
    out += static_cast<char>(text.size() >> 8);
    out += static_cast<char>(text.size() & 0xff);
  }
  return out + std::string(4, '\0') + text;
}

TEST(Tokens, PublishingOnAWebSocketNeedsWriteBesideRead) {
  Server server({}, R"(
[[security.tokens]]
name = "pit wall"
token = "read-token-of-the-pit-wall"
scopes = ["read"]
[[security.tokens]]
name = "car"
token = "read-and-write-token-of-a-car"
scopes = ["read", "write"]
)");
  const auto publish = [&](const std::string& token) {
    RawClient client(server.port());
    client.send(upgrade(kSocket + "?token=" + token));
    client.read_until("\r\n\r\n");
    client.send(frame(R"({"type":"publish","id":7,"points":[)" + good_point("a") + "]}"));
    return client.read_until("\"id\":7");
  };
  EXPECT_THAT(publish("read-token-of-the-pit-wall"), HasSubstr("unauthorized"));
  EXPECT_EQ(server.ingest().of(SourceKind::kWebSocket).accepted.value(), 0u);
  EXPECT_THAT(publish("read-and-write-token-of-a-car"), HasSubstr(R"("type":"ack")"));
  EXPECT_EQ(server.ingest().of(SourceKind::kWebSocket).accepted.value(), 1u);
}

TEST(Origins, OwnPagesComeInForeignOnesOnlyWhereListed) {
  Server server({{"ORIGINS", "https://pits.example"}});
  struct Case {
    std::string origin;
    bool allowed;
  };
  for (const auto& [origin, allowed] :
       {Case{"", true}, Case{"http://localhost", true}, Case{"https://pits.example", true},
        Case{"https://evil.example", false}, Case{"http://localhost:9", false},
        Case{"null", false}}) {
    SCOPED_TRACE("origin '" + origin + "'");
    const std::string header = origin.empty() ? "" : "Origin: " + origin + "\r\n";
    EXPECT_EQ(ask(server.port(), upgrade(kSocket, header)), allowed ? 101u : 403u);
    EXPECT_EQ(ask(server.port(), get("/api/recent/1", header)), allowed ? 200u : 403u);
    EXPECT_EQ(ask(server.port(), post("/api/ingest", good_point("a"), header)),
              allowed ? 200u : 403u);
    EXPECT_EQ(ask(server.port(), get("/healthz", header)), 200u);
  }
}

TEST(Origins, BrowsersAreToldWhatListedPagesMayDo) {
  Server server({{"ORIGINS", "https://pits.example"}, {"API_TOKEN_WRITE", "write-token-of-a-car"}});
  const std::string listed = "Origin: https://pits.example\r\n";
  const auto preflight = [&](const std::string& origin) {
    return RawClient(server.port())
        .ask(
            "OPTIONS /api/ingest HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
            "Access-Control-Request-Method: POST\r\n" +
            origin + "\r\n");
  };
  const auto answer = preflight(listed);
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 204"));
  EXPECT_THAT(answer, HasSubstr("Access-Control-Allow-Origin: https://pits.example\r\n"));
  EXPECT_THAT(answer, HasSubstr("Access-Control-Allow-Methods: POST\r\n"));
  EXPECT_THAT(answer, HasSubstr("Access-Control-Allow-Headers: Authorization, "));
  EXPECT_THAT(answer, HasSubstr("Vary: Origin\r\n"));
  EXPECT_THAT(preflight("Origin: https://evil.example\r\n"), StartsWith("HTTP/1.1 403"));
  EXPECT_THAT(preflight(""), StartsWith("HTTP/1.1 405"));
  const auto refused = RawClient(server.port()).ask(post("/api/ingest", good_point("a"), listed));
  EXPECT_THAT(refused, StartsWith("HTTP/1.1 401"));
  EXPECT_THAT(refused, HasSubstr("Access-Control-Allow-Origin: https://pits.example\r\n"))
      << "its page may read why";
  EXPECT_THAT(RawClient(server.port()).ask(get("/api/series")), Not(HasSubstr("Access-Control")));
}

TEST(Pages, AreProtectedByHeaders) {
  Server server;
  const auto page = RawClient(server.port()).ask(get("/"));
  EXPECT_THAT(page, HasSubstr("Content-Security-Policy: default-src 'none'; script-src 'self'"));
  EXPECT_THAT(page, HasSubstr("frame-ancestors 'none'"));
  EXPECT_THAT(page, HasSubstr("Cache-Control: no-cache\r\n"));
  const auto data = RawClient(server.port()).ask(get("/api/series"));
  EXPECT_THAT(data, HasSubstr("Content-Security-Policy: default-src 'none'; frame-ancestors"));
  EXPECT_THAT(data, HasSubstr("Cache-Control: no-store\r\n"));
  for (const auto& answer : {page, data, RawClient(server.port()).ask(get("/nothing"))}) {
    EXPECT_THAT(answer, HasSubstr("X-Content-Type-Options: nosniff\r\n"));
    EXPECT_THAT(answer, HasSubstr("Referrer-Policy: no-referrer\r\n"));
    EXPECT_THAT(answer, HasSubstr("X-Frame-Options: DENY\r\n"));
    EXPECT_THAT(answer, Not(HasSubstr("Strict-Transport-Security")));
  }
}

std::string for_host(const std::string& host, const std::string& more_headers = "") {
  return fmt::format("GET /api/series HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n{}\r\n", host,
                     more_headers);
}

std::string socket_for_host(const std::string& host) {
  auto request = upgrade(kSocket);
  return request.replace(request.find("localhost"), std::string("localhost").size(), host);
}

TEST(Hosts, OnLoopbackWithoutTokensOnlyKnownNamesAreAnswered) {
  Server server({{"ORIGINS", "https://pits.example:8443"}});
  struct Case {
    std::string host;
    bool is_known;
  };
  for (const auto& [host, is_known] :
       {Case{"localhost", true}, Case{"LocalHost:9", true}, Case{"127.0.0.1:8081", true},
        Case{"127.9.9.9", true}, Case{"[::1]:8081", true}, Case{"[::ffff:127.0.0.1]", true},
        Case{"pits.example", true}, Case{"Pits.Example:1", true}, Case{"evil.example", false},
        Case{"evil.example:8081", false}, Case{"127.0.0.1.evil.example", false},
        Case{"localhost.evil.example", false}, Case{"x.pits.example", false},
        Case{"pit-wall:8081", true}, Case{"10.0.0.1", true}, Case{"[2001:db8::1]", true},
        Case{"10.0.0.1.5", false}, Case{"", true}}) {
    EXPECT_EQ(ask(server.port(), for_host(host)), is_known ? 200u : 421u) << host;
    EXPECT_EQ(ask(server.port(), socket_for_host(host)), is_known ? 101u : 421u) << host;
  }
  const auto refused =
      RawClient(server.port())
          .ask(for_host("evil.example:8081", "Origin: http://evil.example:8081\r\n"));
  EXPECT_THAT(refused, StartsWith("HTTP/1.1 421 Misdirected Request"));
  EXPECT_THAT(refused, HasSubstr("the Host header says 'evil.example:8081'"));
  EXPECT_THAT(refused, HasSubstr("[security] origins (ORIGINS)"));
  EXPECT_GT(
      metric(server.port(), R"(slipstream_http_requests_denied_total{reason="foreign_host"})"), 0);
  EXPECT_EQ(ask(server.port(), "GET /api/series HTTP/1.0\r\n\r\n"), 200u);
  EXPECT_EQ(ask(server.port(), "POST /api/ingest HTTP/1.1\r\nHost: evil.example\r\n\r\n"), 421u);
}

TEST(Hosts, AnyNameWillDoWhereATokenIsAskedForOrOthersMayConnect) {
  const std::string token = "read-token-of-the-pit-wall";
  Server guarded({{"API_TOKEN_READ", token}});
  EXPECT_EQ(ask(guarded.port(), for_host("pits.example", bearer(token))), 200u);
  Server open({{"LISTEN", "0.0.0.0"}});
  EXPECT_EQ(ask(open.port(), for_host("pits.example")), 200u);
  Server behind({{"TRUSTED_PROXIES", "127.0.0.1"}});
  EXPECT_EQ(ask(behind.port(), for_host("pits.example")), 200u);
  Server all({{"ORIGINS", "*"}});
  EXPECT_EQ(ask(all.port(), for_host("pits.example")), 200u);
}

class Tls : public testing::Test {
 protected:
  void SetUp() override { net_testing::make_certificate(certificate_, key_, "first.example"); }
  std::unique_ptr<Server> serve() {
    return std::unique_ptr<Server>(
        new Server({{"TLS_CERTIFICATE", certificate_.string()}, {"TLS_KEY", key_.string()}}));
  }

  harness::TemporaryDirectory directory_;
  const std::filesystem::path certificate_ = directory_.path() / "certificate.pem";
  const std::filesystem::path key_ = directory_.path() / "key.pem";
};

TEST_F(Tls, ServesWhoSpeaksItAndNobodyElse) {
  const auto server = serve();
  TlsClient client(server->port());
  EXPECT_EQ(client.peer_name(), "first.example");
  client.send(post("/api/ingest", good_point("a")));
  const auto answer = client.read_to_end();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK"));
  EXPECT_THAT(answer, HasSubstr("Strict-Transport-Security: max-age="));
  EXPECT_EQ(RawClient(server->port()).ask(get("/healthz")).find("HTTP/1.1 200"), std::string::npos);
  EXPECT_FALSE(TlsClient(server->port(), TLS1_1_VERSION).is_open());
  EXPECT_TRUE(TlsClient(server->port(), TLS1_2_VERSION).is_open());
  const auto& stats = server->component<HttpComponent>().guard_stats();
  EXPECT_TRUE(eventually([&] { return stats.handshakes_failed.value() == 2; }));
}

TEST_F(Tls, CarriesLargeBodiesBothWays) {
  const auto server = serve();
  std::string body;
  for (int i = 0; i < 5'000; ++i) body += good_point("car " + std::to_string(i)) + "\n";
  TlsClient sender(server->port());
  EXPECT_THAT(sender.ask(post("/api/ingest", body, "Content-Type: application/x-ndjson\r\n")),
              HasSubstr(R"("accepted":5000)"));
  EXPECT_TRUE(eventually([&] {
    const auto recent = TlsClient(server->port()).ask(get("/api/recent/5000"));
    const auto length = recent.find("Content-Length: ");
    if (recent.find("\"car 0\"") == std::string::npos || length == std::string::npos) return false;
    return recent.size() - recent.find("\r\n\r\n") - 4 == std::stoul(recent.substr(length + 16)) &&
           recent.find("\"car 4999\"") != std::string::npos;
  }));
}

TEST_F(Tls, CarriesWebSockets) {
  const auto server = serve();
  TlsClient client(server->port());
  client.send(upgrade(kSocket));
  EXPECT_THAT(client.read_until("\r\n\r\n"), StartsWith("HTTP/1.1 101"));
  // Far more than a record, and than a socket's buffer.
  const std::string note(100'000, 'n');
  for (int i = 0; i < 20; ++i) {
    const auto chassis = fmt::format("car {}", i);
    TlsClient sender(server->port());
    ASSERT_THAT(sender.ask(post("/api/ingest", fmt::format(R"({{"track":"cota","chassis":"{}",)"
                                                           R"("note":"{}"}})",
                                                           chassis, note.substr(0, 60'000)))),
                StartsWith("HTTP/1.1 200"));
  }
  EXPECT_THAT(client.read_until("\"car 19\""), HasSubstr("telemetry_update"));
  client.send(frame(R"({"type":"ping"})"));
  EXPECT_THAT(client.read_until("pong"), HasSubstr("pong"));
}

TEST_F(Tls, ReloadIsSeenByNewConnectionsAndOldOnesGoOn) {
  const auto server = serve();
  const std::string ask = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
  TlsClient old(server->port());
  ASSERT_EQ(old.peer_name(), "first.example");
  old.send(ask);
  EXPECT_THAT(old.read_until("ok\n"), StartsWith("HTTP/1.1 200"));

  net_testing::make_certificate(certificate_, key_, "second.example");
  server->reload();
  EXPECT_TRUE(
      eventually([&] { return TlsClient(server->port()).peer_name() == "second.example"; }));
  old.send(ask);
  EXPECT_THAT(old.read_until("ok\n"), StartsWith("HTTP/1.1 200"));

  std::ofstream(certificate_) << "no certificate";
  server->reload();
  // The reload of the sectors, which comes behind it, is no sign; a request behind it is.
  EXPECT_THAT(TlsClient(server->port()).ask(get("/healthz")), StartsWith("HTTP/1.1 200"));
  EXPECT_EQ(TlsClient(server->port()).peer_name(), "second.example");
}

TEST_F(Tls, ProgramChecksItsFilesAndReadsThemAgainOnSighup) {
  const auto config = directory_.path() / "slipstream.toml";
  std::ofstream(config) << fmt::format("[security]\ntls_certificate = \"{}\"\ntls_key = \"{}\"\n",
                                       certificate_.string(), key_.string());
  harness::Program good(directory_, {"check", config.string()});
  EXPECT_EQ(good.exit_code(), 0);
  harness::Program program(directory_, {"serve", "--config", config.string()}, harness::kFreePorts);
  ASSERT_TRUE(program.says("https://127.0.0.1:"));
  const auto text = program.output();
  const auto port =
      static_cast<std::uint16_t>(std::stoi(text.substr(text.find("https://127.0.0.1:") + 18)));
  EXPECT_EQ(TlsClient(port).peer_name(), "first.example");
  net_testing::make_certificate(certificate_, key_, "second.example");
  program.signal(SIGHUP);
  EXPECT_TRUE(eventually([&] { return TlsClient(port).peer_name() == "second.example"; }));
  std::filesystem::remove(key_);
  program.signal(SIGHUP);
  EXPECT_TRUE(program.says("the certificate stays as it is"));
  EXPECT_EQ(TlsClient(port).peer_name(), "second.example");
  harness::Program bad(directory_, {"check", config.string()});
  EXPECT_EQ(bad.exit_code(), 78);
  EXPECT_THAT(bad.output(), HasSubstr("key.pem' cannot be read"));
}

TEST(Exposure, ListeningForOthersWithoutATokenIsWarnedOf) {
  harness::TemporaryDirectory directory;
  harness::Program open(directory, {"serve", "--listen", "0.0.0.0"}, harness::kFreePorts);
  EXPECT_TRUE(
      open.says("whoever can reach 0.0.0.0 may see everything and send points without a "
                "token"));
  EXPECT_NE(open.port(), 0);
  open.signal(SIGTERM);
  EXPECT_EQ(open.exit_code(), 0);
  auto environment = harness::kFreePorts;
  environment.insert(environment.end(), {"API_TOKEN_READ=read-token-of-the-pit-wall",
                                         "API_TOKEN_WRITE=write-token-of-a-car"});
  harness::Program guarded(directory, {"serve", "--listen", "0.0.0.0"}, environment);
  EXPECT_NE(guarded.port(), 0);
  EXPECT_THAT(guarded.output(), Not(HasSubstr("whoever")));
  EXPECT_THAT(guarded.output(), Not(HasSubstr("token-of")));
  guarded.signal(SIGTERM);
  EXPECT_EQ(guarded.exit_code(), 0);
}

TEST(Floods, SlowSendersAndManyConnectionsDoNotStopAGoodClient) {
  Server server({{"MAX_CONNECTIONS", "100"},
                 {"MAX_CONNECTIONS_PER_ADDRESS", "90"},
                 {"HEADER_TIMEOUT_MS", "3600000"},
                 {"KEEP_ALIVE_TIMEOUT_MS", "3600000"},
                 {"BODY_TIMEOUT_MS", "3600000"}});
  std::vector<std::unique_ptr<RawClient>> flood;
  for (int i = 0; i < 300; ++i) {
    auto& client = *flood.emplace_back(std::make_unique<RawClient>(server.port(), "127.0.0.2"));
    if (i % 3 == 0) client.send("POST /api/ingest HTTP/1.1\r\n");  // a head that never ends
    if (i % 30 == 1) {                                             // a body that never ends
      client.send("POST /api/ingest HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{");
    }
    if (i % 10 == 0) {
      EXPECT_EQ(ask(server.port(), post("/api/ingest", good_point("good"))), 200u) << i;
    }
  }
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(ask(server.port(), get("/api/recent/1")), 200u);
    EXPECT_EQ(ask(server.port(), upgrade(kSocket)), 101u);
  }
  const auto& stats = server.component<HttpComponent>().guard_stats();
  EXPECT_GT(stats.address_full.value(), 0u);
}

TEST(Floods, OneAddressAtItsRateCostsAnotherNothing) {
  Server server({{"REQUESTS_PER_SECOND", "1"}});
  std::string many;
  for (int i = 0; i < 100; ++i) many += "GET /api/series HTTP/1.1\r\nHost: localhost\r\n\r\n";
  const auto answers = RawClient(server.port(), "127.0.0.2").ask(many + get("/api/series"));
  EXPECT_THAT(answers, HasSubstr("HTTP/1.1 429 Too Many Requests"));
  RawClient sender(server.port(), "127.0.0.2");
  while (true) {  // until its points, too, come too often
    const auto refused =
        RawClient(server.port(), "127.0.0.2").ask(post("/api/ingest", good_point("a")));
    if (status_of(refused) != 429) continue;
    EXPECT_THAT(refused, HasSubstr(R"("reason":"rate_limited")"));
    EXPECT_THAT(refused, HasSubstr("Retry-After: 1\r\n"));
    break;
  }
  EXPECT_EQ(ask(server.port(), get("/api/series")), 200u);
}

TEST(Proxies, ClientsBehindATrustedOneAreToldApart) {
  Server server({{"TRUSTED_PROXIES", "127.0.0.1"}, {"REQUESTS_PER_SECOND", "1"}});
  const auto from = [&](const std::string& address) {
    return ask(server.port(), get("/healthz", "X-Forwarded-For: " + address + "\r\n"));
  };
  while (from("9.9.9.9") != 429u) {
  }
  EXPECT_EQ(from("8.8.8.8"), 200u);
}

}  // namespace
}  // namespace slipstream
