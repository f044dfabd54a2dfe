// Every reason for which a point is refused, by HTTP, through a whole server: the count, the
// answer, and that the neighbours got in. The same by UDP.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness.h"
#include "net/http_server.h"
#include "source/http_ingest.h"
#include "source/testing.h"
#include "source/udp_sender.h"

namespace slipstream {
namespace {

using harness::eventually;
using harness::http;
using harness::metric;
using harness::Server;
using source_testing::good_point;
using testing::HasSubstr;
using testing::Not;

struct RejectionCase {
  std::string reason;
  std::string bad;
};

std::vector<RejectionCase> cases() {
  return {
      {"malformed_json", R"({"track":"cota","chassis":)"},
      {"malformed_json", R"({"track":"cota","chassis":"x","flag":nullx})"},
      {"not_an_object", "7"},
      {"missing_dimension", R"({"track":"cota","lap":1})"},
      {"missing_dimension", R"({"track":"","chassis":"x"})"},
      {"bad_number", R"({"track":"cota","chassis":"x","speed_kmh":"fast"})"},
      {"out_of_range", R"({"track":"cota","chassis":"x","lap":40000})"},
      {"bad_time", R"({"track":"cota","chassis":"x","meta_time":"yesterday"})"},
      {"future_time", R"({"track":"cota","chassis":"x","meta_time":"2199-01-01T00:00:00Z"})"},
      {"too_large", R"({"track":"cota","chassis":"x","note":")" + std::string(3'000, 'n') + "\"}"},
  };
}

std::string sample(const char* source, const std::string& reason) {
  return fmt::format(R"(slipstream_points_rejected_total{{source="{}",reason="{}"}})", source,
                     reason);
}

const harness::Headers kNdjson = {{"Content-Type", "application/x-ndjson"}};
const harness::Headers kCsv = {{"Content-Type", "text/csv"}};

TEST(Rejections, ByHttpEachAloneWithItsAnswerAndItsCount) {
  Server server({{"MAX_POINT_BYTES", "2000"}});
  int turn = 0;
  for (const auto& [reason, bad] : cases()) {
    SCOPED_TRACE(reason + " " + bad.substr(0, 60));
    const auto name = sample("http", reason);
    const double before = metric(server.port(), name);
    const std::string first = fmt::format("first {}", ++turn);
    const std::string second = fmt::format("second {}", turn);
    const auto mixed = http(server.port(), "POST", "/api/ingest",
                            good_point(first) + "\n" + bad + "\n" + good_point(second), kNdjson);
    EXPECT_EQ(mixed.status, 200u) << mixed.body;
    EXPECT_THAT(
        mixed.body,
        HasSubstr(R"({"ok":true,"accepted":2,"rejected":1,"errors":[{"index":1,"reason":")" +
                  reason + "\""));
    const auto alone = http(server.port(), "POST", "/api/ingest", bad, kNdjson);
    EXPECT_EQ(alone.status, 400u);
    EXPECT_THAT(alone.body, HasSubstr(R"({"ok":false,"accepted":0,"rejected":1)"));
    EXPECT_EQ(metric(server.port(), name), before + 2);
    for (const auto& neighbour : {first, second}) {
      EXPECT_TRUE(eventually([&] {
        return http(server.port(), "GET", "/api/recent/50").body.find(neighbour) !=
               std::string::npos;
      })) << neighbour;
    }
  }
}

TEST(Rejections, ByUdpEachAloneWithItsCount) {
  Server server({{"MAX_POINT_BYTES", "2000"}});
  auto sender = UdpSender::open("127.0.0.1", server.udp_port());
  ASSERT_TRUE(sender);
  int turn = 0;
  for (const auto& [reason, bad] : cases()) {
    SCOPED_TRACE(reason + " " + bad.substr(0, 60));
    const auto name = sample("udp", reason);
    const double before = metric(server.port(), name);
    const std::string first = fmt::format("first {}", ++turn);
    const std::string second = fmt::format("second {}", turn);
    ASSERT_TRUE(sender->send(good_point(first) + "\n" + bad + "\n" + good_point(second)));
    for (const auto& neighbour : {first, second}) {
      EXPECT_TRUE(eventually([&] {
        return http(server.port(), "GET", "/api/recent/50").body.find(neighbour) !=
               std::string::npos;
      })) << neighbour;
    }
    EXPECT_EQ(metric(server.port(), name), before + 1);
  }
}

