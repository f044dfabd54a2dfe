// Alerts through kill -9, and webhooks to a receiver that is down at first.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "alerts_testing.h"
#include "crash_harness.h"
#include "environment.h"
#include "harness.h"
#include "program.h"
#include "store/sqlite.h"

namespace slipstream::alerts_testing {
namespace {

using crash::ServerProcess;
using harness::eventually;
using harness::http;
using harness::metric;
using harness::Server;
using harness::TemporaryDirectory;
using harness::WebSocketClient;
using testing::SizeIs;

TEST(WebhooksOfAServer, AReceiverThatWasDownGetsEachWithOneIdOfAllTries) {
  TemporaryDirectory directory;
  std::uint16_t port = 0;
  {
    Receiver gone;
    port = gone.port();
  }
  Server server({{"DATA_DIR", directory.path().string()}}, kSettings + webhook_to(port));
  ASSERT_EQ(send(server.port(), "[" + point(0, 120, 120) + "," + point(1, 120, 120) + "]"), 200u);
  const auto destination = [&](const char* figure) {
    return metric(server.port(),
                  fmt::format(R"(slipstream_output_{}{{destination="pit"}})", figure));
  };
  ASSERT_TRUE(eventually([&] { return destination("failures_total") > 0; }));
  EXPECT_EQ(send(server.port(), point(2, 120, 120)), 200u) << "a dead receiver harms nobody";
  const auto slips = member(alerts_of(alerts_at(server.port(), "?name=slips")).at(0), "id");
  Receiver receiver(port, {{slips + "-raised", 1}});
  ASSERT_TRUE(eventually([&] { return destination("sent_total") == 2; }));
  const auto got = receiver.got();
  std::map<std::string, std::set<std::string>> bodies;
  std::map<std::string, int> tries;
  for (const auto& one : got) {
    expect_signed(one);
    bodies[one.id].insert(one.body);
    ++tries[one.id];
    EXPECT_EQ(one.id, member(one.body, "id") + "-raised");
  }
  EXPECT_THAT(bodies, SizeIs(2));
  EXPECT_THAT(bodies[slips + "-raised"], SizeIs(1)) << "the same at each try";
  EXPECT_EQ(tries[slips + "-raised"], 2) << "a redirect is no success, and is not followed";
  EXPECT_EQ(got.size(), 3u);
}

/// What a race of three cars tells, as bodies of 20 points.
std::vector<std::string> race() {
  std::mt19937_64 random(7);
  std::vector<std::string> bodies;
  std::map<int, double> oil = {{0, 90}, {1, 100}, {2, 110}};
  for (int body = 0; body < 90; ++body) {
    std::string text = "[";
    for (int i = 0; i < 20; ++i) {
      const int car = i % 3;
      oil[car] = std::clamp(oil[car] + static_cast<double>(random() % 21) - 10, 60.0, 140.0);
      if (i > 0) text += ',';
      text += point((body * 20 + i) * 0.1, oil[car], 100 + static_cast<double>(random() % 8),
                    fmt::format("car{}", car));
    }
    bodies.push_back(text + "]");
  }
  return bodies;
}

constexpr const char* kRaceSettings = R"toml(
[derived]
slip_pct = "(wheel_kmh - speed_kmh) / speed_kmh * 100"
oil_mean = "mean(oil, 2s)"
[[alert]]
name = "hot"
when = "oil_mean > 105 for 500ms"
clear = "oil_mean < 95"
[[alert]]
name = "jump"
when = "abs(rate(oil)) > 30"
[[alert]]
name = "slips"
when = "slip_pct > 5"
)toml";

/// Without what hangs on when a point came.
std::multiset<std::string> story_at(std::uint16_t port) {
  std::multiset<std::string> story;
  std::string cursor;
  do {
    const auto page = alerts_at(port, "?limit=500&cursor=" + cursor);
    for (const auto& alert : alerts_of(page)) {
      story.insert(fmt::format("{} {} {} {} {}", member(alert, "name"), member(alert, "state"),
                               member(alert, "chassis"), member(alert, "time"),
                               json_member(alert, "value")));
    }
    cursor = json_member(page, "next") == "null" ? "" : member(page, "next");
  } while (!cursor.empty());
  return story;
}

/// Reads what a channel has given, and goes on behind it after each kill.
class AlertListener {
 public:
  void join(std::uint16_t port) {
    client_ = std::make_unique<WebSocketClient>(port, "/ws/realtime");
    client_->send(fmt::format(R"({{"type":"resume","channel":"alerts","after":"{}"}})", cursor_));
    client_->read_until(R"("type":"subscribed")");
  }
  /// What is there by now.
  void listen() {
    while (const auto text = client_->read(std::chrono::milliseconds(20))) take(*text);
  }
  void listen_until(std::size_t count) {
    while (seen_.size() < count) {
      const auto text = client_->read();
      if (!text) return;
      take(*text);
    }
  }
  const std::multiset<std::string>& seen() const { return seen_; }

 private:
  void take(const std::string& text) {
    if (member(text, "type") != "alert") return;
    seen_.insert(member(text, "id") + " " + member(text, "state"));
    cursor_ = member(text, "cursor");
  }

