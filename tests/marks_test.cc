// Marks through a whole server: by hand and by games, live, by pages, in the store, after a restart
// and after kill -9.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <random>
#include <thread>

#include "codec/games_testing.h"
#include "codec/json_scan.h"
#include "codec/mark_json.h"
#include "crash_harness.h"
#include "damaged_store.h"
#include "environment.h"
#include "harness.h"
#include "program.h"
#include "source/udp_sender.h"
#include "store/sqlite.h"

namespace slipstream {
namespace {

using harness::eventually;
using harness::http;
using harness::metric;
using harness::Server;
using harness::TemporaryDirectory;
using harness::WebSocketClient;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

std::string member(std::string_view json, std::string_view name) {
  return std::string(json_string_body(json_member(json, name)));
}

std::vector<std::string> marks_of(std::string_view page) {
  std::vector<std::string> marks;
  JsonScan all(json_member(page, "marks"));
  while (const auto mark = all.next()) marks.emplace_back(mark->value);
  return marks;
}

std::vector<std::string> texts_of(std::string_view page) {
  std::vector<std::string> texts;
  for (const auto& mark : marks_of(page)) texts.push_back(member(mark, "text"));
  return texts;
}

class MarksTest : public testing::Test {
 protected:
  void start(std::map<std::string, std::string> settings = {}) {
    server_.reset();
    settings.emplace("DATA_DIR", (directory_.path() / "data").string());
    server_ = std::make_unique<Server>(std::move(settings));
  }
  harness::HttpAnswer post(const std::string& body, harness::Headers headers = {}) {
    headers.emplace_back("Content-Type", "application/json");
    return http(server_->port(), "POST", "/api/marks", body, headers);
  }
  std::string get(const std::string& query = "") {
    return http(server_->port(), "GET", "/api/marks" + query).body;
  }
  bool has_stored(std::uint64_t count) {
    return eventually([&] {
      return metric(server_->port(), "slipstream_store_marks_written_total") ==
             static_cast<double>(count);
    });
  }
  Database store() const {
    return Database::open((directory_.path() / "data/slipstream.db").string(), SQLITE_OPEN_READONLY)
        .value();
  }