TEST(Rejections, CsvLinesAndEmptyBodies) {
  Server server;
  const auto mixed =
      http(server.port(), "POST", "/api/ingest",
           ",cota,first,1,10,100\n,cota\n,cota,x,1,10,fast\n,cota,second,1,10,100\n", kCsv);
  EXPECT_EQ(mixed.status, 200u);
  EXPECT_THAT(mixed.body, HasSubstr(R"("accepted":2,"rejected":2)"));
  EXPECT_THAT(mixed.body, HasSubstr(R"("index":1,"reason":"malformed_csv")"));
  EXPECT_THAT(mixed.body, HasSubstr(R"("index":2,"reason":"bad_number")"));
  const auto empty = http(server.port(), "POST", "/api/ingest", " \n", kNdjson);
  EXPECT_EQ(empty.status, 400u);
  EXPECT_THAT(empty.body, HasSubstr(R"("reason":"empty")"));
  auto sender = UdpSender::open("127.0.0.1", server.udp_port());
  ASSERT_TRUE(sender->send(""));
  ASSERT_TRUE(sender->send(",cota,third,1,10,100\n,cota"));
  EXPECT_TRUE(eventually([&] {
    return metric(server.port(), sample("udp", "empty")) == 1 &&
           metric(server.port(), sample("udp", "malformed_csv")) == 1;
  }));
  EXPECT_TRUE(eventually([&] {
    return http(server.port(), "GET", "/api/recent/5?chassis=third").body.find("third") !=
           std::string::npos;
  }));
}

TEST(Rejections, RequestsAtFaultAreAnsweredInTheSameShape) {
  Server server;
  struct Wrong {
    std::string query;
    harness::Headers headers;
    std::string reason;
    std::string message;
  };
  for (const auto& [query, headers, reason, message] :
       {Wrong{"?durability=carved",
              {},
              "out_of_range",
              "durability 'carved' is not offered: received, logged or fsynced is"},
        Wrong{"",
              {{"Idempotency-Key", std::string(300, 'k')}},
              "too_large",
              "Idempotency-Key is longer than 255 bytes"},
        Wrong{"",
              {{"Content-Encoding", "gzip"}},
              "malformed_json",
              "the body is not what its Content-Encoding says"}}) {
    const auto answer =
        http(server.port(), "POST", "/api/ingest" + query, good_point("a"), headers);
    EXPECT_EQ(answer.status, 400u) << message;
    EXPECT_EQ(answer.body,
              fmt::format(R"({{"ok":false,"accepted":0,"rejected":1,"errors":[{{"index":0,)"
                          R"("reason":"{}","message":"{}"}}]}})",
                          reason, message));
    EXPECT_EQ(metric(server.port(), sample("http", reason)), 1);
  }
}

