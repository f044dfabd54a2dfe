// What a restart makes of a log that lacks something, and what a stop leaves behind.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <functional>
#include <map>
#include <numeric>

#include "recorded.h"
#include "source/udp_sender.h"
#include "store/schema_sql.h"
#include "store/sqlite.h"

namespace slipstream {
namespace {

using harness::eventually;
using harness::http;
using harness::kBeginNs;
using harness::kFreePorts;
using harness::Program;
using testing::Each;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;
using testing::SizeIs;
namespace fs = std::filesystem;

constexpr int kPointsPerSector = 5;
constexpr int kPointsPerLap = 3 * kPointsPerSector;
constexpr std::int64_t kStepNs = 100 * kNsPerMs;

/// Of one machine that sends every tenth of a second, from lap 0 on.
std::string point_at(std::int64_t n) {
  return fmt::format(
      R"({{"meta_time":"{}","track":"cota","chassis":"GR86-01","lap":{},"sector":{},"x":{}}})",
      iso_time(kBeginNs + n * kStepNs), n / kPointsPerLap, n % kPointsPerLap / kPointsPerSector, n);
}

class Restart : public testing::Test {
 protected:
  Program serve(std::vector<std::string> environment = {}) const {
    environment.insert(environment.end(), kFreePorts.begin(), kFreePorts.end());
    environment.push_back("DATA_DIR=" + data().string());
    return {directory_, {"serve", "--log-format", "text"}, std::move(environment)};
  }
  fs::path data() const { return directory_.path() / "data"; }
  fs::path log() const { return data() / "log"; }

  static unsigned post(const Program& server, const std::string& body,
                       const std::string& query = "") {
    return http(server.port(), "POST", "/api/ingest" + query, body,
                {{"Content-Type", "application/x-ndjson"}})
        .status;
  }
  static void post_laps(const Program& server, int from, int to) {
    std::string body;
    for (int n = from * kPointsPerLap; n < (to + 1) * kPointsPerLap; ++n) {
      body += point_at(n) + "\n";
    }
    EXPECT_EQ(post(server, body), 200u);
  }
  static void stop(Program& server, int code = 0) {
    server.signal(SIGTERM);
    EXPECT_EQ(server.exit_code(), code) << server.output();
  }
  static void kill(Program& server) {
    server.signal(SIGKILL);
    EXPECT_EQ(server.exit_code(), 1'000 + SIGKILL);
  }

  Database store() const {
    return Database::open((data() / "slipstream.db").string(), SQLITE_OPEN_READWRITE).value();
  }
  /// How many points the rollups of a window have, by an expression.
  std::map<std::int64_t, std::int64_t> points_by(const std::string& what,
                                                 const std::string& window) const {
    auto database = store();
    auto rows = database
                    .prepare(fmt::format("SELECT {} AS what, sum(count) FROM rollups WHERE window "
                                         "= '{}' GROUP BY what ORDER BY what",
                                         what, window))
                    .value();
    std::map<std::int64_t, std::int64_t> points;
    while (rows.step().value()) points[rows.integer(0)] = rows.integer(1);
    return points;
  }
  std::int64_t points_in(const std::string& window) const {
    const auto points = points_by("0", window);
    return points.empty() ? 0 : points.at(0);
  }

  harness::TemporaryDirectory directory_;
};

/// A server that is killed without a checkpoint, when laps 1 to 40 and 41 to 43, a block each, are
/// in rollups but for what is open at the end.
class DamageAfterAKill : public Restart {
 protected:
  static inline const std::vector<std::string> kNoCheckpoint = {"CHECKPOINT_INTERVAL_MS=3600000"};

  void SetUp() override {
    // What is open when it is killed is open however long that takes.
    std::ofstream(directory_.path() / "slipstream.toml") << harness::kWithoutIdleness;
    Program server = serve(kNoCheckpoint);
    ASSERT_NE(server.port(), 0) << server.output();
    post_laps(server, 1, 40);
    post_laps(server, 41, 43);
    ASSERT_TRUE(eventually([&] { return points_by("lap", "sector")[43] == 2 * kPointsPerSector; }));
    kill(server);
  }

