// What earlier versions wrote is read: data directories as they left them, each under tests/data/.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>

#include "program.h"
#include "store/sqlite.h"

namespace slipstream {
namespace {

using harness::eventually;
using harness::http;
using harness::kFreePorts;
using harness::Program;
using testing::HasSubstr;
namespace fs = std::filesystem;

struct Sum {
  std::int64_t points = 0;
  std::int64_t of_n = 0;
  friend bool operator==(const Sum&, const Sum&) = default;
  friend std::ostream& operator<<(std::ostream& out, const Sum& sum) {
    return out << sum.points << " points, sum of n " << sum.of_n;
  }
};
using Machines = std::map<std::string, Sum>;  ///< by "track,chassis"

class Upgrade : public testing::Test {
 protected:
  Upgrade() {
    const fs::path from = fs::path(SLIPSTREAM_SOURCE_DIR) / "tests/data/0.1.0";
    const auto unpack =
        fmt::format("tar --zstd -xf '{}' -C '{}'", (from / "directory.tar.zst").string(),
                    directory_.path().string());
    EXPECT_EQ(std::system(unpack.c_str()), 0) << unpack;
    std::ifstream in(from / "machines.csv");
    std::string line;
    std::getline(in, line);
    while (std::getline(in, line)) {
      std::istringstream cells(line);
      std::string track, chassis, points, sum;
      std::getline(
          std::getline(std::getline(std::getline(cells, track, ','), chassis, ','), points, ','),
          sum);
      sent_[track + ',' + chassis] = {std::stoll(points), std::stoll(sum)};
    }
  }

  Program serve(std::vector<std::string> environment = {}, bool own_settings = true) const {
    environment.insert(environment.end(), kFreePorts.begin(), kFreePorts.end());
    environment.push_back("DATA_DIR=" + data().string());
    std::vector<std::string> arguments{"serve", "--log-format", "text"};
    if (own_settings) {
      arguments.insert(arguments.end(),
                       {"--config", (directory_.path() / "slipstream.toml").string()});
    }
    return {directory_, std::move(arguments), std::move(environment)};
  }
  static void stop(Program& server) {
    server.signal(SIGTERM);
    EXPECT_EQ(server.exit_code(), 0) << server.output();
  }
  fs::path data() const { return directory_.path() / "data"; }

  Machines stored(const std::string& window) const {
    auto database =
        Database::open((data() / "slipstream.db").string(), SQLITE_OPEN_READWRITE).value();
    auto rows = database
                    .prepare(fmt::format("SELECT track, chassis, count, json_extract(stats, "
                                         "'$.avg_n') FROM rollups WHERE window = '{}'",
                                         window))
                    .value();
    Machines machines;
    while (rows.step().value()) {
      Sum& sum = machines[fmt::format("{},{}", rows.text(0), rows.text(1))];
      sum.points += rows.integer(2);
      sum.of_n +=
          std::llround(std::stod(std::string(rows.text(3))) * static_cast<double>(rows.integer(2)));
    }
    return machines;
  }
  void expect_each_point_once_in_each_window() const {
    for (const auto* window : {"bucket", "sector", "second"}) {
      EXPECT_EQ(stored(window), sent_) << window;
    }
  }

