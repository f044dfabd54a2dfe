// A store that is damaged: what is said, and what is made anew of it.
#include "damaged_store.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "recorded.h"

namespace slipstream {
namespace {

using harness::DatabasePages;
using harness::http;
using harness::kBeginNs;
using harness::kFreePorts;
using harness::lines;
using harness::Program;
using harness::run;
using harness::TemporaryDirectory;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;
namespace fs = std::filesystem;

constexpr int kSeconds = 900;

class Store : public testing::Test {
 protected:
  fs::path data() const { return directory_.path() / "data"; }
  fs::path database() const { return data() / "slipstream.db"; }

  Program serve(std::vector<std::string> environment = {}) const {
    environment.insert(environment.end(), kFreePorts.begin(), kFreePorts.end());
    environment.push_back("DATA_DIR=" + data().string());
    return {directory_, {"serve", "--log-format", "text"}, std::move(environment)};
  }
  static void stop(Program& server) {
    server.signal(SIGTERM);
    EXPECT_EQ(server.exit_code(), 0) << server.output();
  }
  static void post(const Program& server, int from, int to) {
    std::string body;
    for (int n = from; n < to; ++n) {
      body += fmt::format(
          R"({{"meta_time":"{}","track":"cota","chassis":"GR86-01","lap":{},"sector":{},"speed_kmh":{}}})"
          "\n",
          iso_time(kBeginNs + n * kNsPerSecond), n / 90, n / 30 % 3, 100 + n % 50);
    }
    EXPECT_EQ(
        http(server.port(), "POST", "/api/ingest", body, {{"Content-Type", "application/x-ndjson"}})
            .status,
        200u);
  }
  /// A store of kSeconds rollups and more, in a file without a write-ahead log. The last windows
  /// are open, as a killed server leaves them.
  void record() {
    {
      auto server = serve();
      post(server, 0, kSeconds);
      stop(server);
    }
    auto server = serve();
    post(server, kSeconds, kSeconds + 10);
    const auto is_stored = [&] {
      return http(server.port(), "GET", "/api/rollups?window=second&limit=1")
                 .body.find("\"lap\":10") != std::string::npos;
    };
    EXPECT_TRUE(harness::eventually(is_stored));
    EXPECT_TRUE(harness::eventually(
        [&] { return harness::metric(server.port(), "slipstream_checkpoints_total") > 8; }));
    server.signal(SIGKILL);
    EXPECT_EQ(server.exit_code(), 1'000 + SIGKILL);
    auto file = Database::open(database().string(), SQLITE_OPEN_READWRITE).value();
    EXPECT_TRUE(file.execute("PRAGMA wal_checkpoint(TRUNCATE)"));
  }
  /// All rollups once every window is closed, with their rows' numbers.
  std::vector<std::string> finish() {
    {
      auto server = serve();
      (void)server.port();
      stop(server);
    }
    auto file = Database::open(database().string(), SQLITE_OPEN_READWRITE).value();
    auto rows =
        file.prepare(
                "SELECT window || hex(window_id) || count || stats, id FROM rollups ORDER BY 1")
            .value();
    std::vector<std::string> all;
    std::set<std::int64_t> ids;
    while (rows.step().value()) {
      all.emplace_back(rows.text(0));
      ids.insert(rows.integer(1));
      EXPECT_GT(rows.integer(1), 0);
    }
    EXPECT_EQ(ids.size(), all.size());
    return all;
  }
  /// What an undamaged store comes to, in a copy of the directory.
  std::vector<std::string> expected() {
    const auto copy = directory_.path() / "copy";
    fs::copy(data(), copy, fs::copy_options::recursive);
    auto all = finish();
    fs::remove_all(data());
    fs::rename(copy, data());
    return all;
  }
  harness::Ran rebuild() const { return run(directory_, {"store", "rebuild", "data"}); }
  std::vector<fs::path> kept() const {
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(data())) {
      if (entry.path().filename().string().find(".damaged-") != std::string::npos) {
        files.push_back(entry.path());
      }
    }
    return files;
  }

