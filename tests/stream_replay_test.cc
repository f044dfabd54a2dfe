// Redis streams as recordings, and as where recordings go.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "cli/redis_stream.h"
#include "recorded.h"
#include "redis_server.h"
#include "stream_feed.h"

namespace slipstream {
namespace {

using harness::eventually;
using harness::RedisServer;
using harness::run;
using harness::Server;
using streams::FedPoint;
using streams::kBegin;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kStream = "telemetry.stream";

TEST(RedisStreamUrl, SaysServerAndStream) {
  const struct {
    std::string url;
    std::string server;
    std::string stream;
  } good[] = {
      {"redis://host:6380/telemetry.stream", "redis://host:6380", "telemetry.stream"},
      {"redis://host/2/a:{1}", "redis://host:6379/2", "a:{1}"},
      {"rediss://user:pw@[::1]:7000/0/a/b", "rediss://[::1]:7000", "a/b"},
      {"redis://host/0/17", "redis://host:6379", "17"},
      {"unix:///run/redis.sock?stream=s&db=3", "unix:///run/redis.sock?db=3", "s"},
  };
  for (const auto& [url, server, stream] : good) {
    const auto parsed = RedisStreamUrl::parse(url);
    ASSERT_TRUE(parsed) << url << ": " << parsed.error().message;
    EXPECT_EQ(parsed->server.text(), server);
    EXPECT_EQ(parsed->stream, stream);
  }
  for (const auto bad :
       {"redis://host", "redis://host/", "redis://host/3", "redis://host/3/", "redis://:x/s",
        "unix:///run/redis.sock", "unix:///run/redis.sock?stream=", "unix://?stream=s"}) {
    EXPECT_FALSE(RedisStreamUrl::parse(bad)) << bad;
  }
}

class StreamReplay : public testing::Test {
 protected:
  void SetUp() override { SLIPSTREAM_NEEDS_REDIS(); }

  static std::string url(const RedisServer& redis, const std::string& stream) {
    return fmt::format("{}/{}", redis.url(), stream);
  }
  /// What a server made of a replay.
  static std::vector<streams::SeenRollup> buckets(RedisServer& redis, Server& server) {
    server.stop();
    return streams::rollups(redis, "out");
  }
  static std::unique_ptr<Server> serve(RedisServer& redis) {
    return std::make_unique<Server>(
        std::map<std::string, std::string>{{"REDIS_URL", redis.url()},
                                           {"TELEMETRY_STREAM", "in"},
                                           {"AGG_STREAM", "out"},
                                           {"BUCKET_IDLE_MS", "600000"}});
  }

