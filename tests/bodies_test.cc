// Bodies of any size, shape and compression: taken whole or refused with a reason, and never in the
// way of those that come after. SLIPSTREAM_BODIES asks for more of them, SLIPSTREAM_BODIES_SEED for
// the same ones again.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <random>

#include "base/fault.h"
#include "environment.h"
#include "harness.h"
#include "net/packed_testing.h"
#include "program.h"
#include "store/sqlite.h"

namespace slipstream {
namespace {

using harness::gzip;
using harness::http;
using harness::HttpAnswer;
using harness::metric;
using harness::Server;
using harness::zstd;
using testing::HasSubstr;

constexpr std::size_t kMiB = std::size_t{1} << 20;
constexpr std::size_t kMostDecoded = 256 * kMiB;

struct Sent {
  std::string target = "/api/ingest";
  std::string text = {};
  harness::Headers headers = {};
  std::uint64_t points = 0;
};

/// Rows of so many named channels and a text, under a header.
Sent csv_with_header(std::size_t bytes, std::size_t channels) {
  Sent sent{.headers = {{"Content-Type", "text/csv"}}};
  sent.text = "meta_time,track,chassis,lap,note";
  for (std::size_t c = 0; c < channels; ++c) sent.text += fmt::format(",channel_{}", c);
  sent.text += '\n';
  while (sent.points == 0 || sent.text.size() < bytes) {
    sent.text += fmt::format(",t,c{},1,some text", sent.points % 7);
    for (std::size_t c = 0; c < channels; ++c) {
      sent.text += fmt::format(",{}", (sent.points * 31 + c * 17) % 997);
    }
    sent.text += '\n';
    ++sent.points;
  }
  return sent;
}

Sent csv_by_position(std::size_t bytes) {
  Sent sent{.headers = {{"Content-Type", "text/csv"}}};
  while (sent.text.size() < bytes) {
    sent.text += ",t,c,1,5,6\n";
    ++sent.points;
  }
  return sent;
}

Sent lines(std::size_t bytes) {
  Sent sent{.target = "/write"};
  while (sent.text.size() < bytes) {
    sent.text += fmt::format("t,chassis=c{},wheel=fl speed_kmh={},rpm={}i\n", sent.points % 5,
                             sent.points % 300, sent.points % 9000);
    ++sent.points;
  }
  return sent;
}

Sent json(std::size_t bytes, bool is_array) {
  Sent sent{.text = is_array ? "[" : "",
            .headers = {{"Content-Type", is_array ? "application/json" : "application/x-ndjson"}}};
  while (sent.points == 0 || sent.text.size() < bytes) {
    if (sent.points > 0) sent.text += is_array ? "," : "\n";
    sent.text += fmt::format(R"({{"track":"t","chassis":"c{}","lap":1,"speed_kmh":{}}})",
                             sent.points % 3, sent.points % 300);
    ++sent.points;
  }
  if (is_array) sent.text += ']';
  return sent;
}

/// Few points, each as large as one may be.
Sent large_points(std::size_t bytes) {
  Sent sent{.headers = {{"Content-Type", "application/x-ndjson"}}};
  while (sent.points == 0 || sent.text.size() + 61'000 < bytes) {
    sent.text += fmt::format("{{\"track\":\"t\",\"chassis\":\"c\",\"note\":\"{}\"}}\n",
                             std::string(60'000, 'x'));
    ++sent.points;
  }
  return sent;
}

Sent any_body(std::mt19937_64& random) {
  // Small ones, and those near every limit there is.
  constexpr std::size_t kSizes[] = {1, 1'000, 300'000, 2 * kMiB, 5 * kMiB, 16 * kMiB - 2'000};
  const std::size_t bytes = kSizes[random() % std::size(kSizes)];
  switch (random() % 7) {
    case 0:
      return csv_with_header(bytes, 1);
    case 1:
      return csv_with_header(bytes, 27);
    case 2:
      return csv_by_position(bytes);
    case 3:
      return lines(bytes);
    case 4:
      return json(bytes, true);
    case 5:
      return json(bytes, false);
    default:
      return large_points(bytes);
  }
}

HttpAnswer post(const Server& server, Sent sent, unsigned packing, const std::string& query = "") {
  if (packing != 0) {
    sent.headers.emplace_back("Content-Encoding", packing == 1 ? "gzip" : "zstd");
    sent.text = packing == 1 ? gzip(sent.text) : zstd(sent.text);
  }
  return http(server.port(), "POST", sent.target + query, sent.text, sent.headers);
}

double accepted(const Server& server) {
  return metric(server.port(), R"(slipstream_points_accepted_total{source="http"})");
}

/// As a client does, which is told to come again while what was before it is being folded.
HttpAnswer post_until_answered(const Server& server, const Sent& sent, unsigned packing) {
  HttpAnswer answer;
  harness::eventually([&] {
    const double before = accepted(server);
    answer = post(server, sent, packing);
    if (answer.status != 503) return true;
    EXPECT_TRUE(answer.headers.contains("retry-after"));
    EXPECT_THAT(answer.body, HasSubstr("nothing was taken"));
    EXPECT_EQ(accepted(server), before);
    return false;
  });
  return answer;
}

/// All or nothing, with a reason; and a small one behind it is acknowledged.
void expect_whole_or_refused(const Server& server, const Sent& sent, unsigned packing) {
  const double before = accepted(server);
  const auto answer = post_until_answered(server, sent, packing);
  const double taken = accepted(server) - before;
  if (sent.points == 0) {
    EXPECT_THAT(answer.body, HasSubstr("the body holds no point"));
    EXPECT_EQ(answer.status, 400u);
  } else if (answer.status == 200 || answer.status == 204) {
    EXPECT_EQ(taken, static_cast<double>(sent.points));
  } else {
    // In memory a point takes its text as JSON, its values, and some 200 bytes.
    EXPECT_GT(6 * sent.text.size() + 200 * sent.points, kMostDecoded) << "it is not too much";
    EXPECT_EQ(answer.status, 413u) << answer.body;
    EXPECT_EQ(taken, 0);
    EXPECT_THAT(answer.body, HasSubstr("nothing was taken"));
  }
  const auto small = post_until_answered(server, csv_by_position(1), 0);
  EXPECT_EQ(small.status, 200u) << small.body;
  EXPECT_TRUE(
      harness::eventually([&] { return http(server.port(), "GET", "/api/health").status == 200; }));
}

TEST(Bodies, OfAnySizeShapeAndCompressionAreTakenWholeOrRefused) {
  const auto seed =
      harness::from_environment("SLIPSTREAM_BODIES_SEED", std::random_device{}() % 1'000'000);
  fmt::print("SLIPSTREAM_BODIES_SEED={}\n", seed);
  std::mt19937_64 random(seed);
  Server server;
  for (auto left = harness::from_environment("SLIPSTREAM_BODIES", 12); left > 0; --left) {
    const Sent sent = any_body(random);
    const auto packing = static_cast<unsigned>(random() % 3);
    SCOPED_TRACE(fmt::format("{} bytes, {} points, packing {}: {}", sent.text.size(), sent.points,
                             packing, sent.text.substr(0, 60)));
    expect_whole_or_refused(server, sent, packing);
    if (testing::Test::HasFailure()) break;
  }
}

// What one block cannot hold is in several; read again after a kill it is there as a whole.
TEST(Bodies, HalfAMillionRowsAreTakenAndOutliveAKill) {
  const auto rows_sent = harness::from_environment("SLIPSTREAM_BODY_ROWS", 500'000);
  std::string text = "meta_time,track,chassis,lap,speed_kmh\n";
  for (std::uint64_t i = 0; i < rows_sent; ++i) text += ",t,c,1,5\n";
  harness::TemporaryDirectory directory;
  std::vector<std::string> environment = harness::kFreePorts;
  environment.push_back("DATA_DIR=" + (directory.path() / "data").string());
  const std::vector<std::string> serve = {"serve", "--log-format", "text"};
  {
    harness::Program server(directory, serve, environment);
    const auto answer = http(server.port(), "POST", "/api/ingest", gzip(text),
                             {{"Content-Type", "text/csv"}, {"Content-Encoding", "gzip"}});
    EXPECT_EQ(answer.status, 200u) << answer.body;
    EXPECT_THAT(answer.body, HasSubstr(fmt::format(R"("accepted":{})", rows_sent)));
    server.signal(SIGKILL);
    EXPECT_EQ(server.exit_code(), 1'000 + SIGKILL);
  }
  harness::Program server(directory, serve, environment);
  ASSERT_NE(server.port(), 0) << server.output();
  server.signal(SIGTERM);
  EXPECT_EQ(server.exit_code(), 0) << server.output();
  auto database =
      Database::open((directory.path() / "data/slipstream.db").string(), SQLITE_OPEN_READWRITE)
          .value();
  for (const auto* window : {"second", "sector"}) {
    auto rows =
        database.prepare(fmt::format("SELECT sum(count) FROM rollups WHERE window = '{}'", window))
            .value();
    ASSERT_TRUE(rows.step().value());
    EXPECT_EQ(static_cast<std::uint64_t>(rows.integer(0)), rows_sent) << window;
  }
}

TEST(Bodies, WhoseDecodedPointsAreTooManyAreRefusedWithTheLimit) {
  Server server({{"MAX_BACKLOG_BYTES", "4194304"}});
  const auto answer = post(server, csv_by_position(kMiB), 1);
  EXPECT_EQ(answer.status, 413u);
  EXPECT_THAT(answer.body, HasSubstr(R"("reason":"too_large")"));
  EXPECT_THAT(answer.body, HasSubstr("over 4 MiB of memory once decoded"));
  EXPECT_EQ(accepted(server), 0);
  EXPECT_EQ(metric(server.port(), R"(slipstream_points_received_total{source="http"})"), 1);
  EXPECT_EQ(post(server, csv_by_position(1'000), 0).status, 200u);
}

#ifdef SLIPSTREAM_FAULTS
TEST(Bodies, ThatTheMemoryDoesNotSufficeForAreAnswered503AndCostNobodyElse) {
  fault::hook() = [](std::string_view point, std::string_view body) {
    if (point == "decode_body" && body.find("greedy") != body.npos) throw std::bad_alloc();
  };
  {
    Server server;
    const auto answer =
        http(server.port(), "POST", "/api/ingest", R"({"track":"t","chassis":"greedy"})");
    EXPECT_EQ(answer.status, 503u);
    EXPECT_TRUE(answer.headers.contains("retry-after"));
    EXPECT_THAT(answer.body, HasSubstr("not enough memory"));
    EXPECT_EQ(post(server, csv_by_position(100), 0).status, 200u);
    EXPECT_EQ(http(server.port(), "GET", "/api/health").status, 200u);
  }
  fault::hook() = nullptr;
}
#endif

}  // namespace
}  // namespace slipstream