  const harness::TemporaryDirectory directory_;
  Machines sent_;
};

TEST_F(Upgrade, EachPointOf010IsInOneRollupOfEachWindow) {
  Program server = serve();
  ASSERT_NE(server.port(), 0) << server.output();
  EXPECT_THAT(server.output(), HasSubstr("the windows or partitions have changed"))
      << "stamps ahead of the clock close nothing any more";
  EXPECT_EQ(http(server.port(), "GET", "/api/health").status, 200u);
  stop(server);
  expect_each_point_once_in_each_window();
}

TEST_F(Upgrade, OpenWindowsOf010AreClosedWhereItsWindowsAreNoMore) {
  Program server = serve({}, false);
  ASSERT_NE(server.port(), 0) << server.output();
  stop(server);
  expect_each_point_once_in_each_window();
}

TEST_F(Upgrade, LatePointsAreInRollupsOfTheirOwnFromThenOn) {
  Program server = serve({}, false);
  ASSERT_NE(server.port(), 0) << server.output();
  std::string body;
  for (const std::int64_t ms : {0, 10'000, 500, 700}) {
    body += fmt::format(R"({{"meta_time":{},"track":"north","chassis":"late","n":1}})",
                        1'780'000'000'000 + ms) +
            '\n';
  }
  EXPECT_EQ(
      http(server.port(), "POST", "/api/ingest", body, {{"Content-Type", "application/x-ndjson"}})
          .status,
      200u);
  stop(server);
  const auto machines = stored("second");
  ASSERT_TRUE(machines.contains("north,late"));
  EXPECT_EQ(machines.at("north,late"), (Sum{.points = 4, .of_n = 4}));
  Program again = serve({}, false);
  ASSERT_NE(again.port(), 0) << again.output();
  EXPECT_THAT(again.output(), testing::Not(HasSubstr("have changed"))) << "once and for all";
  stop(again);
}

TEST_F(Upgrade, ASecondStartFindsNothingOf010ToDo) {
  for (int start = 0; start < 2; ++start) {
    Program server = serve();
    ASSERT_NE(server.port(), 0) << server.output();
    stop(server);
  }
  expect_each_point_once_in_each_window();
}

TEST_F(Upgrade, AKilledUpgradeLosesAndDoublesNothing) {
  for (int start = 0; start < 2; ++start) {
    Program server = serve();
    ASSERT_NE(server.port(), 0) << server.output();
    server.signal(SIGKILL);
    EXPECT_EQ(server.exit_code(), 1'000 + SIGKILL);
  }
  Program server = serve();
  ASSERT_NE(server.port(), 0) << server.output();
  stop(server);
  expect_each_point_once_in_each_window();
}

TEST_F(Upgrade, KeysThat010AnsweredAreAnsweredAgain) {
  Program server = serve();
  const std::string point =
      R"({"meta_time":1780000000000,"track":"north","chassis":"car-0","n":1})";
  for (const auto* key : {"key-0", "key-258", "csv-247"}) {
    const auto answer = http(server.port(), "POST", "/api/ingest", point,
                             {{"Content-Type", "application/json"}, {"Idempotency-Key", key}});
    EXPECT_EQ(answer.status, 200u) << key;
    EXPECT_TRUE(answer.headers.contains("idempotency-replayed")) << key;
  }
  stop(server);
  expect_each_point_once_in_each_window();
}

TEST_F(Upgrade, WhatWaitedForRedisStillWaits) {
  Program server = serve({"REDIS_URL=redis://127.0.0.1:1", "AGG_STREAM=agg"});
  ASSERT_NE(server.port(), 0) << server.output();
  // What is read again closes some more.
  EXPECT_TRUE(eventually(
      [&] { return harness::metric(server.port(), "slipstream_redis_outbox_rollups") >= 140; }));
  server.signal(SIGKILL);
  EXPECT_EQ(server.exit_code(), 1'000 + SIGKILL);
}

TEST_F(Upgrade, ToolsReadTheLogAndTheStoreOf010) {
  Program verify(directory_, {"log", "verify", data().string()});
  EXPECT_EQ(verify.exit_code(), 0) << verify.output();
  Program points(directory_, {"export", "--format", "ndjson", "--output", "points"},
                 {"DATA_DIR=" + data().string()});
  EXPECT_EQ(points.exit_code(), 0) << points.output();
  std::ifstream in(directory_.path() / "points");
  std::int64_t count = 0;
  for (std::string line; std::getline(in, line);) ++count;
  std::int64_t expected = 0;
  for (const auto& [machine, sum] : sent_) expected += sum.points;
  EXPECT_EQ(count, expected);
  Program rollups(directory_,
                  {"export", "--what", "rollups", "--format", "csv", "--output", "rows"},
                  {"DATA_DIR=" + data().string()});
  EXPECT_EQ(rollups.exit_code(), 0) << rollups.output();
  EXPECT_GT(fs::file_size(directory_.path() / "rows"), 10'000u);
}

}  // namespace
}  // namespace slipstream