  harness::TemporaryDirectory directory_;
};

TEST_F(StreamReplay, AllFormsOfEntriesGiveTheirPoints) {
  RedisServer redis;
  auto points = streams::drive(1, 300, 7, kBegin);  // few: the kernel drops what waits long
  streams::add_all(redis, kStream, {points.begin(), points.begin() + 200});
  std::string many;
  for (std::size_t i = 200; i < points.size(); ++i) many += points[i].json() + "\n";
  streams::add(redis, kStream, {{"points", many}, {"from", "somebody"}});
  const auto bad = streams::add(redis, kStream, {{"data", "17"}});
  for (const std::string scheme : {"udp", "http"}) {
    RedisServer second;
    const auto server = serve(second);
    const auto replayed =
        run(directory_, {"replay", url(redis, kStream), "--speed", "max", "--to",
                         fmt::format("{}://127.0.0.1:{}", scheme,
                                     scheme == "udp" ? server->udp_port() : server->port())});
    EXPECT_EQ(replayed.code, 1) << replayed.output;
    EXPECT_THAT(replayed.output, HasSubstr("300 points sent to " + scheme));
    EXPECT_THAT(replayed.output, HasSubstr("1 refused"));
    EXPECT_THAT(replayed.output, HasSubstr("refused and not sent: 1 not_an_object"));
    EXPECT_THAT(replayed.output, HasSubstr("refused: entry " + bad + ": not_an_object"));
    const auto source = scheme == "udp" ? SourceKind::kUdp : SourceKind::kHttp;
    EXPECT_TRUE(eventually([&] { return server->ingest().of(source).accepted.value() == 300; }));
    streams::expect_same(buckets(second, *server), streams::expected_buckets(points, 10));
  }
}

TEST_F(StreamReplay, BeginsAtAnIdInADatabaseAndKeepsThePaceOfIds) {
  RedisServer redis;
  const auto points = streams::drive(2, 41, 1, kBegin);
  redis.call({"SELECT", "3"});
  for (std::size_t i = 0; i < points.size(); ++i) {
    const auto id = fmt::format("{}-1", kBegin + static_cast<std::int64_t>(i) * 25);
    const auto json = points[i].json();
    redis.call({"XADD", kStream, id, "data", json});
  }
  const auto server = serve(redis);
  const auto replayed =
      run(directory_, {"replay", fmt::format("{}/3/{}", redis.url(), kStream), "--from",
                       std::to_string(kBegin + 20 * 25), "--speed", "2", "--to",
                       fmt::format("http://127.0.0.1:{}", server->port())});
  EXPECT_EQ(replayed.code, 0) << replayed.output;
  EXPECT_THAT(replayed.output, HasSubstr("21 points sent"));
  static const std::regex seconds(R"( in ([0-9.]+) s)");
  std::smatch match;
  ASSERT_TRUE(std::regex_search(replayed.output, match, seconds));
  EXPECT_GE(std::stod(match[1]), 20 * 0.025 / 2 - 0.01);
}

TEST_F(StreamReplay, PartitionsAreMergedByIds) {
  RedisServer redis;
  const auto points = streams::drive(3, 2'000, 9, kBegin);
  for (std::size_t i = 0; i < points.size(); ++i) {
    const auto partition = i % 3;  // a car's points are in all of them
    const auto id = fmt::format("{}-{}", kBegin + static_cast<std::int64_t>(i / 10), 1 + i % 10);
    const auto json = points[i].json();
    redis.call({"XADD", fmt::format("{}:{{{}}}", kStream, partition), id, "data", json});
  }
  const auto server = serve(redis);
  const auto replayed =
      run(directory_, {"replay", url(redis, kStream), "--partitions", "4", "--speed", "max", "--to",
                       fmt::format("http://127.0.0.1:{}", server->port())});
  EXPECT_EQ(replayed.code, 0) << replayed.output;
  streams::expect_same(buckets(redis, *server), streams::expected_buckets(points, 10));
}

TEST_F(StreamReplay, AFileAndASessionGoIntoAStreamAndCountTheErrors) {
  RedisServer redis;
  harness::Recorded session;
  {
    std::ofstream file(session.directory().path() / "points.ndjson");
    for (const auto& point : harness::all_points()) file << point << '\n';
  }
  for (const std::string source : {"points.ndjson", "data"}) {
    const auto replayed = run(session.directory(), {"replay", source, "--speed", "max", "--to",
                                                    url(redis, "of." + source)});
    EXPECT_EQ(replayed.code, 0) << replayed.output;
    const auto entries = streams::entries(redis, "of." + source);
    ASSERT_EQ(entries.size(), harness::all_points().size());
  }
  EXPECT_EQ(streams::entries(redis, "of.points.ndjson").front().at("data"),
            harness::all_points().front());
  // The address is told, the password is not.
  const auto secret =
      fmt::format("redis://default:geheim@127.0.0.1:{}/quiet", redis.address().port);
  redis.call({"CONFIG", "SET", "requirepass", "geheim"});
  const auto quiet = run(session.directory(), {"replay", "data", "--speed", "max", "--to", secret});
  EXPECT_EQ(quiet.code, 0) << quiet.output;
  EXPECT_THAT(quiet.output,
              HasSubstr(fmt::format("240 points sent to quiet at redis://127.0.0.1:{} in",
                                    redis.address().port)));
  EXPECT_THAT(quiet.output, Not(HasSubstr("geheim")));
  redis.call({"CONFIG", "SET", "requirepass", ""});
  redis.call({"SET", "text", "no stream"});
  const auto wrong =
      run(session.directory(), {"replay", "data", "--speed", "max", "--to", url(redis, "text")});
  EXPECT_EQ(wrong.code, 1);
  EXPECT_THAT(wrong.output, HasSubstr("240 refused"));
  EXPECT_THAT(wrong.output, HasSubstr("WRONGTYPE"));
}

TEST_F(StreamReplay, SaysWhatIsWrong) {
  RedisServer redis;
  redis.call({"SET", "text", "no stream"});
  {
    std::ofstream file(directory_.path() / "points.ndjson");
    for (const auto& point : harness::all_points()) file << point << '\n';
  }
  const struct {
    std::vector<std::string> arguments;
    int code;
    std::string says;
  } cases[] = {
      {{url(redis, "none"), "--to", "udp://127.0.0.1:9"}, 1, "none has no entries"},
      {{url(redis, "text"), "--to", "udp://127.0.0.1:9"}, 1, "WRONGTYPE"},
      {{redis.url(), "--to", "udp://127.0.0.1:9"}, 2, "names no stream"},
      {{url(redis, "none"), "--from", "x", "--to", "udp://127.0.0.1:9"}, 2, "an entry's id"},
      {{"redis://127.0.0.1:1/s", "--to", "udp://127.0.0.1:9"}, 1, "refused"},
      {{"data", "--to", "redis://127.0.0.1:1"}, 2, "names no stream"},
      {{"points.ndjson", "--to", "http://127.0.0.1:1"}, 1, "after 0 points"},
  };
  for (const auto& [arguments, code, says] : cases) {
    std::vector<std::string> all = {"replay"};
    all.insert(all.end(), arguments.begin(), arguments.end());
    const auto replayed = run(directory_, all);
    EXPECT_EQ(replayed.code, code) << replayed.output;
    EXPECT_THAT(replayed.output, HasSubstr(says));
  }
}

}  // namespace
}  // namespace slipstream