  TemporaryDirectory directory_;
};

TEST_F(Store, CheckFindsNothingWhereNothingIsWrong) {
  record();
  const auto checked = run(directory_, {"store", "check", "data"});
  EXPECT_EQ(checked.code, 0) << checked.output;
  EXPECT_THAT(checked.output, HasSubstr(" rollups, 0 faults"));
  const auto nothing = run(directory_, {"store", "check", "nowhere"});
  EXPECT_EQ(nothing.code, 1);
  EXPECT_THAT(nothing.output, HasSubstr("nowhere/slipstream.db"));
}

TEST_F(Store, DamagedPageIsTheServersFaultAndIsSaidWithWhatToDo) {
  record();
  const DatabasePages pages(database());
  const auto leaves = pages.leaves_of("packed_rollups");
  ASSERT_GT(leaves.size(), 10u);
  pages.spoil(leaves[leaves.size() / 3]);

  const auto checked = run(directory_, {"store", "check", "data"});
  EXPECT_EQ(checked.code, 1);
  EXPECT_THAT(checked.output, HasSubstr("slipstream store rebuild data"));
  EXPECT_THAT(checked.output, Not(HasSubstr(" 0 faults")));

  auto server = serve();
  EXPECT_EQ(http(server.port(), "GET", "/api/health").status, 200u);
  EXPECT_EQ(http(server.port(), "GET", "/api/rollups?cursor=nonsense").status, 400u);
  for (const harness::Headers& headers : {harness::Headers{}, {{"Accept", "text/csv"}}}) {
    const auto answer =
        http(server.port(), "GET", "/api/rollups?window=second&limit=1&lap=5", "", headers);
    const auto all = http(server.port(), "GET",
                          "/api/rollups?window=second&limit=1000&cursor=" +
                              std::to_string(kBeginNs + 450 * kNsPerSecond) + ".100000",
                          "", headers);
    EXPECT_TRUE(answer.status == 200 || answer.status == 500);
    EXPECT_EQ(all.status, 500u) << all.body;
    EXPECT_THAT(all.body, HasSubstr("slipstream store rebuild DATA_DIR"));
  }
  const auto health = http(server.port(), "GET", "/api/health");
  EXPECT_EQ(health.status, 503u);
  EXPECT_THAT(health.body,
              HasSubstr("slipstream.db is damaged (database disk image is malformed)"));
  EXPECT_THAT(health.body, HasSubstr(R"("damaged":true)"));
  post(server, kSeconds + 10, kSeconds + 20);
  stop(server);
}

TEST_F(Store, RebuiltWithItsCheckpointHasEveryRollupOnceInItsRow) {
  record();
  const auto wanted = expected();
  const DatabasePages pages(database());
  const auto leaves = pages.leaves_of("packed_rollups");
  for (std::size_t i = 3; i < leaves.size(); i += 7) pages.spoil(leaves[i]);

  const auto ran = rebuild();
  EXPECT_EQ(ran.code, 0) << ran.output;
  EXPECT_THAT(ran.output, HasSubstr("checkpoint  whole"));
  EXPECT_THAT(ran.output, Not(HasSubstr("lost  ")));
  EXPECT_THAT(kept(), SizeIs(1));
  EXPECT_EQ(run(directory_, {"store", "check", "data"}).code, 0);
  EXPECT_EQ(finish(), wanted);
  EXPECT_FALSE(fs::exists(data() / "rebuild"));
}

TEST_F(Store, RebuiltItGoesOnWithTheOutboxsNumbers) {
  record();
  {
    auto old = Database::open(database().string(), SQLITE_OPEN_READWRITE).value();
    ASSERT_TRUE(old.execute("INSERT INTO sqlite_sequence VALUES ('outbox', 5000)"));
  }
  ASSERT_EQ(rebuild().code, 0);
  auto fresh = Database::open(database().string(), SQLITE_OPEN_READWRITE).value();
  EXPECT_EQ(fresh.integer("SELECT seq FROM sqlite_sequence WHERE name = 'outbox'").value(), 5'000);
}

TEST_F(Store, APartitionThatCannotBeIsDamageAndNoCrash) {
  record();
  {
    auto file = Database::open(database().string(), SQLITE_OPEN_READWRITE).value();
    ASSERT_TRUE(file.execute("INSERT INTO partitions VALUES (70000, 0, 0, 0, x'', 0)"));
  }
  Program server(directory_, {"serve"}, harness::kFreePorts);
  EXPECT_EQ(server.exit_code(), 1) << server.output();
  EXPECT_THAT(server.output(), HasSubstr("there is no partition 70000 of the log"));
  EXPECT_EQ(rebuild().code, 0);
}

TEST_F(Store, RebuiltWithoutItsCheckpointHasEveryRollupOnce) {
  record();
  const auto wanted = expected();
  const DatabasePages pages(database());
  pages.spoil(pages.root_of("partitions"));
  pages.spoil(pages.leaves_of("packed_rollups")[5]);
  {
    auto server = serve();
    EXPECT_EQ(server.exit_code(), 1);
    EXPECT_THAT(server.output(), HasSubstr("data/slipstream.db: database disk image is malformed"));
    EXPECT_THAT(server.output(), HasSubstr("slipstream store rebuild DATA_DIR"));
  }
  const auto ran = rebuild();
  EXPECT_EQ(ran.code, 0) << ran.output;
  EXPECT_THAT(ran.output, HasSubstr("checkpoint  could not be read"));
  EXPECT_EQ(finish(), wanted);
}

TEST_F(Store, RebuiltFromTheLogAloneWhereNothingCanBeRead) {
  record();
  const auto wanted = expected();
  std::ofstream(database(), std::ios::binary | std::ios::trunc) << std::string(100'000, 'x');
  const auto checked = run(directory_, {"store", "check", "data"});
  EXPECT_EQ(checked.code, 1);
  EXPECT_THAT(checked.output, HasSubstr("file is not a database"));
  const auto ran = rebuild();
  EXPECT_EQ(ran.code, 0) << ran.output;
  EXPECT_THAT(ran.output, HasSubstr("copied      0 rollups"));
  EXPECT_EQ(finish(), wanted);
}

TEST_F(Store, RebuiltKeepsWhatTheLogHasNoMore) {
  record();
  const auto wanted = expected();
  const DatabasePages pages(database());
  const auto leaves = pages.leaves_of("packed_rollups");
  pages.spoil(leaves[leaves.size() / 2]);
  // The log began later: its first segment, with all but the last points, is gone.
  for (const auto& entry : fs::directory_iterator(data() / "log")) {
    if (entry.path().extension() == ".slog") {
      fs::remove(entry.path());
      break;
    }
  }
  const auto ran = rebuild();
  EXPECT_EQ(ran.code, 0) << ran.output;
  EXPECT_THAT(ran.output, HasSubstr("lost        "));
  const auto now = finish();
  EXPECT_LT(now.size(), wanted.size());
  EXPECT_GT(now.size(), wanted.size() - 100);
  for (const auto& rollup : now) {
    EXPECT_TRUE(std::ranges::binary_search(wanted, rollup)) << rollup;
  }
}

TEST_F(Store, IsNotRebuiltUnderARunningServer) {
  auto server = serve();
  (void)server.port();
  const auto refused = rebuild();
  EXPECT_EQ(refused.code, 1);
  EXPECT_THAT(refused.output,
              HasSubstr(fmt::format("is in use by process {} (slipstream)", server.pid())));
  stop(server);
  fs::remove(database());
  const auto nothing = rebuild();
  EXPECT_EQ(nothing.code, 1);
  EXPECT_THAT(nothing.output, HasSubstr("is not there"));
  EXPECT_FALSE(fs::exists(database()));
}

TEST_F(Store, LogThatHasLessThanTheStoreKnowsOfIsAFault) {
  record();
  fs::remove_all(data() / "log");
  const auto checked = run(directory_, {"store", "check", "data"});
  EXPECT_EQ(checked.code, 1);
  EXPECT_THAT(checked.output, HasSubstr("there is no log, which had come to offset "));
}

}  // namespace
}  // namespace slipstream