  /// Of the block with at least so many entries.
  void flip_block_of(std::uint64_t entries) const {
    const auto segment = list_segments(posix_file_system(), log()).value().front();
    for (const Piece& block : harness::blocks_of(log(), segment)) {
      if (*block.to - block.from < entries || *block.to - block.from > 2 * entries) continue;
      std::fstream file(log() / segment.name, std::ios::in | std::ios::out | std::ios::binary);
      const auto at = static_cast<std::streamoff>(block.position + sizeof(BlockHeader) + 9);
      file.seekg(at);
      const char byte = static_cast<char>(file.get() ^ 4);
      file.seekp(at);
      file.put(byte);
      return;
    }
    FAIL() << "no such block";
  }

  /// Laps 44 to 63 come in two lives more, which end as `end` says.
  void go_on(const std::function<void(Program&)>& end) const {
    for (const auto& [from, to] : {std::pair{44, 53}, {54, 63}}) {
      Program server = serve(kNoCheckpoint);
      ASSERT_NE(server.port(), 0) << server.output();
      if (from == 44) {
        EXPECT_THAT(http(server.port(), "GET", "/api/health").body, HasSubstr(R"("from":)"));
        EXPECT_TRUE(server.says("a part of the log cannot be read")) << server.output();
      }
      for (int lap = from; lap <= to; ++lap) post_laps(server, lap, lap);
      to == 63 ? stop(server) : end(server);
    }
  }