TEST(Rejections, AnExportsBadPointIsNamedByItsPlace) {
  Server server;
  std::string rows =
      "expire_at,lap,meta_event,meta_session,meta_source,meta_time,original_vehicle_id,outing,"
      "telemetry_name,telemetry_value,timestamp,vehicle_id,vehicle_number\n";
  for (int i = 0; i < 5; ++i) {
    rows += fmt::format(
        ",{},cota,R1,kafka,2025-09-05T00:28:2{}.000Z,GR86-1,0,speed,100,"
        "2025-09-05T00:28:2{}.000Z,GR86-1,1\n",
        i == 3 ? 99'999 : 1, i, i);
  }
  const auto answer = http(server.port(), "POST", "/api/ingest?track=cota", rows, kCsv);
  EXPECT_EQ(answer.status, 200u);
  EXPECT_THAT(answer.body, testing::HasSubstr(R"("accepted":4,"rejected":1,"errors":[{"index":3,)"))
      << answer.body;
}

TEST(Rejections, UnauthorizedByTokenAndByNetwork) {
  Server server({{"API_TOKEN_WRITE", "other"}, {"UDP_ALLOW", "10.0.0.0/8"}});
  const auto refused = http(server.port(), "POST", "/api/ingest", good_point("a"));
  EXPECT_EQ(refused.status, 401u);
  EXPECT_THAT(refused.body, HasSubstr(R"("reason":"unauthorized")"));
  EXPECT_EQ(http(server.port(), "POST", "/api/ingest", good_point("a"),
                 {{"Authorization", "Bearer wrong"}})
                .status,
            401u);
  EXPECT_EQ(http(server.port(), "POST", "/api/ingest", good_point("a"),
                 {{"Authorization", "Bearer other"}})
                .status,
            200u);
  EXPECT_EQ(metric(server.port(), sample("http", "unauthorized")), 2);
  auto sender = UdpSender::open("127.0.0.1", server.udp_port());
  ASSERT_TRUE(sender->send(good_point("b")));
  EXPECT_TRUE(
      eventually([&] { return metric(server.port(), sample("udp", "unauthorized")) == 1; }));
}

TEST(Rejections, RateLimitedPerAddress) {
  Server server({{"HTTP_POINTS_PER_SECOND", "1"}, {"UDP_POINTS_PER_SECOND", "1"}});
  // So many that the allowance is spent for a while, however slow the test.
  std::string body;
  for (int i = 0; i < 100; ++i) body += good_point("a") + "\n";
  EXPECT_EQ(http(server.port(), "POST", "/api/ingest", body).status, 200u);
  const auto refused = http(server.port(), "POST", "/api/ingest", good_point("c"));
  EXPECT_EQ(refused.status, 429u);
  const int wait_seconds = std::stoi(refused.headers.at("retry-after"));
  EXPECT_GE(wait_seconds, 1);
  EXPECT_LE(wait_seconds, 100) << "99 points are owed, and one is to be had";
  EXPECT_THAT(refused.body, HasSubstr(R"("reason":"rate_limited")"));
  auto sender = UdpSender::open("127.0.0.1", server.udp_port());
  for (int i = 0; i < 30; ++i) ASSERT_TRUE(sender->send(good_point("d")));
  EXPECT_TRUE(eventually([&] { return metric(server.port(), sample("udp", "rate_limited")) > 0; }));
  EXPECT_TRUE(eventually([&] {
    return http(server.port(), "GET", "/api/recent/5000").body.find(R"("chassis":"d")") !=
           std::string::npos;
  }));
}

TEST(Rejections, OverloadedTakesAllOfABodyOrNothing) {
  IngestStats stats;
  Schema schema;
  SystemClock clock;
  BatchPool pool;
  source_testing::KeptPoints pipeline(stats);
  RejectionLog log({}, stats.errors_not_logged);
  IngestService ingest({}, schema, stats, clock, pipeline, pool, log);
  IoThread io("io");
  auto server = HttpServer::open(io, {.port = 0});
  ASSERT_TRUE(server);
  (*server)->route("POST", "/api/ingest", [&](HttpRequest request, HttpResponder respond) {
    take_ingest(ingest, std::move(request), std::move(respond));
  });
  (*server)->start();
  AgentThread worker("ingest", ingest);
  io.start();
  const auto body = "[" + good_point("a") + "," + good_point("b") + "]";
  pipeline.full = true;
  const auto refused = http((*server)->port(), "POST", "/api/ingest", body);
  EXPECT_EQ(refused.status, 503u);
  EXPECT_EQ(refused.headers.at("retry-after"), "1");
  EXPECT_THAT(
      refused.body,
      HasSubstr(
          R"({"ok":false,"accepted":0,"rejected":2,"errors":[{"index":0,"reason":"overloaded")"));
  EXPECT_TRUE(pipeline.jsons.empty());
  pipeline.full = false;
  EXPECT_EQ(http((*server)->port(), "POST", "/api/ingest", body).status, 200u);
  EXPECT_EQ(pipeline.jsons.size(), 2u);
  const auto& source = stats.of(SourceKind::kHttp);
  EXPECT_EQ(source.received.value(), 4u);
  EXPECT_EQ(source.accepted.value(), 2u);
  EXPECT_EQ(source.rejected[static_cast<std::size_t>(RejectReason::kOverloaded)].value(), 2u);
  worker.stop();
  io.stop();
}

}  // namespace
}  // namespace slipstream
