// What a client asks for, and in which form: parameters, times, media types, encodings.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness.h"
#include "net/body_encoding.h"

namespace slipstream {
namespace {

using harness::eventually;
using harness::http;
using harness::HttpAnswer;
using harness::metric;
using harness::Server;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr std::string_view kNoParameter = "there is no parameter";

TEST(Queries, OurOwnPathsRefuseWhatTheyDoNotKnowByTheNearestName) {
  Server server;
  struct Case {
    const char* method;
    const char* target;
    const char* said;
  };
  for (const auto& [method, target, said] :
       {Case{"GET", "/api/rollups?windw=bucket", "'windw'; is 'window' meant?"},
        Case{"GET", "/api/rollups?window=bucket&chasis=x", "'chasis'; is 'chassis' meant?"},
        Case{"GET", "/api/rollups?nonsense",
             "'nonsense': there are window, track, chassis, lap, "
             "from, to, limit, cursor, fields, tag.*"},
        Case{"GET", "/api/recent/1?chasis=x", "'chasis'; is 'chassis' meant?"},
        Case{"GET", "/api/series?track=cota", "'track': there are tag.*"},
        Case{"GET", "/api/health?verbose", "'verbose': this path has none"},
        Case{"POST", "/api/ingest?durabilty=logged", "'durabilty'; is 'durability' meant?"}}) {
    const auto answer = http(server.port(), method, target, *method == 'P' ? "{}" : "");
    EXPECT_EQ(answer.status, 400u) << target;
    EXPECT_THAT(answer.body, StartsWith(fmt::format(R"({{"ok":false,"error":"{} )", kNoParameter)));
    EXPECT_THAT(answer.body, HasSubstr(said)) << target;
  }
  EXPECT_EQ(metric(server.port(), R"(slipstream_points_received_total{source="http"})"), 0);
}

TEST(Queries, PagesProbesAndInfluxsPathsPassOverWhatTheyDoNotKnow) {
  Server server;
  for (const auto* const target :
       {"/?nonsense=1", "/index.html?x", "/healthz?x=1", "/readyz?x", "/metrics?x", "/ping?x",
        "/health?x", "/query?q=SHOW+DATABASES&epoch=ms&chunked=true&x=1"}) {
    EXPECT_LT(http(server.port(), "GET", target).status, 300u) << target;
  }
  for (const auto* const target :
       {"/write?db=d&rp=r&consistency=any&x=1", "/api/v2/write?org=o&bucket=b&x=1",
        "/api/v3/write_lp?db=d&x=1"}) {
    EXPECT_EQ(http(server.port(), "POST", target, "cpu,host=a usage=1").status, 204u) << target;
  }
}

TEST(Queries, TimesThatAreMeantOtherwiseAreRefusedWithAWordOnTimes) {
  Server server;
  struct Case {
    const char* time;
    const char* said;
  };
  for (const auto& [time, said] : {Case{"2020", "a date is written 2024-06-01"},
                                   Case{"20240601", "a date is written 2024-06-01"},
                                   Case{"2024-06-01T12:00:00+02:00", "in a URL a + is written %2B"},
                                   Case{"yesterday", "is no time: ISO 8601"}}) {
    for (const auto* const name : {"from", "to"}) {
      const auto answer = http(server.port(), "GET", fmt::format("/api/rollups?{}={}", name, time));
      EXPECT_EQ(answer.status, 400u) << time;
      EXPECT_THAT(answer.body, HasSubstr(fmt::format(R"("error":"{}: )", name)));
      EXPECT_THAT(answer.body, HasSubstr(said));
    }
  }
  for (const auto* const time :
       {"2024-06-01T12:00:00%2B02:00", "2024-06-01", "1717243200", "1717243200123", "0"}) {
    EXPECT_EQ(http(server.port(), "GET", std::string("/api/rollups?from=") + time).status, 200u)
        << time;
  }
}

TEST(Queries, BodiesWhoseLineEndsWereTakenOutAreToldHowToKeepThem) {
  Server server;
  struct Case {
    const char* target;
    const char* type;
    std::string body;
    unsigned status;
  };
  const std::string row = "2024-06-01T12:00:00Z,cota,a,1,2,3";
  for (const auto& [target, type, body, status] :
       {Case{"/api/ingest", "text/csv", row + row, 400u},
        Case{"/api/ingest", "text/csv", "meta_time,track,chassis,lap,lapdist_m,speed_kmh" + row,
             400u},
        Case{"/api/ingest", "application/x-ndjson",
             R"({"track":"cota","chassis":"a"}{"track":"cota","chassis":"a"})", 400u},
        Case{"/write", "application/x-www-form-urlencoded", "cpu,host=a x=1 17cpu,host=b x=2 18",
             400u}}) {
    const auto answer = http(server.port(), "POST", target, body, {{"Content-Type", type}});
    EXPECT_EQ(answer.status, status) << body;
    EXPECT_THAT(answer.body, HasSubstr("--data-binary @FILE keeps them")) << body;
  }
  const auto one = http(server.port(), "POST", "/api/ingest", "nonsense");
  EXPECT_THAT(one.body, Not(HasSubstr("--data-binary")));
}

class Rollups : public testing::Test {
 protected:
  void SetUp() override {
    std::string body;
    for (int lap = 0; lap < kLaps; ++lap) {
      body += fmt::format(R"({{"track":"cota","chassis":"a","lap":{},"speed_kmh":{}}})", lap, lap) +
              "\n";
    }
    ASSERT_EQ(http(server_.port(), "POST", "/api/ingest", body).status, 200u);
    ASSERT_TRUE(
        eventually([&] { return harness::rollups_of(server_.port(), "sector") == kLaps - 1; }));
  }
  HttpAnswer ask(const harness::Headers& headers) {
    return http(server_.port(), "GET", "/api/rollups?window=sector&limit=1000", "", headers);
  }

  static constexpr int kLaps = 800;
  Server server_{std::map<std::string, std::string>{}, harness::kWithoutIdleness};
};

TEST_F(Rollups, ComeInTheTypeThatIsWantedMost) {
  for (const auto* const list :
       {"text/csv", "text/csv;q=0.9, application/json;q=0.1", "text/csv, */*;q=0.1"}) {
    EXPECT_EQ(ask({{"Accept", list}}).headers.at("content-type"), "text/csv") << list;
  }
  for (const auto* const list :
       {"application/json", "text/csv;q=0.1, application/json", "text/csv;q=0, */*"}) {
    EXPECT_EQ(ask({{"Accept", list}}).headers.at("content-type"), "application/json") << list;
  }
}

TEST_F(Rollups, AreTheSamePackedOrNot) {
  for (const auto* const type : {"application/json", "text/csv"}) {
    const auto plain = ask({{"Accept", type}});
    EXPECT_GT(plain.body.size(), 65'536u) << "the answer comes in pieces";
    for (const std::string coding : {"gzip", "zstd"}) {
      const auto packed = ask({{"Accept", type}, {"Accept-Encoding", coding}});
      EXPECT_EQ(packed.headers.at("content-encoding"), coding);
      EXPECT_LT(packed.body.size(), plain.body.size() / 3);
      EXPECT_EQ(decode_body(packed.body, coding, plain.body.size()).value(), plain.body);
    }
  }
}

TEST(Encodings, PagesAndFiguresArePackedAndPagesCanBeKept) {
  Server server;
  const harness::Headers gzip = {{"Accept-Encoding", "gzip"}};
  for (const auto* const target : {"/app.js", "/feed.js", "/app.css", "/metrics", "/api/health"}) {
    const auto plain = http(server.port(), "GET", target);
    const auto packed = http(server.port(), "GET", target, "", gzip);
    EXPECT_EQ(packed.headers.at("content-encoding"), "gzip") << target;
    EXPECT_LT(packed.body.size(), plain.body.size()) << target;
    EXPECT_TRUE(decode_body(packed.body, "gzip", std::size_t{16} << 20)) << target;
  }
  const auto page = http(server.port(), "GET", "/app.js", "", gzip);
  const auto etag = page.headers.at("etag");
  EXPECT_THAT(etag, StartsWith("W/"));
  EXPECT_EQ(http(server.port(), "GET", "/app.js", "", {{"If-None-Match", etag}}).status, 304u);
  EXPECT_EQ(http(server.port(), "GET", "/app.js", "", {{"If-None-Match", etag.substr(2)}}).status,
            304u);
}

}  // namespace
}  // namespace slipstream