  /// `left_of_43`: lap 43's, of which the last sector was open.
  void expect_rollups(std::int64_t left_of_43) const {
    auto laps = points_by("lap", "sector");
    EXPECT_EQ(laps[43], left_of_43);
    laps.erase(43);
    EXPECT_THAT(laps, SizeIs(62));
    EXPECT_THAT(laps, Each(Pair(testing::_, kPointsPerLap)));
    for (const auto& [second, count] : points_by("first_ns / 1000000000", "second")) {
      const std::int64_t n = second - kBeginNs / kNsPerSecond;
      const std::int64_t first = std::max<std::int64_t>(n * 10, kPointsPerLap);
      const std::int64_t end = std::min<std::int64_t>(n * 10 + 10, 64 * kPointsPerLap);
      const bool is_of_43 = first < 44 * kPointsPerLap && end > 43 * kPointsPerLap;
      if (is_of_43 && left_of_43 < kPointsPerLap) {
        EXPECT_LE(count, end - first) << n;
      } else {
        EXPECT_EQ(count, end - first) << n;
      }
    }
  }
};

TEST_F(DamageAfterAKill, OfWhatIsInRollupsCostsNothing) {
  flip_block_of(40 * kPointsPerLap);
  go_on([](Program& server) { stop(server); });
  expect_rollups(kPointsPerLap);
}

TEST_F(DamageAfterAKill, IsMetOnceThroughAnotherKill) {
  flip_block_of(40 * kPointsPerLap);
  go_on([](Program& server) { kill(server); });
  expect_rollups(kPointsPerLap);
}

TEST_F(DamageAfterAKill, OfTheLastBlockCostsWhatWasOpenThere) {
  flip_block_of(3 * kPointsPerLap);
  go_on([](Program& server) { kill(server); });
  expect_rollups(2 * kPointsPerSector);
}

TEST_F(DamageAfterAKill, OfAllTheLogCostsWhatWasOpen) {
  fs::remove_all(log());
  go_on([](Program& server) { stop(server); });
  expect_rollups(2 * kPointsPerSector);
}

TEST_F(DamageAfterAKill, IsNoneInAStoreOfTheVersionBefore) {
  ASSERT_TRUE(store()
                  .execute(("BEGIN; CREATE TABLE kept AS SELECT * FROM rollups;"
                            "DROP VIEW seconds; DROP VIEW sectors; DROP VIEW rollup_fields;"
                            "DROP VIEW rollups; DROP VIEW rollup_rows;"
                            "DROP TABLE packed_rollups; DROP TABLE series;"
                            "DROP TABLE rollup_layouts; DROP TABLE window_names;"
                            "DROP TABLE window_retention; DROP TABLE stored_by;"
                            "DROP VIEW alerts; DROP TABLE stored_alerts;"
                            "DROP VIEW marks; DROP TABLE stored_marks;"
                            "DROP VIEW laps; DROP VIEW sessions; DROP TABLE stored_laps;"
                            "DROP TABLE lap_channels; DROP TABLE session_rules;"
                            "DROP TABLE stored_sessions; DROP TABLE activities;"
                            "DROP TABLE track_lines;" +
                            std::string(kStoreSchema[0]) +
                            "INSERT INTO rollups SELECT id, window, window_id, track, chassis, lap,"
                            " sector, count, first_ns, last_ns, partition, sequence, late, stats "
                            "FROM kept; DROP TABLE kept;"
                            "ALTER TABLE partitions DROP COLUMN committed_offset;"
                            "DROP INDEX outbox_by_shard;"
                            "ALTER TABLE outbox DROP COLUMN destination;"
                            "ALTER TABLE outbox RENAME COLUMN shard TO stream;"
                            "CREATE INDEX outbox_by_stream ON outbox (stream, id, count);"
                            "PRAGMA user_version = 4; COMMIT")
                               .c_str())
                  .has_value());
  for (const int lap : {44, 54}) {
    Program server = serve(kNoCheckpoint);
    ASSERT_NE(server.port(), 0) << server.output();
    for (int i = 0; i < 10; ++i) post_laps(server, lap + i, lap + i);
    lap == 54 ? stop(server) : kill(server);
  }
  expect_rollups(kPointsPerLap);
}

TEST_F(Restart, WithinASecondMakesNoPointLate) {
  int n = 0;
  for (int life = 0; life < 3; ++life) {
    Program server = serve();
    ASSERT_NE(server.port(), 0) << server.output();
    for (int i = 0; i < 2; ++i) EXPECT_EQ(post(server, point_at(n++)), 200u);
    stop(server);
  }
  EXPECT_THAT(points_by("first_ns / 1000000000", "second"),
              testing::ElementsAre(Pair(kBeginNs / kNsPerSecond, 6)));
}

TEST_F(Restart, AfterAStopThatCouldNotWriteTheLogHasBeenToldOfIt) {
  constexpr int kLeft = 7;
  Program server = serve({"SLIPSTREAM_FAULT=fsync:/data/log/*1000000+40"});
  ASSERT_NE(server.port(), 0) << server.output();
  std::int64_t taken = 0;
  ASSERT_TRUE(eventually([&] { return post(server, point_at(taken++)) == 503; }));
  std::string body;
  for (int i = 0; i < kLeft; ++i) body += point_at(taken + i) + "\n";
  EXPECT_EQ(post(server, body, "?durability=received"), 200u);
  stop(server, 1);
  // With them the one that was answered 503.
  EXPECT_THAT(server.output(), testing::ContainsRegex(fmt::format(
                                   "the log cannot be written.*given up.*points={}", kLeft + 1)));
  EXPECT_THAT(server.output(), testing::Not(HasSubstr("makes its rollups again")));
}

TEST_F(Restart, AfterAStopThatCouldNotWriteTheStoreMakesItsRollupsAgain) {
  {
    Program server = serve();
    ASSERT_NE(server.port(), 0) << server.output();
    // The server may be writing.
    ASSERT_TRUE(eventually([this] {
      return store()
          .execute(
              "CREATE TRIGGER full BEFORE INSERT ON packed_rollups BEGIN SELECT "
              "RAISE(ABORT, 'the disk is full'); END")
          .has_value();
    }));
    post_laps(server, 1, 4);
    stop(server);
    EXPECT_THAT(server.output(), HasSubstr("the next start makes its rollups again"));
  }
  EXPECT_EQ(points_in("sector"), 0);
  ASSERT_TRUE(store().execute("DROP TRIGGER full").has_value());
  Program server = serve();
  ASSERT_NE(server.port(), 0) << server.output();
  stop(server);
  EXPECT_EQ(points_in("sector"), 4 * kPointsPerLap);
  EXPECT_EQ(points_in("second"), 4 * kPointsPerLap);
}

}  // namespace
}  // namespace slipstream
