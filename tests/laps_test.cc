// Laps and sessions through a whole server: pages, tables, what a person says of a session.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "codec/json_scan.h"
#include "harness.h"
#include "program.h"
#include "redis_server.h"
#include "store/rollup_store.h"
#include "store/session_book.h"

namespace slipstream {
namespace {

using harness::http;
using harness::metric;
using harness::Server;
using harness::TemporaryDirectory;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

std::vector<std::string> list_of(std::string_view page, std::string_view name,
                                 std::string_view member) {
  std::vector<std::string> values;
  JsonScan all(json_member(page, name));
  while (const auto item = all.next()) {
    values.emplace_back(json_string_body(json_member(item->value, member)));
  }
  return values;
}

class LapsApiTest : public testing::Test {
 protected:
  static constexpr std::int64_t kBegan = 1'757'000'000;

  void SetUp() override {
    Schema schema;
    auto store =
        RollupStore::open(directory_.path() / "data", StoreOptions{}, schema.fields()).value();
    Commit commit;
    for (const char* const chassis : {"A", "=B"}) {
      const ActivityKey key{.track = "spa",
                            .chassis = chassis,
                            .source_session = "12",
                            .first = {kBegan * kNsPerSecond}};
      commit.laps.activities.push_back({.key = key,
                                        .began = key.first,
                                        .ended = {(kBegan + 400) * kNsPerSecond},
                                        .points = 4'000});
      for (std::int32_t n = 1; n <= 3; ++n) {
        const std::int64_t began = kBegan + 100 * (n - 1);
        commit.laps.laps.push_back(std::make_shared<const Lap>(
            Lap{.activity = key,
                .lap = n,
                .revision = n < 3 ? 1u : 0u,
                .began = {began * kNsPerSecond},
                .ended = {(began + 100) * kNsPerSecond},
                .begun_here = true,
                .is_complete = n < 3,
                .lap_time_s = n < 3 ? std::optional(100.0 - n) : std::nullopt,
                .points = 1'000,
                .channels = {"speed_kmh"}}));
      }
    }
    commit.laps.activities.push_back({.key = {.track = "cota", .chassis = "A", .first = {1}},
                                      .began = {1},
                                      .ended = {2},
                                      .points = 2});
    ASSERT_TRUE(store->commit(commit));
    session_ = session_id_of(commit.laps.activities[0].key);
  }
  void start(std::map<std::string, std::string> settings = {}) {
    server_.reset();
    settings.emplace("DATA_DIR", (directory_.path() / "data").string());
    server_ = std::make_unique<Server>(std::move(settings));
  }
  std::string get(const std::string& target, const harness::Headers& headers = {}) {
    return http(server_->port(), "GET", target, "", headers).body;
  }
  harness::HttpAnswer patch(const std::string& id, const std::string& body,
                            harness::Headers headers = {}) {
    headers.emplace_back("Content-Type", "application/json");
    return http(server_->port(), "PATCH", "/api/sessions/" + id, body, headers);
  }
  std::string session_json(const std::string& name) const {
    return fmt::format(
        R"({{"id":"{}","track":"spa","name":"{}","started":"2025-09-04T15:33:20Z",)"
        R"("ended":"2025-09-04T15:40:00Z","machines":2,"laps":4,"points":8000,"parts":["12"],)"
        R"("live":false,"pinned":false}})",
        session_, name);
  }

  TemporaryDirectory directory_;
  std::string session_;
  std::unique_ptr<Server> server_;
};

TEST_F(LapsApiTest, SessionsAreListedTheNewestFirst) {
  start();
  const auto all = get("/api/sessions");
  EXPECT_THAT(all, StartsWith(R"({"sessions":[)" + session_json("") + R"(,{"id":"s)"));
  EXPECT_THAT(list_of(all, "sessions", "track"), ElementsAre("spa", "cota"));
  EXPECT_EQ(get("/api/sessions?track=spa"), R"({"sessions":[)" + session_json("") + "]}");
  EXPECT_EQ(get("/api/sessions?from=2025-09-04T15:40:00.001Z"), R"({"sessions":[]})");
  EXPECT_THAT(list_of(get("/api/sessions?to=2000-01-01T00:00:00Z"), "sessions", "track"),
              ElementsAre("cota"));
  EXPECT_THAT(get("/api/sessions?track=spa", {{"Accept", "text/csv"}}),
              StartsWith("id,track,name,started,ended,machines,laps,points,parts,live,pinned\r\n" +
                         session_ + ",spa,,2025-09-04T15:33:20Z,2025-09-04T15:40:00Z,2,4,8000,"));
}

TEST_F(LapsApiTest, LapsComeByPagesAndAsATable) {
  start();
  const auto first = get("/api/laps?limit=4");
  EXPECT_THAT(list_of(first, "laps", "lap"), ElementsAre("3", "3", "2", "2"));
  const std::string cursor(json_string_body(json_member(first, "next")));
  const auto second = get("/api/laps?limit=4&cursor=" + cursor);
  EXPECT_THAT(list_of(second, "laps", "lap"), ElementsAre("1", "1"));
  EXPECT_EQ(json_member(second, "next"), "null");
  EXPECT_THAT(first, HasSubstr(R"("lap_time_s":null,"sector_times_s":null,"complete":false)"))
      << "it is being driven";
  const auto one = get("/api/laps?session=" + session_ + "&chassis=A&lap=2&track=spa");
  EXPECT_THAT(list_of(one, "laps", "id"),
              ElementsAre(fmt::format("{}-{}-2", session_, machine_id_of("A"))));
  EXPECT_THAT(one, HasSubstr(R"("lap_time_s":98,"sector_times_s":[],"complete":true,"valid":true,)"
                             R"("pit_in":false,"pit_out":false,"compound":null)"));
  EXPECT_THAT(list_of(get("/api/laps?track=cota"), "laps", "id"), IsEmpty());
  const auto table =
      http(server_->port(), "GET", "/api/laps?limit=1&chassis=%3DB", "", {{"Accept", "text/csv"}});
  EXPECT_THAT(table.body, StartsWith("id,session,track,chassis,lap,started,ended,lap_time_s,"));
  EXPECT_THAT(table.body, HasSubstr(",spa,\"'=B\",3,2025-09-04T15:36:40Z,"));
  EXPECT_TRUE(table.headers.contains("x-next-cursor"));
}

TEST_F(LapsApiTest, WhatCannotBeAskedIsRefusedWithAWord) {
  start();
  const std::tuple<std::string, unsigned, std::string> refused[] = {
      {"/api/laps?limit=0", 400, "limit must be a whole number from 1 to 1000"},
      {"/api/laps?limit=1001", 400, "limit"},
      {"/api/laps?lap=x", 400, "lap must be a whole number"},
      {"/api/laps?cursor=1.2", 400, "the cursor is not one that a page gave"},
      {"/api/laps?car=1", 400, "car"},
      {"/api/laps?session=s0123456789abcdef", 404, "unknown_session: "},
      {"/api/sessions?from=soon", 400, "from"},
      {"/api/sessions?session=x", 400, "session"}};
  for (const auto& [target, status, why] : refused) {
    const auto answer = http(server_->port(), "GET", target);
    EXPECT_EQ(answer.status, status) << target;
    EXPECT_THAT(answer.body, HasSubstr(why)) << target;
  }
}

TEST_F(LapsApiTest, ASessionGetsANameThatStays) {
  start();
  const auto named = patch(session_, R"({"name":"Qualifying „1“"})");
  EXPECT_EQ(named.status, 200u);
  EXPECT_EQ(named.body, session_json("Qualifying „1“"));
  EXPECT_EQ(patch(session_, R"({"pinned":false})").body, session_json("Qualifying „1“"));
  ASSERT_TRUE(server_->stop());
  start();
  EXPECT_THAT(list_of(get("/api/sessions"), "sessions", "name"), ElementsAre("Qualifying „1“", ""));
  EXPECT_EQ(patch(session_, R"({"name":""})").body, session_json(""));
}

TEST_F(LapsApiTest, ASessionIsPinnedUntilItIsNotAnyMore) {
  start();
  const auto flags = [&] { return list_of(get("/api/sessions"), "sessions", "pinned"); };
  EXPECT_THAT(patch(session_, R"({"pinned":true,"name":"x"})").body,
              AllOf(HasSubstr(R"("name":"x")"), HasSubstr(R"("pinned":true)")));
  EXPECT_THAT(flags(), ElementsAre("true", "false"));
  ASSERT_TRUE(server_->stop());
  start();
  EXPECT_THAT(flags(), ElementsAre("true", "false"));
  EXPECT_EQ(patch(session_, R"({"pinned":false})").status, 200u);
  EXPECT_THAT(flags(), ElementsAre("false", "false"));
  EXPECT_EQ(patch("s0123456789abcdef", R"({"pinned":true})").status, 404u);
}

TEST_F(LapsApiTest, WhereThereIsNoRoomOrNoLogNoSessionIsPinned) {
  start({{"PINNED_MAX_BYTES", "1"}});
  // The log's open segment may have some of it.
  ASSERT_EQ(http(server_->port(), "POST", "/api/ingest", R"({"track":"x","chassis":"y"})").status,
            200u);
  const auto full = patch(session_, R"({"pinned":true})");
  EXPECT_EQ(full.status, 409u);
  EXPECT_THAT(full.body, AllOf(HasSubstr("pinned_full: "), HasSubstr("PINNED_MAX_BYTES allows 1")));
  ASSERT_TRUE(server_->stop());
  start({{"DURABLE_LOG", "none"}});
  const auto none = patch(session_, R"({"pinned":true})");
  EXPECT_EQ(none.status, 501u);
  EXPECT_THAT(none.body, HasSubstr("no_history: "));
  EXPECT_EQ(get("/api/sessions?track=spa"), R"({"sessions":[)" + session_json("") + "]}");
}

TEST_F(LapsApiTest, WhatIsNoEditIsRefused) {
  start();
  const std::tuple<std::string, unsigned, std::string> refused[] = {
      {"{", 400, "no JSON object"},
      {"", 400, "no JSON object"},
      {"[]", 400, "no JSON object"},
      {"{}", 400, "nothing to change"},
      {R"({"nam":"x"})", 400, "'nam' is not known"},
      {R"({"name":1})", 400, "name must be a text"},
      {R"({"name":null})", 400, "name must be a text"},
      {R"({"name":"a\u0000"})", 400, "control characters"},
      {R"({"name":")" + std::string(129, 'x') + "\"}", 400, "128 bytes"},
      {"{\"name\":\"\xff\"}", 400, "no JSON object"},
      {R"({"pinned":1})", 400, "true or false"},
      {R"({"name":")" + std::string(5'000, 'x') + "\"}", 413, "4096"}};
  for (const auto& [body, status, why] : refused) {
    const auto answer = patch(session_, body);
    EXPECT_EQ(answer.status, status) << body;
    EXPECT_THAT(answer.body, HasSubstr(why)) << body;
  }
  EXPECT_EQ(patch("s0123456789abcdef", R"({"name":"x"})").status, 404u);
  EXPECT_EQ(patch("x", R"({"name":"x"})").status, 404u);
  EXPECT_EQ(patch(session_, R"({"name":"x"})", {{"Content-Encoding", "gzip"}}).status, 415u);
  EXPECT_EQ(http(server_->port(), "DELETE", "/api/sessions/" + session_).status, 405u);
  EXPECT_EQ(get("/api/sessions?track=spa"), R"({"sessions":[)" + session_json("") + "]}");
}

TEST_F(LapsApiTest, AnEditNeedsTheScopeWriteAndAFittingOrigin) {
  start({{"API_TOKEN_READ", "reader-reader-reader"}, {"API_TOKEN_WRITE", "writer-writer-writer"}});
  const std::string edit = R"({"name":"x"})";
  EXPECT_EQ(patch(session_, edit).status, 401u);
  EXPECT_EQ(patch(session_, edit, {{"Authorization", "Bearer reader-reader-reader"}}).status, 403u);
  EXPECT_EQ(patch(session_, edit,
                  {{"Authorization", "Bearer writer-writer-writer"},
                   {"Origin", "https://elsewhere.example"}})
                .status,
            403u);
  EXPECT_EQ(patch(session_, edit, {{"Authorization", "Bearer writer-writer-writer"}}).status, 200u);
  EXPECT_EQ(http(server_->port(), "GET", "/api/laps").status, 401u);
  EXPECT_EQ(http(server_->port(), "GET", "/api/sessions").status, 401u);
}

TEST_F(LapsApiTest, WithRedisAsTheLogNobodyTellsThem) {
  SLIPSTREAM_NEEDS_REDIS();
  const harness::RedisServer redis;
  start({{"DURABLE_LOG", "redis"}, {"REDIS_URL", redis.url()}});
  for (const char* const target : {"/api/laps", "/api/sessions"}) {
    const auto answer = http(server_->port(), "GET", target);
    EXPECT_EQ(answer.status, 501u);
    EXPECT_THAT(answer.body, HasSubstr("not_followed: "));
  }
  EXPECT_EQ(patch(session_, R"({"name":"x"})").status, 501u);
  server_.reset();
}

TEST_F(LapsApiTest, WithoutALogTheyAreThereToo) {
  start({{"DURABLE_LOG", "none"}});
  EXPECT_EQ(patch(session_, R"({"name":"x"})").body, session_json("x"));
  EXPECT_THAT(list_of(get("/api/laps?chassis=A"), "laps", "lap"), ElementsAre("3", "2", "1"));
}

TEST_F(LapsApiTest, ARebuiltStoreHasThemAgainUnderTheirIds) {
  start();
  const auto laps = get("/api/laps");
  const auto sessions = get("/api/sessions");
  ASSERT_TRUE(server_->stop());
  server_.reset();
  const auto run = [this](std::vector<std::string> arguments) {
    harness::Program program(directory_, std::move(arguments));
    EXPECT_EQ(program.exit_code(), 0) << program.output();
    return program.output();
  };
  EXPECT_THAT(run({"store", "check", "data"}), HasSubstr("6 laps\n"));
  EXPECT_THAT(run({"store", "rebuild", "data"}), HasSubstr("copied      6 laps"));
  EXPECT_THAT(run({"store", "check", "data"}), HasSubstr("0 faults"));
  start();
  EXPECT_EQ(get("/api/laps"), laps);
  EXPECT_EQ(get("/api/sessions"), sessions);
}

TEST_F(LapsApiTest, HealthAndMetricsTellOfThem) {
  start();
  EXPECT_THAT(get("/api/health"), HasSubstr(R"("laps":{"written":0,"late":0,"not_followed":0,)"));
  EXPECT_EQ(metric(server_->port(), "slipstream_store_laps_written_total"), 0);
  for (const char* const name : {"late", "not_followed", "ambiguous"}) {
    EXPECT_EQ(metric(server_->port(), fmt::format("slipstream_laps_{}_points_total", name)), 0);
  }
}

}  // namespace
}  // namespace slipstream
