// Files that are deleted or replaced under a running server, and a second server beside it.
#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "recorded.h"
#include "store/sqlite.h"

namespace slipstream {
namespace {

using harness::eventually;
using harness::http;
using harness::kFreePorts;
using harness::lines;
using harness::Program;
using harness::run;
using harness::Server;
using harness::TemporaryDirectory;
using testing::HasSubstr;
namespace fs = std::filesystem;

constexpr const char* kPoint = R"({"track":"cota","chassis":"GR86-01","lap":1,"speed_kmh":100})";

class GoneFiles : public testing::Test {
 protected:
  fs::path data() const { return directory_.path() / "data"; }
  Program serve() const {
    auto environment = kFreePorts;
    environment.push_back("DATA_DIR=" + data().string());
    return {directory_, {"serve", "--log-format", "text"}, std::move(environment)};
  }
  static unsigned post(const Program& server) {
    return http(server.port(), "POST", "/api/ingest", kPoint).status;
  }
  static std::string health(const Program& server) {
    return http(server.port(), "GET", "/api/health").body;
  }
  static bool says(const Program& server, const std::string& text) {
    return eventually([&] { return health(server).find(text) != std::string::npos; });
  }

  TemporaryDirectory directory_;
};

TEST_F(GoneFiles, NothingIsAcknowledgedUntilTheyAreBack) {
  auto server = serve();
  ASSERT_EQ(post(server), 200u);
  const auto aside = directory_.path() / "aside";
  for (const auto& path : {data() / "log", data() / "slipstream.db", data()}) {
    fs::rename(path, aside);
    EXPECT_TRUE(says(server, path.string() + " is gone")) << path << ": " << health(server);
    EXPECT_EQ(post(server), 503u) << path;
    EXPECT_EQ(http(server.port(), "GET", "/api/health").status, 503u);
    fs::rename(aside, path);
    EXPECT_TRUE(eventually([&] { return post(server) == 200; })) << path;
    EXPECT_TRUE(says(server, R"("ok":true)"));
  }
  EXPECT_TRUE(server.says("the files that were gone are back"));
  server.signal(SIGTERM);
  EXPECT_EQ(server.exit_code(), 0) << server.output();
}

TEST_F(GoneFiles, ReplacedStoreIsAsADeletedOne) {
  auto server = serve();
  ASSERT_EQ(post(server), 200u);
  const auto database = data() / "slipstream.db";
  fs::copy_file(database, directory_.path() / "copy");
  fs::rename(directory_.path() / "copy", database);
  EXPECT_TRUE(says(server, "slipstream.db is another than the one that was opened"));
  EXPECT_EQ(post(server), 503u);
  server.signal(SIGKILL);
  EXPECT_EQ(server.exit_code(), 1'000 + SIGKILL);
}

TEST_F(GoneFiles, DeletedSegmentIsToldAndTheLogGoesOnInAnother) {
  auto server = serve();
  ASSERT_EQ(post(server), 200u);
  fs::path segment;
  for (const auto& entry : fs::directory_iterator(data() / "log")) {
    if (entry.path().extension() == ".slog") segment = entry.path();
  }
  fs::remove(segment);
  EXPECT_TRUE(says(server, "the file was deleted or replaced while the server ran"));
  EXPECT_TRUE(server.says("a file of the log is gone"));
  EXPECT_TRUE(eventually([&] { return post(server) == 200; }));
  server.signal(SIGTERM);
  EXPECT_EQ(server.exit_code(), 0) << server.output();
  EXPECT_FALSE(fs::exists(segment));
  std::uint64_t points = 0;
  const auto rollups = harness::rollups(directory_, data());
  for (const auto& rollup : rollups) {
    if (rollup.find(R"("window":"second")") != std::string::npos) ++points;
  }
  EXPECT_GE(points, 1u) << "what was folded is stored";
}

TEST_F(GoneFiles, DeletedLockLetsNoSecondServerIn) {
  auto server = serve();
  ASSERT_EQ(post(server), 200u);
  const auto refused = [&](const std::string& what) {
    auto second = serve();
    EXPECT_EQ(second.exit_code(), 1) << what;
    EXPECT_THAT(second.output(),
                HasSubstr(fmt::format("in use by process {} (slipstream)", server.pid())))
        << what;
  };
  refused("all is there");
  fs::remove(data() / "log" / "lock");
  refused("the lock is gone");
  fs::remove_all(data() / "log");
  refused("the log's folder is gone");
  fs::remove(data() / "slipstream.db");
  refused("the store is gone");

  // A dead owner keeps nobody out, and readers are kept out by nobody.
  server.signal(SIGKILL);
  EXPECT_EQ(server.exit_code(), 1'000 + SIGKILL);
  auto next = serve();
  EXPECT_EQ(post(next), 200u);
  EXPECT_EQ(run(directory_, {"log", "verify", "data"}).code, 0);
  EXPECT_EQ(run(directory_, {"export", "--data", "data"}).code, 0);
  EXPECT_EQ(run(directory_, {"store", "check", "data"}).code, 0);
}

TEST_F(GoneFiles, StalledExportHoldsNothing) {
  auto server = serve();
  std::string body;
  for (int n = 0; n < 2'000; ++n) {
    body += fmt::format(R"({{"meta_time":{},"track":"cota","chassis":"x","speed_kmh":1}})"
                        "\n",
                        1'757'000'000 + n);
  }
  ASSERT_EQ(
      http(server.port(), "POST", "/api/ingest", body, {{"Content-Type", "application/x-ndjson"}})
          .status,
      200u);
  EXPECT_TRUE(eventually([&] {
    return harness::metric(server.port(), "slipstream_store_rollups_written_total") > 1'900;
  }));
  const auto fifo = directory_.path() / "fifo";
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  Program stalled(directory_,
                  {"export", "--what", "rollups", "--data", "data", "--output", "fifo"});
  const int reader = ::open(fifo.c_str(), O_RDONLY);
  ASSERT_GE(reader, 0);
  int waiting = 0;
  ASSERT_TRUE(
      eventually([&] { return ioctl(reader, FIONREAD, &waiting) == 0 && waiting > 60'000; }));

  auto database =
      Database::open((data() / "slipstream.db").string(), SQLITE_OPEN_READWRITE).value();
  database.set_busy_timeout(5'000);
  EXPECT_EQ(post(server), 200u);
  EXPECT_TRUE(eventually([&] {
    return database.integer("PRAGMA wal_checkpoint(TRUNCATE)").value_or(1) == 0;
  })) << "somebody holds a read";
  ::close(reader);
  EXPECT_NE(stalled.exit_code(), 0);
}

}  // namespace
}  // namespace slipstream
