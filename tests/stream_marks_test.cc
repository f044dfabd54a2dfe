// Marks where Redis keeps the log, and in the entries of streams: in order, stored once with every
// instance, whoever wrote them and whoever is killed.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "harness.h"
#include "program.h"
#include "redis_server.h"
#include "source/udp_sender.h"
#include "stream_feed.h"
#include "stream_log_testing.h"

namespace slipstream {
namespace {

using harness::eventually;
using harness::http;
using harness::metric;
using harness::Program;
using harness::RedisServer;
using harness::Server;
using harness::WebSocketClient;
using namespace stream_log;
using streams::stored_marks;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::UnorderedElementsAre;

harness::HttpAnswer post_mark(std::uint16_t port, const std::string& text, std::int64_t time,
                              const std::string& key = {}) {
  harness::Headers headers = {{"Content-Type", "application/json"}};
  if (!key.empty()) headers.emplace_back("Idempotency-Key", key);
  return http(port, "POST", "/api/marks",
              fmt::format(R"({{"track":"cota","time":{},"text":"{}"}})", time, text), headers);
}

/// Lines of all entries of a partition's stream.
std::vector<std::string> lines(RedisServer& redis, std::uint32_t partition) {
  std::vector<std::string> lines;
  for (const auto& entry : streams::entries(redis, telemetry_stream(partition))) {
    const std::string& text = entry.at("points");
    for (std::size_t at = 0; at < text.size(); at = text.find('\n', at) + 1) {
      lines.push_back(text.substr(at, text.find('\n', at) - at));
    }
  }
  return lines;
}

class StreamMarks : public testing::Test {
 protected:
  void SetUp() override { SLIPSTREAM_NEEDS_REDIS(); }
};

TEST_F(StreamMarks, AreLiveAndStoredOnceWithEveryInstance) {
  RedisServer redis;
  std::vector<std::unique_ptr<Server>> servers;  // the first takes, the others fold
  for (int i = 0; i < 3; ++i) {
    servers.push_back(std::make_unique<Server>(environment(redis, i > 0)));
  }
  std::vector<std::unique_ptr<WebSocketClient>> clients;
  for (const auto& server : servers) {
    clients.push_back(std::make_unique<WebSocketClient>(server->port(), "/ws/realtime"));
    clients.back()->send(R"({"type":"subscribe","channels":["marks"]})");
    clients.back()->read_until(R"("cursors":{"marks":"0"})");
  }
  const auto answer = post_mark(servers[0]->port(), "rain", kBegin / 1'000);
  EXPECT_EQ(answer.status, 201u);
  EXPECT_EQ(answer.body, R"({"ok":true,"accepted":1,"rejected":0,"errors":[]})");
  for (const auto& client : clients) {
    EXPECT_THAT(client->read_until(R"("type":"mark")"), HasSubstr(R"("text":"rain")"));
  }
  // Under one key it is one mark, whoever gets it again.
  for (const auto& server : servers) {
    EXPECT_EQ(post_mark(server->port(), "dry", kBegin / 1'000 + 1, "once").status, 201u);
  }
  auto sender = UdpSender::open("127.0.0.1", servers[2]->udp_port()).value();
  ASSERT_TRUE(sender.send(fmt::format(R"({{"type":"mark","track":"cota","time":{},"text":"wind"}})",
                                      kBegin / 1'000 + 2)));
  for (const auto& server : servers) {
    EXPECT_TRUE(eventually([&] { return stored_marks(server->port()).size() == 3; }));
    EXPECT_THAT(stored_marks(server->port()), UnorderedElementsAre("wind", "dry", "rain"));
  }
  ASSERT_TRUE(
      eventually([&] { return streams::all_acknowledged(streams::caller(redis), kPartitions); }));
  for (std::uint32_t p = 0; p < kPartitions; ++p) {
    EXPECT_THAT(lines(redis, p), SizeIs(3)) << "every partition is told of each";
    EXPECT_THAT(streams::entries(redis, telemetry_stream(p) + ".dead"), IsEmpty());
  }
  EXPECT_EQ(metric(servers[0]->port(), "slipstream_marks_taken_total"), 2);
  EXPECT_THAT(clients[1]->read(), testing::Optional(HasSubstr(R"("text":"dry")")));
}

TEST_F(StreamMarks, StandAmongThePointsOfTheirBodyInEveryStream) {
  RedisServer redis;
  Server server(environment(redis, true));
  const auto first = warming_point(1);
  auto second = first;
  second.lap = 1;
  const std::string mark =
      R"({"type":"mark","track":"cota","time":"2025-09-05T00:28:20Z","kind":"flashback",)"
      R"("session":"s","to_session_time_s":1.5})";
  const std::string unknown = R"({"type":"mark","track":"cota","lap":1})";
  const auto answer = post(
      server.port(), first.json() + "\n" + mark + "\n" + unknown + "\n" + second.json() + "\n");
  EXPECT_EQ(answer.status, 200u);
  EXPECT_THAT(answer.body, HasSubstr(R"("accepted":3,"rejected":1)"));
  ASSERT_TRUE(eventually([&] { return stored_marks(server.port()).size() == 1; }));
  EXPECT_THAT(lines(redis, 1),
              ElementsAre(HasSubstr(R"("lap":0)"), HasSubstr(R"("to_session_time_s":1.5)"),
                          HasSubstr(R"("lap":1)")));
  EXPECT_THAT(lines(redis, 0), ElementsAre(HasSubstr(R"("kind":"flashback")")));
  EXPECT_THAT(http(server.port(), "GET", "/api/marks?kind=flashback&session=s").body,
              HasSubstr(R"("to_session_time_s":1.5)"));
  EXPECT_TRUE(eventually([&] {
    return metric(server.port(), R"(slipstream_points_accepted_total{source="redis"})") == 2;
  }));
}

TEST_F(StreamMarks, MoreThanMayEverWaitForRedisAreRefusedWhole) {
  RedisServer redis;
  auto settings = environment(redis, true);
  settings["MAX_BACKLOG_BYTES"] = std::to_string(1 << 20);
  Server server(settings);
  std::string body = warming_point(1).json() + "\n";
  for (int i = 0; i < 5'000; ++i) {
    body += fmt::format(R"({{"type":"mark","track":"cota","text":"n{}"}})", i) + "\n";
  }
  const auto answer = post(server.port(), body);
  EXPECT_EQ(answer.status, 413u);
  EXPECT_THAT(answer.body, HasSubstr("send them in several bodies"));
  EXPECT_EQ(metric(server.port(), "slipstream_marks_refused_total"), 5'000);
  const auto& counts = server.ingest().of(SourceKind::kHttp);
  EXPECT_EQ(counts.received.value(), 5'001u);
  EXPECT_EQ(counts.rejected[static_cast<std::size_t>(RejectReason::kTooLarge)].value(), 5'001u);
  EXPECT_EQ(post_mark(server.port(), "rain", kBegin / 1'000).status, 201u);
  EXPECT_TRUE(eventually(
      [&] { return stored_marks(server.port()) == std::multiset<std::string>{"rain"}; }));
}

TEST_F(StreamMarks, WaitWhileRedisHangsOrIsGoneAndAreStoredOnceThen) {
  RedisServer redis({.append_only = true});
  auto settings = environment(redis, true);
  settings["DURABILITY"] = "received";
  Server server(settings);
  EXPECT_EQ(post_mark(server.port(), "before", kBegin / 1'000).status, 201u);
  ASSERT_TRUE(eventually([&] { return stored_marks(server.port()).size() == 1; }));
  redis.pause();
  EXPECT_EQ(post_mark(server.port(), "hung", kBegin / 1'000).status, 201u);
  redis.resume();
  ASSERT_TRUE(eventually([&] { return stored_marks(server.port()).size() == 2; }));
  redis.kill9();
  EXPECT_EQ(post_mark(server.port(), "gone", kBegin / 1'000).status, 201u);
  redis.restart();
  EXPECT_TRUE(eventually([&] { return stored_marks(server.port()).size() == 3; }));
  EXPECT_THAT(stored_marks(server.port()), UnorderedElementsAre("before", "hung", "gone"));
  for (std::uint32_t p = 0; p < kPartitions; ++p) {
    EXPECT_TRUE(eventually([&] { return lines(redis, p).size() == 3; })) << p;
  }
}

/// Each note once, by its text.
void expect_notes(std::uint16_t port, std::size_t count) {
  EXPECT_TRUE(eventually([&] { return stored_marks(port).size() >= count; }));
  const auto found = stored_marks(port);
  EXPECT_THAT(found, SizeIs(count));
  EXPECT_EQ(std::ranges::adjacent_find(found), found.end()) << "one is there twice";
}

TEST_F(StreamMarks, AreStoredOnceThroughKillsAndByWhoComesBack) {
  RedisServer redis;
  harness::TemporaryDirectory directories[2];
  auto settings = harness::kFreePorts;
  for (const auto& [name, value] : environment(redis, true)) settings.push_back(name + "=" + value);
  settings.emplace_back("LEASE_MS=500");
  auto taking = environment(redis, false);
  Server ingest(taking);
  std::size_t sent = 0;
  const auto send = [&](int count) {
    for (int i = 0; i < count; ++i) {
      EXPECT_EQ(post_mark(ingest.port(), fmt::format("n{}", sent), kBegin / 1'000).status, 201u);
      ++sent;
    }
  };
  for (int round = 0; round < 2; ++round) {
    for (const auto& directory : directories) {  // each sees what the other has folded
      Program program(directory, {"serve"}, settings);
      ASSERT_NE(program.port(), 0);
      send(20);
      program.signal(SIGKILL);
      EXPECT_EQ(program.exit_code(), 1'000 + SIGKILL);
      send(5);
    }
  }
  Program first(directories[0], {"serve"}, settings);
  Program second(directories[1], {"serve"}, settings);
  for (const std::uint16_t port : {first.port(), second.port(), ingest.port()}) {
    expect_notes(port, sent);
  }
}

TEST_F(StreamMarks, InTheEntriesOfOthersAreTakenBesideTheEmbeddedLog) {
  RedisServer redis;
  Server server({{"REDIS_URL", redis.url()}, {"INGEST_FROM", "0"}, {"BUCKET_IDLE_MS", "600000"}});
  const FedPoint point{.chassis = "A", .time_ms = kBegin};
  const auto add = [&](const std::vector<std::pair<std::string, std::string>>& fields) {
    streams::add(redis, streams::kTelemetry, fields);
  };
  const auto note = [](const std::string& text) {
    return fmt::format(R"({{"type":"mark","track":"cota","time":{},"text":"{}"}})", kBegin / 1'000,
                       text);
  };
  add({{"data", note("in data")}});
  add({{"points", point.json() + "\n" + note("among points") + "\n" + point.json()}});
  add({{"type", "mark"},
       {"session", "12"},
       {"text", "17"}});  // flat: texts, though they are digits
  add({{"data", R"({"type":"mark","track":"cota","lap":1})"}});
  add({{"points", note("beside one that is none") + "\n{\"type\":\"mark\"}\n"}});
  EXPECT_TRUE(eventually([&] { return stored_marks(server.port()).size() == 4; }));
  EXPECT_THAT(stored_marks(server.port()),
              UnorderedElementsAre("in data", "among points", "17", "beside one that is none"));
  EXPECT_THAT(http(server.port(), "GET", "/api/marks?session=12").body, HasSubstr(R"("time":"20)"));
  EXPECT_EQ(post_mark(server.port(), "in the embedded log", kBegin / 1'000).status, 201u);
  EXPECT_TRUE(eventually([&] { return stored_marks(server.port()).size() == 5; }));
  ASSERT_TRUE(eventually([&] { return streams::unacknowledged(redis, streams::kTelemetry) == 0; }));
  const auto dead = streams::entries(redis, std::string(streams::kTelemetry) + ".dead");
  ASSERT_THAT(dead, SizeIs(2));
  EXPECT_EQ(dead[0].at("reason"), "out_of_range");
  EXPECT_THAT(dead[0].at("message"), HasSubstr("a mark has 'time'"));
  EXPECT_EQ(dead[1].at("reason"), "missing_dimension");
  EXPECT_EQ(dead[1].at("data"), R"({"type":"mark"})");
  // Counted once Redis has answered: behind what Redis shows.
  for (const auto& [sample, count] :
       {std::pair("slipstream_marks_taken_total", 5),
        {"slipstream_marks_refused_total", 2},
        {R"(slipstream_points_accepted_total{source="redis"})", 2},
        {R"(slipstream_points_rejected_total{source="redis",reason="missing_dimension"})", 1}}) {
    EXPECT_TRUE(eventually([&] { return metric(server.port(), sample) == count; })) << sample;
  }
}

TEST_F(StreamMarks, AReplayOfTheStreamsHasEachOnceInItsPlace) {
  RedisServer redis;
  harness::TemporaryDirectory directory;
  Server server(environment(redis, true));
  EXPECT_EQ(post(server.port(), warming_point(1).json() + "\n" +
                                    R"({"type":"mark","track":"cota","text":"rain"})" + "\n" +
                                    warming_point(2).json() + "\n")
                .status,
            200u);
  const auto replay = [&](const std::string& from, const std::string& to,
                          const std::string& partitions) {
    Program program(directory, {"replay", fmt::format("{}/{}", redis.url(), from), "--partitions",
                                partitions, "--speed", "max", "--to", to});
    EXPECT_EQ(program.exit_code(), 0) << program.output();
    EXPECT_THAT(program.output(), HasSubstr("2 points and 1 marks sent"));
  };
  replay(streams::kTelemetry, redis.url() + "/copy", "4");
  const auto copied = streams::entries(redis, "copy");
  ASSERT_THAT(copied, SizeIs(3));
  EXPECT_EQ(std::ranges::count_if(copied,
                                  [](const auto& entry) {
                                    return entry.at("data").starts_with(R"({"type":"mark")");
                                  }),
            1);
  Server far;
  replay("copy", fmt::format("http://127.0.0.1:{}", far.port()), "1");
  EXPECT_TRUE(
      eventually([&] { return stored_marks(far.port()) == std::multiset<std::string>{"rain"}; }));
}

}  // namespace
}  // namespace slipstream
