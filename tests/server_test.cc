// A whole server, as a client sees it.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <set>

#include "app/hub_component.h"
#include "app/store_component.h"
#include "codec/json_scan.h"
#include "harness.h"
#include "net/packed_testing.h"
#include "source/testing.h"
#include "source/udp_sender.h"

namespace slipstream {
namespace {

using harness::eventually;
using harness::gzip;
using harness::http;
using harness::metric;
using harness::Server;
using harness::WebSocketClient;
using harness::zstd;
using source_testing::good_point;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

std::string lap_point(int lap, double distance, double speed) {
  return fmt::format(
      R"({{"track":"cota","chassis":"GR86-01","lap":{},"lapdist_m":{},"speed_kmh":{}}})", lap,
      distance, speed);
}

bool has(std::uint16_t port, const std::string& target, const std::string& text) {
  return eventually([&] { return http(port, "GET", target).body.find(text) != std::string::npos; });
}

TEST(Server, TenDatagramsMakeABucketAndTheNextSectorASectorRollup) {
  Server server;
  auto sender = UdpSender::open("127.0.0.1", server.udp_port());
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(sender->send(lap_point(1, 10 + i, 100 + i)));
  EXPECT_TRUE(has(server.port(), "/api/recent/1", R"("speed_kmh":109)"));
  EXPECT_TRUE(has(server.port(), "/api/rollups?window=bucket", R"("avg_speed_kmh":104.5)"));
  const auto buckets = http(server.port(), "GET", "/api/rollups?window=bucket").body;
  EXPECT_THAT(buckets, HasSubstr(R"("count":10)"));
  EXPECT_THAT(buckets, HasSubstr(R"("next":null)"));
  EXPECT_THAT(buckets, HasSubstr("avg_lapdist_m"));
  const std::string of_speed = "/api/rollups?window=bucket&fields=speed_kmh,rpm";
  const auto speeds = http(server.port(), "GET", of_speed).body;
  EXPECT_THAT(speeds, HasSubstr(R"("avg_speed_kmh":104.5)"));
  EXPECT_THAT(speeds, HasSubstr(R"("count":10)"));
  EXPECT_THAT(speeds, Not(HasSubstr("lapdist_m")));
  const auto table = http(server.port(), "GET", of_speed, "", {{"Accept", "text/csv"}}).body;
  EXPECT_THAT(table, HasSubstr("avg_speed_kmh"));
  EXPECT_THAT(table, Not(HasSubstr("lapdist_m")));
  for (const auto& wrong : {std::string(), std::string("a,"), std::string(200, 'x')}) {
    const auto answer = http(server.port(), "GET", "/api/rollups?fields=" + wrong);
    EXPECT_EQ(answer.status, 400u) << wrong;
    EXPECT_THAT(answer.body, HasSubstr("fields: names of 1 to 128 bytes")) << wrong;
  }

  ASSERT_TRUE(sender->send(lap_point(1, 2'000, 120)));
  EXPECT_TRUE(has(server.port(), "/api/rollups?window=sector", R"("sector":0,"count":10)"));
  sqlite3* database = nullptr;
  ASSERT_EQ(sqlite3_open((server.directory() / "slipstream.db").c_str(), &database), SQLITE_OK);
  sqlite3_stmt* statement = nullptr;
  ASSERT_EQ(sqlite3_prepare_v2(database, "SELECT chassis, count, avg_speed_kmh FROM sectors", -1,
                               &statement, nullptr),
            SQLITE_OK)
      << sqlite3_errmsg(database);
  ASSERT_EQ(sqlite3_step(statement), SQLITE_ROW);
  EXPECT_STREQ(reinterpret_cast<const char*>(sqlite3_column_text(statement, 0)), "GR86-01");
  EXPECT_EQ(sqlite3_column_int(statement, 1), 10);
  EXPECT_EQ(sqlite3_column_double(statement, 2), 104.5);
  sqlite3_finalize(statement);
  sqlite3_close(database);
}

TEST(Server, BucketUnderTheThresholdIsEmittedWhenItsCarFallsSilent) {
  Server server({{"BUCKET_IDLE_MS", "50"}});
  auto sender = UdpSender::open("127.0.0.1", server.udp_port());
  ASSERT_TRUE(sender->send(lap_point(1, 10, 100)));
  EXPECT_TRUE(has(server.port(), "/api/rollups?window=bucket", R"("count":1)"));
}

TEST(Server, TakesEveryFormatAndEncodingOfABody) {
  Server server;
  const auto post = [&](const std::string& body, const harness::Headers& headers) {
    return http(server.port(), "POST", "/api/ingest", body, headers).body;
  };
  const std::string two = good_point("x") + "\n" + good_point("y");
  const std::string both = R"("accepted":2,"rejected":0)";
  EXPECT_THAT(post("[" + good_point("a") + "," + good_point("b") + "]",
                   {{"Content-Type", "application/json; charset=utf-8"}}),
              HasSubstr(both));
  EXPECT_THAT(post(two, {{"Content-Type", "application/x-ndjson"}}), HasSubstr(both));
  EXPECT_THAT(
      post("speed_kmh,chassis,track\n1,a,cota\n2,\"b,c\",cota\n", {{"Content-Type", "text/csv"}}),
      HasSubstr(both));
  EXPECT_THAT(post(zstd(two), {{"Content-Encoding", "zstd"}}), HasSubstr(both));
  EXPECT_THAT(post(gzip(two), {{"Content-Encoding", "gzip"}}), HasSubstr(both));
  EXPECT_EQ(http(server.port(), "POST", "/api/ingest", gzip(two).substr(0, 20),
                 {{"Content-Encoding", "gzip"}})
                .status,
            400u);
  EXPECT_EQ(http(server.port(), "POST", "/api/ingest", two, {{"Content-Encoding", "br"}}).status,
            415u);
  EXPECT_EQ(
      http(server.port(), "POST", "/api/ingest", two, {{"Content-Type", "application/xml"}}).status,
      415u);
  EXPECT_THAT(post(two, {{"Content-Type", "application/x-www-form-urlencoded"}}), HasSubstr(both))
      << "what curl says when it is told nothing";
  for (const auto level : {"received", "logged", "fsynced"}) {
    EXPECT_EQ(
        http(server.port(), "POST", fmt::format("/api/ingest?durability={}", level), two).status,
        200u);
  }
  EXPECT_EQ(http(server.port(), "POST", "/api/ingest?durability=replicated", two).status, 400u);
}

TEST(Server, RepeatWithTheSameKeyIsAnsweredAsBeforeAndNotTakenAgain) {
  Server server;
  const std::string body = good_point("a") + "\n{}\n" + good_point("b");
  const harness::Headers headers = {{"Idempotency-Key", "lap 7"}};
  const auto first = http(server.port(), "POST", "/api/ingest", body, headers);
  EXPECT_EQ(first.status, 200u);
  EXPECT_THAT(first.body, HasSubstr(R"("accepted":2,"rejected":1)"));
  const auto again = http(server.port(), "POST", "/api/ingest", body, headers);
  EXPECT_EQ(again.status, 200u);
  EXPECT_EQ(again.body, first.body);
  EXPECT_EQ(again.headers.at("idempotency-replayed"), "true");
  EXPECT_EQ(metric(server.port(), R"(slipstream_points_accepted_total{source="http"})"), 2);
  const auto refused = http(server.port(), "POST", "/api/ingest", "{}", {{"Idempotency-Key", "x"}});
  EXPECT_EQ(refused.status, 400u);
  EXPECT_EQ(http(server.port(), "POST", "/api/ingest", body, {{"Idempotency-Key", "x"}}).status,
            200u)
      << "what was refused is not remembered";
  EXPECT_EQ(
      http(server.port(), "POST", "/api/ingest", body, {{"Idempotency-Key", std::string(256, 'k')}})
          .status,
      400u);
  EXPECT_EQ(http(server.port(), "POST", "/api/ingest", body,
                 {{"Idempotency-Key", "y"}, {"Idempotency-Key", "z"}})
                .status,
            400u);
}

TEST(Server, KeysWindowsAndSequencesOutliveAStop) {
  harness::TemporaryDirectory directory;
  const harness::Headers headers = {{"Idempotency-Key", "only once"}};
  std::string answer;
  {
    Server server({{"DATA_DIR", directory.path().string()}});
    answer = http(server.port(), "POST", "/api/ingest", lap_point(1, 10, 100), headers).body;
  }
  Server server({{"DATA_DIR", directory.path().string()}});
  EXPECT_EQ(http(server.port(), "POST", "/api/ingest", lap_point(1, 10, 100), headers).body,
            answer);
  ASSERT_EQ(http(server.port(), "POST", "/api/ingest", lap_point(2, 10, 100)).status, 200u);
  server.stop();
  const auto sectors = server.component<StoreComponent>().store().query({.window = "sector"});
  ASSERT_EQ(sectors->rollups.size(), 2u);
  EXPECT_THAT(sectors->rollups[1], HasSubstr(R"("lap":1,"sector":0,"count":1)"));
}

TEST(Server, BodyOverTheLimitIsRefused) {
  Server server({{"MAX_BODY_BYTES", "2000"}});
  const auto refused = http(server.port(), "POST", "/api/ingest", std::string(300'000, ' '));
  EXPECT_EQ(refused.status, 413u);
  std::string bomb(100'000, ' ');
  std::string packed(ZSTD_compressBound(bomb.size()), '\0');
  packed.resize(ZSTD_compress(packed.data(), packed.size(), bomb.data(), bomb.size(), 1));
  EXPECT_EQ(
      http(server.port(), "POST", "/api/ingest", packed, {{"Content-Encoding", "zstd"}}).status,
      413u);
}

TEST(Server, SaysWhatIsWrongWithARequest) {
  Server server;
  const auto get = [&](const std::string& target) { return http(server.port(), "GET", target); };
  EXPECT_EQ(get("/nothing").status, 404u);
  const auto wrong_method = http(server.port(), "DELETE", "/api/health");
  EXPECT_EQ(wrong_method.status, 405u);
  EXPECT_THAT(wrong_method.headers.at("allow"), HasSubstr("GET"));
  EXPECT_EQ(get("/api/recent/many").status, 400u);
  EXPECT_EQ(get("/api/rollups?limit=0").status, 400u);
  EXPECT_EQ(get("/api/rollups?from=then").status, 400u);
  EXPECT_EQ(get("/api/rollups?cursor=nonsense").status, 400u);
  EXPECT_THAT(get("/api/rollups?window=minute").body, HasSubstr("bucket, sector, second"));
}

TEST(Server, PagesAndHealthAreThere) {
  Server server;
  const auto page = http(server.port(), "GET", "/");
  EXPECT_EQ(page.status, 200u);
  EXPECT_THAT(page.body, HasSubstr("<title>Slipstream</title>"));
  EXPECT_EQ(
      http(server.port(), "GET", "/", "", {{"If-None-Match", page.headers.at("etag")}}).status,
      304u);
  EXPECT_EQ(http(server.port(), "GET", "/app.js").status, 200u);
  EXPECT_EQ(http(server.port(), "HEAD", "/app.css").body, "");
  EXPECT_EQ(http(server.port(), "GET", "/healthz").status, 200u);
  EXPECT_EQ(http(server.port(), "GET", "/readyz").status, 200u);
  const auto health = http(server.port(), "GET", "/api/health").body;
  EXPECT_THAT(health, StartsWith(R"({"ok":true,"now":")"));
  EXPECT_THAT(health, HasSubstr(R"("messageRate":"0.00","avgProcessingTimeMs":"0.00")"));
}

TEST(Server, WebSocketGetsPointsAndInsights) {
  Server server({{"BATCH_MS", "60"}});
  WebSocketClient client(server.port(), "/ws/realtime");
  auto sender = UdpSender::open("127.0.0.1", server.udp_port());
  ASSERT_TRUE(sender->send(good_point("lone")));
  const auto update = client.read_until("telemetry_update");
  EXPECT_THAT(update,
              StartsWith(R"({"type":"telemetry_update","data":[{"track":"cota","chassis":"lone")"));
  EXPECT_THAT(client.read_until("insight_update"), HasSubstr(R"("vehicle_count":1)"));
  EXPECT_FALSE(client.read(std::chrono::milliseconds(400)))
      << "insights repeat though nobody sends";
  client.send(R"({"type":"ping"})");
  EXPECT_EQ(client.read_until("pong"), R"({"type":"pong"})");
  client.send("{");
  EXPECT_THAT(client.read_until("error"), HasSubstr("malformed_json"));
}

TEST(Server, SlowClientIsSkippedToldAndCostsTheOthersNothing) {
  Server server({{"MAX_WS_BUFFER", "200000"}, {"BATCH_MS", "3600000"}});
  WebSocketClient slow(server.port(), "/ws/realtime");
  WebSocketClient quick(server.port(), "/ws/realtime");
  const auto& stats = server.component<HubComponent>().hub().stats();
  ASSERT_TRUE(eventually([&] { return stats.clients.value() == 2; }));
  const std::string note(20'000, 'n');
  int sent = 0;
  while (stats.skipped() < 5 && sent < 5'000) {
    const auto chassis = fmt::format("car {}", ++sent);
    ASSERT_EQ(http(server.port(), "POST", "/api/ingest",
                   fmt::format(R"({{"track":"cota","chassis":"{}","note":"{}"}})", chassis, note))
                  .status,
              200u);
    EXPECT_THAT(quick.read_until("\"" + chassis + "\""), HasSubstr("telemetry_update"));
  }
  ASSERT_GE(stats.skipped(), 5u);
  // A request is answered by the thread that skips, behind whatever it did for the last point.
  ASSERT_EQ(http(server.port(), "GET", "/healthz").status, 200u);
  const auto missed = stats.skipped();
  // The slow one reads at last what was queued for it; what comes next is preceded by the count.
  for (auto queued = static_cast<std::uint64_t>(sent) - missed; queued > 0; --queued) {
    ASSERT_THAT(slow.read_until("telemetry_update"), Not(HasSubstr("gap")));
  }
  ASSERT_EQ(http(server.port(), "POST", "/api/ingest", good_point("after")).status, 200u);
  EXPECT_EQ(slow.read_until("gap"), fmt::format(R"({{"type":"gap","missed":{}}})", missed));
  EXPECT_THAT(slow.read_until("telemetry_update"), HasSubstr("after"));
}

TEST(Server, ChassisNamedLikeAMemberOfObjectsIsAChassis) {
  Server server;
  auto sender = UdpSender::open("127.0.0.1", server.udp_port());
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(sender->send(good_point("__proto__")));
  EXPECT_TRUE(has(server.port(), "/api/rollups?window=bucket&chassis=__proto__", R"("count":10)"));
}

TEST(Server, StopEmitsWhatIsOpenAndSaysGoodbye) {
  Server server;
  WebSocketClient client(server.port(), "/ws/realtime");
  ASSERT_EQ(http(server.port(), "POST", "/api/ingest", lap_point(3, 10, 100)).status, 200u);
  EXPECT_THAT(client.read_until("telemetry_update"), HasSubstr(R"("lap":3)"));
  std::thread reader([&] { EXPECT_EQ(client.closed_with(), 1001u); });
  server.stop();
  reader.join();
  const auto sectors = server.component<StoreComponent>().store().query({.window = "sector"});
  ASSERT_TRUE(sectors);
  ASSERT_EQ(sectors->rollups.size(), 1u);
  EXPECT_THAT(sectors->rollups[0], HasSubstr(R"("lap":3)"));
  const auto buckets = server.component<StoreComponent>().memory().query({.window = "bucket"});
  EXPECT_EQ(buckets->rollups.size(), 1u);
}

TEST(Server, RollupsPageByPageAndAsCsv) {
  Server server({}, harness::kWithoutIdleness);
  std::string body;
  for (int lap = 0; lap < 30; ++lap) body += lap_point(lap, 10, 100 + lap) + "\n";
  ASSERT_EQ(http(server.port(), "POST", "/api/ingest", body).status, 200u);
  std::set<std::string> seen;
  for (const auto window : {"sector", "bucket"}) {
    ASSERT_TRUE(eventually([&] { return harness::rollups_of(server.port(), window) == 29; }));
    std::string cursor;
    std::size_t count = 0;
    do {
      const auto page = http(server.port(), "GET",
                             fmt::format("/api/rollups?window={}&limit=7{}", window, cursor))
                            .body;
      for (std::size_t at = page.find("\"window_id\":\""); at != std::string::npos;
           at = page.find("\"window_id\":\"", at + 1)) {
        EXPECT_TRUE(seen.insert(page.substr(at + 13, 32)).second);
        ++count;
      }
      const auto next = page.find(R"("next":")");
      cursor = next == std::string::npos
                   ? ""
                   : "&cursor=" + page.substr(next + 8, page.find('"', next + 8) - next - 8);
    } while (!cursor.empty());
    EXPECT_EQ(count, 29u) << window;
  }
  const auto csv =
      http(server.port(), "GET", "/api/rollups?window=sector&lap=3", "", {{"Accept", "text/csv"}});
  EXPECT_EQ(csv.headers.at("content-type"), "text/csv");
  EXPECT_THAT(csv.body, StartsWith("track,chassis,lap,sector,count,first_ts"));
  EXPECT_THAT(csv.body, HasSubstr("cota,GR86-01,3,0,1,"));
  const auto rows = [&](const std::string& query) {
    return http(server.port(), "GET", "/api/rollups?window=sector&limit=20" + query, "",
                {{"Accept", "text/csv"}});
  };
  const auto first = rows("");
  EXPECT_EQ(std::ranges::count(first.body, '\n'), 21);
  const auto rest = rows("&cursor=" + first.headers.at("x-next-cursor"));
  EXPECT_EQ(std::ranges::count(rest.body, '\n'), 10);
  EXPECT_FALSE(rest.headers.contains("x-next-cursor"));
  EXPECT_EQ(rows("&chassis=nobody").body,
            "track,chassis,lap,sector,count,first_ts,last_ts,tags,window,window_id\r\n");
}

TEST(ApiList, NamesWhatThereIsAndTheReadmeTellsOfAll) {
  Server server;
  const auto list = harness::http(server.port(), "GET", "/api").body;
  std::ifstream file(SLIPSTREAM_SOURCE_DIR "/README.md");
  const std::string readme{std::istreambuf_iterator<char>(file), {}};
  JsonScan endpoints(json_member(list, "endpoints"));
  std::set<std::string> paths;
  while (const auto endpoint = endpoints.next()) {
    std::string path(json_string_body(json_member(endpoint->value, "path")));
    path.resize(std::min(path.find('{'), path.size()));
    EXPECT_NE(readme.find(path), readme.npos) << path;
    paths.insert(path);
  }
  for (const char* const path : {"/api", "/api/laps", "/api/ingest", "/ws/realtime", "/foxglove"}) {
    EXPECT_TRUE(paths.contains(path)) << path;
  }
  EXPECT_FALSE(paths.contains("/app.js")) << "the page's own files are no API";
}

}  // namespace
}  // namespace slipstream
