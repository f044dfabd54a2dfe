// A worker that throws, a file system that is full, a sync that fails: what was acknowledged is in
// exactly one rollup of each window all the same.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <optional>
#include <regex>

#include "crash_harness.h"
#include "harness.h"
#include "source/udp_sender.h"
#include "store/sqlite.h"

namespace slipstream::crash {
namespace {

using harness::eventually;
using harness::http;
using harness::metric;
using harness::TemporaryDirectory;
using harness::WebSocketClient;
using std::chrono::milliseconds;
using testing::HasSubstr;

constexpr std::uint64_t kSeed = 7;

void run_for(milliseconds time) {
  std::this_thread::sleep_for(time);
}

/// A body of a test's own, two cars in turn, that was acknowledged.
SentBody acknowledged_body(std::uint16_t port, const std::string& first, const std::string& second,
                           std::uint64_t first_n) {
  SentBody body;
  for (std::uint64_t i = 0; i < 8; ++i) {
    body.points.push_back({.n = first_n + i,
                           .w = static_cast<std::uint32_t>(i * 7'919),
                           .track = "north",
                           .chassis = i % 2 == 0 ? first : second,
                           .lap = 1,
                           .time_ms = 1'600'000'000'000 + static_cast<std::int64_t>(i)});
  }
  const auto answer = http(port, "POST", "/api/ingest", body_text(body.points, false),
                           {{"Content-Type", "application/json"}});
  EXPECT_EQ(answer.status, 200u) << answer.body;
  body.fate = Fate::kAcknowledged;
  return body;
}

/// What the store knows of as left out.
std::int64_t dead_ranges_stored(const std::filesystem::path& directory) {
  auto database =
      Database::open((directory / "data" / "slipstream.db").string(), SQLITE_OPEN_READONLY);
  if (!database) return 0;
  return database->integer("SELECT count(*) FROM dead_letters").value_or(0);
}

std::set<std::uint64_t> dead_letters(const std::filesystem::path& directory) {
  std::ifstream in(directory / "data" / "dead-letter.ndjson");
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  static const std::regex number(R"("n":(\d+))");
  std::set<std::uint64_t> found;
  for (std::sregex_iterator at(text.begin(), text.end(), number), end; at != end; ++at) {
    found.insert(std::stoull((*at)[1]));
  }
  if (!text.empty()) {
    EXPECT_THAT(text, HasSubstr(R"("reason":"injected fault at fold")"));
  }
  return found;
}

std::vector<SentBody> all_of(const Senders& senders, const std::vector<SentBody>& more) {
  std::vector<SentBody> all = senders.bodies();
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

/// Starts a server that sends everything that senders still owe, and stops it.
void settle(const std::filesystem::path& directory, Senders& senders,
            const std::vector<std::string>& environment = {}) {
  ServerProcess server(directory, environment);
  const auto port = server.wait_until_it_serves();
  ASSERT_NE(port, 0) << server.output();
  senders.send_to(port);
  EXPECT_TRUE(senders.finish()) << http(port, "GET", "/api/health").body;
  senders.send_to(0);
  EXPECT_EQ(server.stop(), 0) << server.output();
}

TEST(FailingWorker, ThatThrowsOnceIsRestartedAndNothingIsLostOrDoubled) {
  for (const std::string fault : {"fold:car-0-1*1", "fold:car-1-*1+150", "fold:alone*1+20"}) {
    TemporaryDirectory directory;
    Senders senders(kSeed);
    ServerProcess server(directory.path(), {"SLIPSTREAM_FAULT=" + fault});
    const auto port = server.wait_until_it_serves();
    ASSERT_NE(port, 0) << server.output();
    senders.send_to(port);
    senders.start();
    EXPECT_TRUE(eventually([&] { return metric(port, "slipstream_worker_restarts_total") == 1; }));
    run_for(milliseconds(100));
    EXPECT_TRUE(senders.finish());
    EXPECT_EQ(metric(port, "slipstream_dead_letter_points_total"), 0);
    EXPECT_EQ(server.stop(), 0) << server.output();
    EXPECT_GT(expect_each_point_once(directory.path(), senders.bodies()), 0u) << fault;
  }
}

TEST(FailingWorker, ABatchThatAlwaysThrowsBecomesDeadLetters) {
  TemporaryDirectory directory;
  const std::vector<std::string> fault = {"SLIPSTREAM_FAULT=fold:poison"};
  Senders senders(kSeed);
  std::vector<SentBody> own;
  std::set<std::uint64_t> dead;
  {
    ServerProcess server(directory.path(), fault);
    const auto port = server.wait_until_it_serves();
    ASSERT_NE(port, 0) << server.output();
    senders.send_to(port);
    senders.start();
    own.push_back(acknowledged_body(port, "poison-1", "harmless-1", 1'000'001));
    own.push_back(acknowledged_body(port, "poison-2", "harmless-2", 1'000'101));
    EXPECT_TRUE(eventually([&] {
      dead = dead_letters(directory.path());
      return std::ranges::all_of(std::array{0, 2, 4, 6}, [&](int i) {
        const auto n = static_cast<std::uint64_t>(i);
        return dead.contains(1'000'001 + n) && dead.contains(1'000'101 + n);
      });
    }));
    EXPECT_TRUE(eventually([&] { return metric(port, "slipstream_worker_restarts_total") == 4; }));
    EXPECT_TRUE(eventually([&] {
      return metric(port, "slipstream_dead_letter_points_total") ==
             static_cast<double>(dead.size());
    }));
    // Until then the next start folds them anew.
    EXPECT_TRUE(eventually([&] { return dead_ranges_stored(directory.path()) == 2; }));
    server.kill();
    senders.send_to(0);
  }
  {
    ServerProcess server(directory.path());
    senders.send_to(server.wait_until_it_serves());
    run_for(milliseconds(100));
    server.kill();
    senders.send_to(0);
  }
  settle(directory.path(), senders, fault);
  EXPECT_EQ(dead_letters(directory.path()), dead);
  expect_each_point_once(directory.path(), all_of(senders, own), dead);
}

TEST(FailingWorker, WhatThrowsAtTheStartBecomesDeadLettersToo) {
  TemporaryDirectory directory;
  Senders senders(kSeed);
  std::vector<SentBody> own;
  {
    // No checkpoint: all is read again.
    ServerProcess server(directory.path(), {"CHECKPOINT_INTERVAL_MS=3600000"});
    const auto port = server.wait_until_it_serves();
    ASSERT_NE(port, 0) << server.output();
    senders.send_to(port);
    senders.start();
    run_for(milliseconds(100));
    ASSERT_TRUE(senders.finish());
    // Killed before anything can come of it: what throws when it is read again has never gone well.
    own.push_back(acknowledged_body(port, "poison-1", "harmless-1", 1'000'001));
    server.kill();
    senders.send_to(0);
  }
  senders.start();
  settle(directory.path(), senders, {"SLIPSTREAM_FAULT=fold:poison"});
  const auto dead = dead_letters(directory.path());
  for (std::uint64_t i = 0; i < 8; i += 2) EXPECT_TRUE(dead.contains(1'000'001 + i));
  settle(directory.path(), senders);
  EXPECT_EQ(dead_letters(directory.path()), dead);
  expect_each_point_once(directory.path(), all_of(senders, own), dead);
}

/// A small file system, and a file that fills it up.
class SmallFileSystem {
 public:
  explicit SmallFileSystem(const std::filesystem::path& folder) : folder_(folder) {
    std::filesystem::create_directories(folder);
    // Far more than what is sent takes, so that the ballast alone fills it.
    is_there_ = mount("tmpfs", folder.c_str(), "tmpfs", 0, "size=64m") == 0;
  }
  ~SmallFileSystem() {
    if (is_there_) umount2(folder_.c_str(), MNT_DETACH);
  }
  SmallFileSystem(const SmallFileSystem&) = delete;
  SmallFileSystem& operator=(const SmallFileSystem&) = delete;

  bool is_there() const { return is_there_; }
  void fill() const {
    std::ofstream out(folder_ / "ballast", std::ios::app | std::ios::binary);
    const std::string piece(4'096, 'x');
    while (out.write(piece.data(), static_cast<std::streamsize>(piece.size())).flush()) {
    }
  }
  void make_room() const { std::filesystem::remove(folder_ / "ballast"); }

 private:
  const std::filesystem::path folder_;
  bool is_there_ = false;
};

/// Fills the file system while points are sent, and looks at what the server says of it.
void fill_while_sending(const SmallFileSystem& files, std::uint16_t port, std::uint16_t udp_port,
                        Senders& senders, std::vector<SentBody>& own, const char* problem) {
  senders.send_to(port);
  senders.start();
  run_for(milliseconds(200));
  EXPECT_TRUE(eventually([&] {
    files.fill();  // again: what is freed meanwhile
    return senders.unavailable() > 10;
  }));
  EXPECT_EQ(senders.without_retry_after(), 0u);
  EXPECT_TRUE(eventually([&] {
    files.fill();
    const auto health = http(port, "GET", "/api/health");
    return health.status == 503 && health.body.find(problem) != std::string::npos;
  })) << http(port, "GET", "/api/health").body;
  // What comes by UDP is broadcast all the same.
  SentBody body{.points = {{.n = 2'000'000 + own.size(),
                            .w = 5,
                            .track = "north",
                            .chassis = fmt::format("udp-{}", own.size()),
                            .time_ms = 1'600'000'000'000}}};
  WebSocketClient client(port, "/ws/realtime");
  auto sender = UdpSender::open("127.0.0.1", udp_port);
  ASSERT_TRUE(sender.has_value());
  ASSERT_TRUE(sender->send(body_text(body.points, true)));
  client.read_until(body.points.front().chassis);
  own.push_back(std::move(body));
}

/// `starts_full`: whether a server can start before there is room.
void expect_recovery_from_a_full_disk(const std::string& folder, const char* problem,
                                      bool starts_full) {
  TemporaryDirectory directory;
  const SmallFileSystem files(directory.path() / folder);
  if (!files.is_there()) GTEST_SKIP() << "a tmpfs cannot be mounted here: root is needed";
  Senders senders(kSeed);
  std::vector<SentBody> own;
  {
    ServerProcess server(directory.path());
    const auto port = server.wait_until_it_serves();
    ASSERT_NE(port, 0) << server.output();
    fill_while_sending(files, port, server.udp_port(), senders, own, problem);
    files.make_room();
    EXPECT_TRUE(eventually([&] { return http(port, "GET", "/api/health").status == 200; }))
        << http(port, "GET", "/api/health").body;
    EXPECT_TRUE(senders.finish());
    EXPECT_EQ(server.stop(), 0) << server.output();
    own.back().fate = Fate::kAcknowledged;  // it was in memory all the time
    EXPECT_GT(expect_each_point_once(directory.path(), all_of(senders, own)), 0u);
  }
  {
    ServerProcess server(directory.path());
    const auto port = server.wait_until_it_serves();
    ASSERT_NE(port, 0) << server.output();
    fill_while_sending(files, port, server.udp_port(), senders, own, problem);
    server.kill();
    senders.send_to(0);
  }
  if (starts_full) {
    files.fill();
    ServerProcess server(directory.path());
    const auto port = server.wait_until_it_serves();
    ASSERT_NE(port, 0) << server.output();
    senders.send_to(port);
    EXPECT_TRUE(eventually([&] {
      files.fill();
      return http(port, "GET", "/api/health").status == 503;
    }));
    server.kill();
    senders.send_to(0);
  }
  files.make_room();
  settle(directory.path(), senders);
  expect_each_point_once(directory.path(), all_of(senders, own));
}

TEST(FullDisk, OfTheLogRefusesAndGoesOnByItself) {
  expect_recovery_from_a_full_disk("data/log", "log: it cannot be written", true);
}

TEST(FullDisk, OfEverythingRefusesAndGoesOnByItself) {
  expect_recovery_from_a_full_disk("data", "cannot be written", false);
}

TEST(FailingSync, IsNotAcknowledgedAndDoneAgain) {
  TemporaryDirectory directory;
  Senders senders(kSeed);
  ServerProcess server(directory.path(), {"SLIPSTREAM_FAULT=fsync:/data/log/*2+40"});
  const auto port = server.wait_until_it_serves();
  ASSERT_NE(port, 0) << server.output();
  senders.send_to(port);
  senders.start();
  EXPECT_TRUE(eventually([&] { return metric(port, "slipstream_log_failures_total") == 2; }));
  EXPECT_TRUE(eventually([&] { return senders.unavailable() > 0; }));
  EXPECT_EQ(senders.without_retry_after(), 0u);
  EXPECT_TRUE(eventually([&] { return http(port, "GET", "/api/health").status == 200; }));
  run_for(milliseconds(200));
  EXPECT_TRUE(senders.finish());
  EXPECT_EQ(server.stop(), 0) << server.output();
  expect_each_point_once(directory.path(), senders.bodies());
}

TEST(FailingSync, ThatGoesOnLosesNothingWhenKilled) {
  for (const int harmless : {0, 7, 60}) {
    TemporaryDirectory directory;
    Senders senders(kSeed);
    {
      ServerProcess server(directory.path(),
                           {fmt::format("SLIPSTREAM_FAULT=fsync:/data/log/*1000000+{}", harmless)});
      const auto port = server.wait_until_it_serves();
      ASSERT_NE(port, 0) << server.output();
      senders.send_to(port);
      senders.start();
      EXPECT_TRUE(eventually([&] { return senders.unavailable() > 10; }));
      EXPECT_EQ(http(port, "GET", "/api/health").status, 503u);
      server.kill();
      senders.send_to(0);
    }
    settle(directory.path(), senders);
    expect_each_point_once(directory.path(), senders.bodies());
  }
}

TEST(FailingSync, WhatGathersBeyondABlockIsWrittenAfterwards) {
  TemporaryDirectory directory;
  ServerProcess server(directory.path(), {"SLIPSTREAM_FAULT=fsync:/data/log/*4"});
  const auto port = server.wait_until_it_serves();
  ASSERT_NE(port, 0) << server.output();
  // More than the log's 64 MiB a block, in texts that the log keeps.
  constexpr std::uint64_t kPointsPerBody = 230;
  const std::string note(60'000, 'x');
  std::vector<SentBody> bodies(7);
  for (std::uint64_t b = 0; b < bodies.size(); ++b) {
    std::string text = "[";
    for (std::uint64_t i = 0; i < kPointsPerBody; ++i) {
      const auto n = static_cast<std::int64_t>(b * kPointsPerBody + i);
      const SentPoint point{.n = b * kPointsPerBody + i,
                            .w = 3,
                            .track = "north",
                            .chassis = fmt::format("car-{}", i % 5),
                            .time_ms = 1'600'000'000'000 + n};
      text += fmt::format(
          R"({}{{"meta_time":{},"track":"north","chassis":"{}","n":{},"w":3,"note":"{}"}})",
          i == 0 ? "" : ",", point.time_ms, point.chassis, point.n, note);
      bodies[b].points.push_back(point);
    }
    const auto answer = http(port, "POST", "/api/ingest?durability=received", text + "]",
                             {{"Content-Type", "application/json"}});
    ASSERT_EQ(answer.status, 200u) << answer.body;
    bodies[b].fate = Fate::kAcknowledged;
  }
  EXPECT_TRUE(eventually([&] { return metric(port, "slipstream_log_failures_total") >= 1; }))
      << "it gathered while syncs failed";
  EXPECT_TRUE(eventually([&] { return http(port, "GET", "/api/health").status == 200; }))
      << http(port, "GET", "/api/health").body;
  EXPECT_EQ(server.stop(), 0) << server.output();
  expect_each_point_once(directory.path(), bodies);
}

}  // namespace
}  // namespace slipstream::crash