  TemporaryDirectory directory_;
  std::unique_ptr<Server> server_;
};

TEST_F(MarksTest, ANoteByHandIsLiveOnThePageAndInTheStore) {
  start();
  WebSocketClient client(server_->port(), "/ws/realtime");
  client.send(R"({"type":"subscribe","channels":["marks"]})");
  client.read_until(R"("cursors":{"marks":"0"})");
  const auto answer = post(
      R"({"time":"2025-09-04T15:33:20Z","track":"spa","session":"s1","chassis":"A","text":"rain"})");
  EXPECT_EQ(answer.status, 201u);
  EXPECT_EQ(answer.body, R"({"ok":true,"accepted":1,"rejected":0,"errors":[]})");
  const std::string mark =
      R"({"type":"mark","track":"spa","session":"s1","time":"2025-09-04T15:33:20Z",)"
      R"("kind":"note","chassis":"A","text":"rain")";
  const auto live = client.read_until(R"("type":"mark")");
  EXPECT_THAT(live, testing::StartsWith(mark + R"(,"cursor":"1.)"));
  EXPECT_EQ(get(), R"({"marks":[)" + mark + R"(}],"next":null})");
  auto database = store();
  EXPECT_EQ(database
                .integer("SELECT count(*) FROM marks WHERE session = 's1' AND text = 'rain' AND "
                         "time = '2025-09-04T15:33:20.000Z'")
                .value(),
            1);
  EXPECT_EQ(metric(server_->port(), "slipstream_marks_taken_total"), 1);
  EXPECT_EQ(server_->ingest().of(SourceKind::kHttp).received.value(), 0u) << "it is no point";
}

TEST_F(MarksTest, PagesFiltersAndTables) {
  start();
  for (int i = 1; i <= 5; ++i) {
    EXPECT_EQ(post(fmt::format(R"({{"time":{},"track":"{}","session":"s{}","text":"=n{}"}})",
                               1'757'000'000 + i, i == 5 ? "spa" : "cota", i % 2, i))
                  .status,
              201u);
  }
  ASSERT_TRUE(has_stored(5));
  const auto first = get("?limit=2");
  EXPECT_THAT(texts_of(first), ElementsAre("=n5", "=n4"));
  EXPECT_THAT(texts_of(get("?limit=2&cursor=" + member(first, "next"))), ElementsAre("=n3", "=n2"));
  EXPECT_THAT(texts_of(get("?session=s1")), ElementsAre("=n5", "=n3", "=n1"));
  EXPECT_THAT(texts_of(get("?session=s1&track=cota&from=1757000002")), ElementsAre("=n3"));
  EXPECT_THAT(texts_of(get("?to=1757000001&kind=note")), ElementsAre("=n1"));
  EXPECT_THAT(texts_of(get("?chassis=A")), IsEmpty());
  const auto table =
      http(server_->port(), "GET", "/api/marks?track=spa&limit=1", "", {{"Accept", "text/csv"}});
  EXPECT_THAT(table.headers.at("content-type"), HasSubstr("text/csv"));
  EXPECT_EQ(table.body,
            "track,session,time,kind,chassis,text\r\n"
            "spa,s1,2025-09-04T15:33:25Z,note,,\"'=n5\"\r\n");
  for (const char* bad : {"?limit=0", "?limit=1001", "?from=soon", "?cursor=x", "?lap=1"}) {
    EXPECT_EQ(http(server_->port(), "GET", std::string("/api/marks") + bad).status, 400u) << bad;
  }
}

TEST_F(MarksTest, WhatIsNoMarkIsRefusedWithAWordAndCounted) {
  start();
  const std::tuple<std::string, std::string, std::string> refused[] = {
      {"{", "malformed_json", "JSON"},
      {R"({"text":"x"})", "missing_dimension", "'track'"},
      {R"({"track":"spa"})", "empty", "'text'"},
      {R"({"track":"spa","text":"a\u0007"})", "out_of_range", "control characters"},
      {R"({"track":"spa","text":")" + std::string(513, 'x') + "\"}", "too_large", "512"},
      {"", "empty", ""}};
  for (const auto& [body, reason, why] : refused) {
    const auto answer = post(body);
    EXPECT_EQ(answer.status, 400u) << body;
    EXPECT_THAT(answer.body, HasSubstr(R"("reason":")" + reason + '"')) << body;
    EXPECT_THAT(answer.body, HasSubstr(why)) << body;
  }
  EXPECT_EQ(metric(server_->port(), "slipstream_marks_refused_total"), 5);
  EXPECT_EQ(http(server_->port(), "POST", "/api/marks", "track,text\nspa,x\n",
                 {{"Content-Type", "text/csv"}})
                .status,
            415u);
  EXPECT_THAT(marks_of(get()), IsEmpty());
  const auto& ingest = server_->ingest().of(SourceKind::kHttp);
  std::uint64_t rejected = 0;
  for (const auto& of_reason : ingest.rejected) rejected += of_reason.value();
  EXPECT_EQ(ingest.received.value(), rejected) << "what came is what was refused";
}

TEST_F(MarksTest, ASessionWillDoForATrack) {
  start();
  EXPECT_EQ(post(R"({"session":"s1","text":"rain"})").status, 201u);
  EXPECT_EQ(post(R"({"chassis":"A","text":"rain"})").status, 400u) << "nobody finds it again";
  ASSERT_TRUE(has_stored(1));
  EXPECT_THAT(texts_of(get("?session=s1")), ElementsAre("rain"));
  EXPECT_THAT(get(), HasSubstr(R"({"type":"mark","session":"s1","time":)"));
  ASSERT_TRUE(server_->stop());
  start();
  EXPECT_THAT(texts_of(get("?session=s1")), ElementsAre("rain"));
}

TEST_F(MarksTest, AmongPointsTheyAreTakenInTheirPlace) {
  start();
  const std::string mark =
      R"({"type":"mark","track":"spa","chassis":"A","kind":"note","text":"rain"})";
  const std::string unknown = R"({"type":"mark","track":"spa","lap":1,"text":"rain"})";
  const std::string point = R"({"track":"spa","chassis":"A","lap":1,"speed_kmh":100})";
  for (std::size_t i = 1; i <= 3; ++i) {  // also once the names are known
    const auto answer = http(server_->port(), "POST", "/api/ingest",
                             point + "\n" + mark + "\n" + unknown + "\n" + point + "\n" + mark,
                             {{"Content-Type", "application/x-ndjson"}});
    EXPECT_EQ(answer.status, 200u);
    EXPECT_THAT(answer.body, HasSubstr(R"("accepted":4,"rejected":1)"));
    EXPECT_THAT(answer.body, HasSubstr("a mark has 'time'"));
    EXPECT_TRUE(eventually([&] { return marks_of(get()).size() == 2 * i; }));
  }
  EXPECT_EQ(http(server_->port(), "POST", "/api/ingest", "[" + mark + "]").status, 200u);
  EXPECT_EQ(http(server_->port(), "POST", "/api/ingest", "[" + unknown + "]").status, 400u);
}

TEST_F(MarksTest, ANoteNeedsTheTokenThatPointsNeed) {
  start({{"API_TOKEN_READ", "reader-reader-reader"}, {"API_TOKEN_WRITE", "writer-writer-writer"}});
  const std::string note = R"({"track":"spa","text":"rain"})";
  EXPECT_EQ(post(note).status, 401u);
  EXPECT_EQ(post(note, {{"Authorization", "Bearer reader-reader-reader"}}).status, 403u);
  EXPECT_EQ(post(note, {{"Authorization", "Bearer writer-writer-writer"}}).status, 201u);
  EXPECT_EQ(http(server_->port(), "GET", "/api/marks").status, 401u);
}

TEST_F(MarksTest, AKeyMakesItOneMarkThroughARestart) {
  start();
  const std::string note = R"({"track":"spa","text":"rain"})";
  for (int life = 0; life < 2; ++life) {
    for (int i = 0; i < 2; ++i) {
      const auto answer = post(note, {{"Idempotency-Key", "once"}});
      EXPECT_EQ(answer.status, 201u);
      EXPECT_EQ(answer.headers.contains("idempotency-replayed"), life + i > 0);
    }
    ASSERT_TRUE(eventually([&] { return marks_of(get()).size() == 1; }));
    ASSERT_TRUE(server_->stop());
    start();
  }
  EXPECT_THAT(texts_of(get()), ElementsAre("rain"));
  EXPECT_EQ(post(note).status, 201u);
  EXPECT_TRUE(eventually([&] { return marks_of(get()).size() == 2; }));
}

TEST_F(MarksTest, WithoutALogTheyAreStoredAndShownToo) {
  for (int life = 0; life < 2; ++life) {
    start({{"DURABLE_LOG", "none"}});
    EXPECT_EQ(post(R"({"track":"spa","text":"rain"})").status, 201u);
    EXPECT_TRUE(eventually([&] { return marks_of(get()).size() == life + 1u; }));
    EXPECT_TRUE(server_->stop());
  }
}

/// A mark as text, without the time, which hangs on when it came.
std::string timeless(Mark mark) {
  mark.time = {};
  std::string json;
  append_mark_json(json, mark);
  return json;
}

class MarksOfGames : public MarksTest, public testing::WithParamInterface<const char*> {};

TEST_P(MarksOfGames, AreThoseThatTheDecoderTells) {
  const auto capture = games_testing::read_kept_reference(std::string(GetParam()) + ".cap");
  ASSERT_TRUE(capture);
  const auto datagrams = games_testing::datagrams_of(*capture);
  games_testing::Decoding decoding;
  for (const auto& datagram : datagrams) decoding.take(datagram);
  decoding.flush({std::numeric_limits<std::int64_t>::max()});
  std::vector<std::string> expected;
  for (const auto& mark : decoding.marks()) expected.push_back(timeless(mark));
  ASSERT_THAT(expected, testing::Not(IsEmpty()));

  start();
  auto sender = UdpSender::open("127.0.0.1", server_->udp_port()).value();
  std::uint64_t sent = 0;
  for (const auto& datagram : datagrams) {
    ASSERT_TRUE(sender.send(datagram.bytes));
    ++sent;
    constexpr std::uint64_t kOnTheirWay = 50;
    ASSERT_TRUE(
        eventually([&] { return sent - server_->ingest().udp_datagrams.value() < kOnTheirWay; }));
  }
  ASSERT_TRUE(eventually([&] { return server_->ingest().udp_datagrams.value() == sent; }));
  ASSERT_TRUE(server_->stop());
  EXPECT_EQ(server_->ingest().marks_refused.value(), 0u);
  start();
  std::vector<std::string> found;
  std::string cursor;
  do {
    const auto page = get("?limit=1000" + (cursor.empty() ? "" : "&cursor=" + cursor));
    for (const auto& json : marks_of(page)) {
      const auto mark = parse_mark_json(json, {});
      ASSERT_TRUE(mark) << json;
      found.push_back(timeless(*mark));
    }
    cursor = member(page, "next");
    if (json_member(page, "next") == "null") cursor.clear();
  } while (!cursor.empty());
  std::ranges::sort(expected);
  std::ranges::sort(found);
  EXPECT_EQ(found, expected);
}

INSTANTIATE_TEST_SUITE_P(Games, MarksOfGames,
                         testing::Values("f1_2023", "f1_2024", "f1_2025", "f1_2026",
                                         "f1_2025_race"),
                         [](const auto& tested) { return std::string(tested.param); });

TEST_F(MarksTest, TheLogsToolsKnowThem) {
  start();
  EXPECT_EQ(post(R"({"track":"spa","text":"rain"})").status, 201u);
  EXPECT_EQ(http(server_->port(), "POST", "/api/ingest", R"({"track":"spa","chassis":"A"})").status,
            200u);
  ASSERT_TRUE(server_->stop());
  server_.reset();
  const auto run = [this](std::vector<std::string> arguments) {
    harness::Program program(directory_, std::move(arguments));
    EXPECT_EQ(program.exit_code(), 0) << program.output();
    return program.output();
  };
  EXPECT_THAT(run({"log", "info", "data"}), HasSubstr("marks       1\n"));
  run({"log", "verify", "data"});
  EXPECT_THAT(run({"export", "--data", "data"}), HasSubstr(R"("chassis":"A")"));
}

TEST_F(MarksTest, ARebuiltStoreHasThemAgain) {
  start();
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(post(fmt::format(R"({{"track":"spa","text":"n{}"}})", i)).status, 201u);
  }
  ASSERT_TRUE(server_->stop());
  server_.reset();
  const auto file = (directory_.path() / "data/slipstream.db").string();
  {
    auto database = Database::open(file, SQLITE_OPEN_READWRITE).value();
    // As if the file were one of before they came, and the checkpoint not to be used.
    ASSERT_TRUE(database.execute("DELETE FROM stored_marks; DELETE FROM layout"));
  }
  harness::Program rebuild(directory_, {"store", "rebuild", "data"});
  ASSERT_EQ(rebuild.exit_code(), 0) << rebuild.output();
  start();
  EXPECT_THAT(marks_of(get()), SizeIs(3));
  EXPECT_EQ(post(R"({"track":"spa","text":"n3"})").status, 201u);
  EXPECT_TRUE(eventually([&] { return marks_of(get()).size() == 4; }));
}

class DamagedMarks : public MarksTest, public testing::WithParamInterface<bool> {
 protected:
  std::vector<std::string> rows() const {
    auto database = store();
    auto all =
        database.prepare("SELECT id || ' at ' || log_offset FROM stored_marks ORDER BY id").value();
    std::vector<std::string> rows;
    while (all.step().value()) rows.emplace_back(all.text(0));
    return rows;
  }
};

TEST_P(DamagedMarks, AreSalvagedAroundAPageThatCannotBeReadAndKeepTheirRows) {
  const bool has_log = GetParam();
  constexpr std::size_t kNotes = 120;
  start();
  const std::string filling(400, 'x');
  for (std::size_t i = 0; i < kNotes; ++i) {
    ASSERT_EQ(http(server_->port(), "POST", "/api/marks?durability=received",
                   fmt::format(R"({{"track":"spa","text":"n{} {}"}})", i, filling),
                   {{"Content-Type", "application/json"}})
                  .status,
              201u);
  }
  ASSERT_TRUE(server_->stop());
  server_.reset();
  const auto before = rows();
  ASSERT_THAT(before, SizeIs(kNotes));
  const auto data = directory_.path() / "data";
  const harness::DatabasePages pages(data / "slipstream.db");
  const auto leaves = pages.leaves_of("stored_marks");
  ASSERT_GT(leaves.size(), 4u);
  pages.spoil(leaves[leaves.size() / 2]);
  if (!has_log) std::filesystem::remove_all(data / "log");
  harness::Program rebuild(directory_, {"store", "rebuild", "data"});
  ASSERT_EQ(rebuild.exit_code(), 0) << rebuild.output();
  const auto after = rows();
  EXPECT_THAT(rebuild.output(), HasSubstr("rows of the table stored_marks are missing"));
  if (has_log) {
    EXPECT_EQ(after, before);
    EXPECT_THAT(rebuild.output(), HasSubstr("from log    "));
    EXPECT_THAT(rebuild.output(), testing::Not(HasSubstr("marks that were there")));
  } else {
    EXPECT_GT(after.size(), kNotes - 20);
    EXPECT_EQ(after.back(), before.back()) << "what stands behind the page is there";
    EXPECT_THAT(rebuild.output(), HasSubstr(fmt::format("copied      {} marks", after.size())));
    EXPECT_THAT(rebuild.output(),
                HasSubstr(fmt::format("lost        {} marks", kNotes - after.size())));
  }
  harness::Program check(directory_, {"store", "check", "data"});
  const auto code = check.exit_code();
  if (has_log) {
    EXPECT_EQ(code, 0) << check.output();
  }
  EXPECT_THAT(check.output(), HasSubstr(fmt::format("{} marks\n", after.size())));
}

INSTANTIATE_TEST_SUITE_P(TheLog, DamagedMarks, testing::Bool(),
                         [](const auto& tested) { return tested.param ? "IsThere" : "IsGone"; });

TEST_F(MarksTest, ARowThatIsNoMarkStopsNoStartAndTheLogGivesItAgain) {
  start();
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(post(fmt::format(R"({{"track":"spa","text":"n{}"}})", i)).status, 201u);
  }
  ASSERT_TRUE(server_->stop());
  server_.reset();
  {
    auto database =
        Database::open((directory_.path() / "data/slipstream.db").string(), SQLITE_OPEN_READWRITE)
            .value();
    ASSERT_TRUE(database.execute("UPDATE stored_marks SET mark = '{' WHERE id = 3"));
  }
  start();
  EXPECT_EQ(http(server_->port(), "GET", "/api/marks").status, 500u) << "and says what to do";
  ASSERT_TRUE(server_->stop());
  server_.reset();
  harness::Program rebuild(directory_, {"store", "rebuild", "data"});
  ASSERT_EQ(rebuild.exit_code(), 0) << rebuild.output();
  EXPECT_THAT(rebuild.output(), HasSubstr("from log    1 marks"));
  EXPECT_EQ(store().integer("SELECT id FROM marks WHERE text = 'n2'").value(), 3);
  start();
  EXPECT_THAT(marks_of(get()), SizeIs(3));
}

/// Notes that are sent, each under a key, until they are acknowledged; and whoever gets them.
TEST(MarksCrash, EachIsInTheStoreOnceAndOnceOnTheChannel) {
  const auto seed =
      harness::from_environment("SLIPSTREAM_CRASH_SEED", std::random_device{}() % 1'000'000);
  fmt::print("SLIPSTREAM_CRASH_SEED={}\n", seed);
  std::mt19937_64 schedule(seed);
  const TemporaryDirectory directory;
  std::atomic<std::uint16_t> port{0};
  std::atomic<bool> is_ending{false};
  std::atomic<int> acknowledged{0};
  std::thread sender([&] {
    for (int n = 0; !is_ending.load();) {
      if (port.load() == 0) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
        continue;
      }
      try {
        const auto answer = http(
            port.load(), "POST", "/api/marks", fmt::format(R"({{"track":"spa","text":"n{}"}})", n),
            {{"Content-Type", "application/json"}, {"Idempotency-Key", fmt::format("{}", n)}});
        if (answer.status == 201) acknowledged.store(++n);
      } catch (const std::exception&) {  // killed before it answered
      }
    }
  });
  std::vector<std::string> got;
  std::string cursor = "0";
  const auto take = [&](const std::string& message) {
    if (!message.starts_with(R"({"type":"mark")")) return;
    got.push_back(member(message, "text"));
    cursor = member(message, "cursor");
  };
  const auto rounds = static_cast<int>(harness::from_environment("SLIPSTREAM_CRASH_ROUNDS", 6));
  for (int round = 0; round < rounds; ++round) {
    crash::ServerProcess server(directory.path(), {"PARTITIONS=3"});
    const auto its_port = server.wait_until_it_serves();
    ASSERT_NE(its_port, 0) << server.output();
    port.store(its_port);
    const auto end =
        std::chrono::steady_clock::now() + std::chrono::milliseconds(100 + schedule() % 300);
    try {
      WebSocketClient client(its_port, "/ws/realtime");
      client.send(fmt::format(R"({{"type":"resume","channel":"marks","after":"{}"}})", cursor));
      // Until one was acknowledged at all: a slow machine takes its time.
      const auto is_over = [&] {
        const auto now = std::chrono::steady_clock::now();
        return now >= (acknowledged.load() > 0 ? end : end + harness::kPatience);
      };
      while (!is_over()) {
        if (const auto message = client.read(std::chrono::milliseconds(20))) take(*message);
      }
    } catch (const std::exception&) {
      ADD_FAILURE() << "nobody has killed it yet";
    }
    server.kill();
    port.store(0);
  }
  is_ending.store(true);
  sender.join();
  EXPECT_GT(acknowledged.load(), 0);
  crash::ServerProcess server(directory.path(), {"PARTITIONS=3"});
  const auto last_port = server.wait_until_it_serves();
  ASSERT_NE(last_port, 0) << server.output();
  // Behind all of them.
  ASSERT_EQ(http(last_port, "POST", "/api/marks", R"({"track":"spa","text":"the last"})",
                 {{"Content-Type", "application/json"}})
                .status,
            201u);
  WebSocketClient client(last_port, "/ws/realtime");
  client.send(fmt::format(R"({{"type":"resume","channel":"marks","after":"{}"}})", cursor));
  while (got.empty() || got.back() != "the last") {
    const auto message = client.read();
    ASSERT_TRUE(message) << got.size() << " marks came";
    take(*message);
  }
  ASSERT_EQ(server.stop(), 0) << server.output();
  auto database =
      Database::open((directory.path() / "data/slipstream.db").string(), SQLITE_OPEN_READONLY)
          .value();
  auto rows = database.prepare("SELECT text FROM marks ORDER BY id").value();
  std::vector<std::string> stored;
  while (rows.step().value()) stored.emplace_back(rows.text(0));
  ASSERT_EQ(got, stored) << "the channel gave what the store has, in its order";
  stored.pop_back();  // the last
  // The last one may have got there though nobody was told.
  ASSERT_GE(stored.size(), static_cast<std::size_t>(acknowledged.load()));
  ASSERT_LE(stored.size(), static_cast<std::size_t>(acknowledged.load()) + 1);
  for (std::size_t n = 0; n < stored.size(); ++n) EXPECT_EQ(stored[n], fmt::format("n{}", n));
}

}  // namespace
}  // namespace slipstream
