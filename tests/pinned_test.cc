// What a pinned session has in the log stays there, through retention and restarts.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <random>

#include "codec/json_scan.h"
#include "harness.h"
#include "program.h"

namespace slipstream {
namespace {

using harness::eventually;
using harness::http;
using harness::metric;
using harness::Server;
using harness::TemporaryDirectory;
using testing::HasSubstr;

constexpr int kPointsOfLap = 1'000;
constexpr int kLaps = 4;

/// Laps of 3 km in 100 s each, with fields that do not compress.
void drive(const Server& server, const std::string& track, std::int64_t began_s) {
  std::mt19937 random(static_cast<unsigned>(began_s));
  std::uniform_real_distribution<double> any(0, 1'000);
  std::string body;
  for (int i = 0; i <= kPointsOfLap * kLaps; ++i) {
    body += fmt::format(
        R"({{"track":"{}","chassis":"A","meta_time":{},"lap":{},"lapdist_m":{},"speed_kmh":108,)"
        R"("a":{},"b":{},"c":{}}})"
        "\n",
        track, (began_s * 10 + i) * 100, i / kPointsOfLap + 1, i % kPointsOfLap * 3, any(random),
        any(random), any(random));
  }
  const auto answer =
      http(server.port(), "POST", "/api/ingest", body, {{"Content-Type", "application/x-ndjson"}});
  ASSERT_EQ(answer.status, 200u) << answer.body;
}

class PinnedTest : public testing::Test {
 protected:
  void start(std::map<std::string, std::string> settings = {}) {
    server_.reset();
    settings.emplace("DATA_DIR", data_dir());
    settings.emplace("SEGMENT_BYTES", "65536");
    server_ = std::make_unique<Server>(std::move(settings));
  }
  std::string data_dir() const { return (directory_.path() / "data").string(); }
  harness::HttpAnswer get(const std::string& target) const {
    return http(server_->port(), "GET", target);
  }
  std::string first_of(const std::string& target, std::string_view list, std::string_view member) {
    const auto page = get(target).body;
    JsonScan all(json_member(page, list));
    while (const auto one = all.next()) {
      const bool is_complete = json_member(one->value, "complete") != "false";
      if (is_complete) return std::string(json_string_body(json_member(one->value, member)));
    }
    return "";
  }
  std::string lap_of(const std::string& track) {
    const std::string target = "/api/laps?lap=2&track=" + track;
    EXPECT_TRUE(eventually([&] { return !first_of(target, "laps", "id").empty(); }));
    return first_of(target, "laps", "id");
  }
  unsigned pin(const std::string& session, bool is_pinned) {
    return http(server_->port(), "PATCH", "/api/sessions/" + session,
                fmt::format(R"({{"pinned":{}}})", is_pinned),
                {{"Content-Type", "application/json"}})
        .status;
  }
  double pinned_bytes() const { return metric(server_->port(), "slipstream_history_pinned_bytes"); }

  TemporaryDirectory directory_;
  std::unique_ptr<Server> server_;
};

TEST_F(PinnedTest, SessionStaysWhenRetentionTakesTheRestAndGoesOnceItMay) {
  start();
  drive(*server_, "spa", 1'757'000'000);
  for (int i = 0; i < 4; ++i) drive(*server_, "cota", 1'757'010'000 + i * 2'000);
  const std::string trace = "/api/trace?points=0&lap=" + lap_of("spa");
  const std::string session = first_of("/api/sessions?track=spa", "sessions", "id");
  ASSERT_NE(session, "") << "there is no lap without one";
  const std::string other = "/api/trace?points=0&lap=" + lap_of("cota");
  const auto before = get(trace);
  ASSERT_EQ(before.status, 200u) << before.body;
  ASSERT_EQ(pin(session, true), 200u);
  ASSERT_TRUE(server_->stop());

  start({{"LOG_RETENTION_BYTES", "65536"}, {"PINNED_MAX_BYTES", "10000000"}});
  ASSERT_TRUE(eventually([&] { return get(other).status == 410; }));
  EXPECT_GT(pinned_bytes(), 0);
  EXPECT_TRUE(get(trace).body == before.body);
  // What retention removes while it is read is told as lost: it is to be made again then.
  std::string said;
  EXPECT_TRUE(eventually([&] {
    harness::Program exported(directory_, {"export", "--data", "data", "--session", session,
                                           "--format", "ndjson", "--output", "a.ndjson"});
    const int code = exported.exit_code();
    said = exported.output();
    return code == 0;
  })) << said;
  std::ifstream lines(directory_.path() / "a.ndjson");
  EXPECT_EQ(std::count(std::istreambuf_iterator<char>(lines), {}, '\n'), kPointsOfLap * kLaps + 1);

  ASSERT_EQ(pin(session, false), 200u);
  EXPECT_TRUE(eventually([&] { return pinned_bytes() == 0; }));
  EXPECT_TRUE(eventually([&] { return get(trace).status == 410u; }));
}

}  // namespace
}  // namespace slipstream