  std::unique_ptr<WebSocketClient> client_;
  std::string cursor_ = "0";
  std::multiset<std::string> seen_;
};

bool is_acknowledged(std::uint16_t port, const std::string& body, std::size_t number) {
  try {
    return http(port, "POST", "/api/ingest", body,
                {{"Content-Type", "application/json"},
                 {"Idempotency-Key", fmt::format("alerts-{}", number)}})
               .status == 200;
  } catch (const std::exception&) {
    return false;  // killed before it answered
  }
}

TEST(AlertsThroughKills, AreRaisedAndClearedOnceAndGivenOnce) {
  const auto bodies = race();
  std::multiset<std::string> expected;
  TemporaryDirectory whole;
  const std::pair<const std::string, std::string> data = {"DATA_DIR", whole.path().string()};
  {
    Server server({data}, kRaceSettings);
    for (const auto& body : bodies) ASSERT_EQ(send(server.port(), body), 200u);
    ASSERT_TRUE(server.stop());
  }
  {
    Server server({data}, kRaceSettings);
    expected = story_at(server.port());
  }
  ASSERT_GT(expected.size(), 100u);

  TemporaryDirectory directory;
  Receiver receiver;
  const std::string settings = kRaceSettings + webhook_to(receiver.port());
  const auto begin = [&] {
    return std::make_unique<ServerProcess>(directory.path(), std::vector<std::string>{}, 0,
                                           settings);
  };
  auto server = begin();
  auto port = server->wait_until_it_serves();
  ASSERT_NE(port, 0) << server->output();
  AlertListener listener;
  listener.join(port);
  const auto kills = harness::from_environment("SLIPSTREAM_CRASH_ROUNDS", 4);
  const std::size_t between = bodies.size() / (kills + 1);
  std::mt19937_64 random(harness::from_environment("SLIPSTREAM_CRASH_SEED", 1));
  for (std::size_t i = 0; i < bodies.size(); ++i) {
    std::thread killer;
    if (i % between == between - 1 && i + 1 < bodies.size()) {
      // While the body is on its way, or just behind it.
      killer = std::thread([&, wait = std::chrono::microseconds(random() % 60'000)] {
        std::this_thread::sleep_for(wait);
        server->kill();
      });
    }
    bool is_done = is_acknowledged(port, bodies[i], i);
    if (killer.joinable()) {
      killer.join();
      listener.listen();
      server = begin();
      port = server->wait_until_it_serves();
      ASSERT_NE(port, 0) << server->output();
      listener.join(port);
      is_done = is_acknowledged(port, bodies[i], i);
    }
    ASSERT_TRUE(is_done) << server->output();
  }
  ASSERT_TRUE(eventually([&] { return story_at(port).size() >= expected.size(); }));
  EXPECT_EQ(story_at(port), expected);
  listener.listen_until(expected.size());
  EXPECT_EQ(listener.seen().size(), expected.size());
  std::set<std::string> ids;
  EXPECT_TRUE(eventually([&] {
    ids.clear();
    for (const auto& one : receiver.got()) ids.insert(one.id);
    return ids.size() >= expected.size();
  })) << ids.size();
  EXPECT_EQ(std::set<std::string>(listener.seen().begin(), listener.seen().end()).size(),
            expected.size())
      << "none was given twice";
  EXPECT_EQ(server->stop(), 0) << server->output();
  EXPECT_EQ(ids.size(), expected.size());
}

TEST(AlertsOfARebuiltStore, AreWhatTheLogTellsAndWhatCouldBeRead) {
  TemporaryDirectory directory;
  const auto data = directory.path() / "data";
  std::ofstream(directory.path() / "c.toml") << kSettings;
  {
    Server server({{"DATA_DIR", data.string()}}, kSettings);
    for (const auto& one : {point(0, 120, 120), point(1, 120, 100), point(2, 90, 120)}) {
      ASSERT_EQ(send(server.port(), one), 200u);
    }
    ASSERT_TRUE(eventually([&] { return alerts_of(alerts_at(server.port())).size() == 5; }));
    ASSERT_TRUE(server.stop());
  }
  const auto spoil = [&](const std::string& sql) {
    auto file = Database::open((data / "slipstream.db").string(), SQLITE_OPEN_READWRITE).value();
    ASSERT_TRUE(file.execute(sql.c_str()));
  };
  const auto rebuild_and_read = [&](const std::string& query) {
    harness::Program rebuild(directory, {"store", "rebuild", "data", "--config", "c.toml"});
    EXPECT_EQ(rebuild.exit_code(), 0) << rebuild.output();
    // The next one keeps its own, perhaps within the same second.
    for (const auto& entry : std::filesystem::directory_iterator(data)) {
      if (entry.path().string().contains(".damaged-")) std::filesystem::remove(entry.path());
    }
    Server server({{"DATA_DIR", data.string()}}, kSettings);
    return told_by(alerts_at(server.port(), query));
  };
  // With its checkpoint: the rows are copied.
  EXPECT_THAT(rebuild_and_read("?state=active"), testing::ElementsAre("slips raised A"));
  // Without it, and without the rows: the log tells them again.
  spoil("DELETE FROM stored_alerts; DELETE FROM layout");
  EXPECT_THAT(rebuild_and_read(""),
              testing::UnorderedElementsAre("slips raised A", "hot raised A", "slips cleared A",
                                            "hot cleared A", "slips raised A"));
  spoil("DELETE FROM layout");
  EXPECT_THAT(rebuild_and_read("?state=active"), SizeIs(0)) << "what is not known is not active";
}

}  // namespace
}  // namespace slipstream::alerts_testing
