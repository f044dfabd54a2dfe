// Derived fields, alerts and webhooks through a whole server: live, by pages, in the store, through
// kill -9, and to a receiver that is down at first.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "codec/json_scan.h"
#include "crash_harness.h"
#include "environment.h"
#include "harness.h"
#include "net/http_server.h"
#include "net/io_thread.h"
#include "output/webhook.h"
#include "program.h"
#include "recorded.h"
#include "store/sqlite.h"

namespace slipstream {
namespace {

using crash::ServerProcess;
using harness::eventually;
using harness::http;
using harness::metric;
using harness::Server;
using harness::TemporaryDirectory;
using harness::WebSocketClient;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;

constexpr const char* kSettings = R"toml(
[derived]
slip = "(wheel_kmh - speed_kmh) / speed_kmh"
slip_pct = "slip * 100"
oil_rate = "rate(oil)"
[[alert]]
name = "hot"
when = "oil > 110 for 1s"
clear = "oil < 100"
severity = "critical"
[[alert]]
name = "slips"
when = "slip_pct > 5"
where = { track = ["cota"] }
)toml";

std::string member(std::string_view json, std::string_view name) {
  return std::string(json_string_body(json_member(json, name)));
}

std::vector<std::string> alerts_of(std::string_view page) {
  std::vector<std::string> alerts;
  JsonScan all(json_member(page, "alerts"));
  while (const auto alert = all.next()) alerts.emplace_back(alert->value);
  return alerts;
}

/// "hot raised A", the oldest first.
std::vector<std::string> told_by(std::string_view page) {
  std::vector<std::string> told;
  for (const auto& alert : alerts_of(page)) {
    told.insert(told.begin(), fmt::format("{} {} {}", member(alert, "name"), member(alert, "state"),
                                          member(alert, "chassis")));
  }
  return told;
}

std::string point(double second, double oil, double wheel_kmh = 100,
                  const std::string& chassis = "A", const std::string& track = "cota") {
  return fmt::format(
      R"({{"meta_time":{},"track":"{}","chassis":"{}","lap":1,"speed_kmh":100,"oil":{},"wheel_kmh":{}}})",
      1'757'000'000 + second, track, chassis, oil, wheel_kmh);
}

unsigned send(std::uint16_t port, const std::string& body) {
  return http(port, "POST", "/api/ingest", body, {{"Content-Type", "application/json"}}).status;
}

std::string alerts_at(std::uint16_t port, const std::string& query = "") {
  return http(port, "GET", "/api/alerts" + query).body;
}

TEST(DerivedFieldsOfAServer, AreInLivePointsRecentPointsAndRollups) {
  Server server({}, kSettings);
  WebSocketClient client(server.port(), "/ws/realtime");
  client.send(R"({"type":"subscribe","channels":["telemetry","rollups"],"fields":["slip_pct"]})");
  client.read_until(R"("type":"subscribed")");
  ASSERT_EQ(send(server.port(), point(0, 90, 112)), 200u);
  EXPECT_THAT(client.read_until(R"("type":"telemetry_update")"),
              HasSubstr(R"("sector":0,"slip_pct":12})"));
  const auto recent = [&] { return http(server.port(), "GET", "/api/recent/9").body; };
  EXPECT_TRUE(eventually([&] { return recent().contains(R"("slip":0.12,"slip_pct":12)"); }));
  EXPECT_THAT(recent(), Not(HasSubstr("oil_rate"))) << "of the first point there is no rate";
  ASSERT_EQ(send(server.port(), point(2, 100, 100)), 200u);
  EXPECT_TRUE(eventually([&] { return recent().contains(R"("oil_rate":5)"); }));
  EXPECT_THAT(client.read_until(R"("type":"rollup_update")"), HasSubstr(R"("avg_slip_pct":12)"));
}

TEST(AlertsOfAServer, AreLiveOnThePageInTheStoreAndInMetrics) {
  Server server({}, kSettings);
  WebSocketClient client(server.port(), "/ws/realtime");
  client.send(
      R"({"type":"subscribe","channels":["alerts"],"where":{"chassis":["A"],"track":["cota"]}})");
  client.read_until(R"("cursors":{"alerts":"0"})");
  ASSERT_EQ(send(server.port(), "[" + point(0, 120) + "," + point(0, 90, 120, "B") + "," +
                                    point(1, 120.5) + "," + point(0, 90, 120, "A", "spa") + "]"),
            200u);
  const auto live = client.read_until(R"("type":"alert")");
  EXPECT_THAT(
      live,
      testing::StartsWith(
          R"({"type":"alert","name":"hot","state":"raised","severity":"critical","track":"cota",)"
          R"("chassis":"A","tags":{},"time":"2025-09-04T15:33:21Z","value":120.5,)"
          R"j("message":"oil > 110 for 1s (oil = 120.5)","id":")j"));
  ASSERT_TRUE(eventually([&] { return alerts_of(alerts_at(server.port())).size() == 2; }));
  EXPECT_EQ(metric(server.port(), R"(slipstream_alerts_active{name="hot"})"), 1);
  EXPECT_EQ(metric(server.port(), R"(slipstream_alerts_active{name="slips"})"), 1);
  ASSERT_EQ(send(server.port(), point(2, 105)), 200u);
  ASSERT_EQ(send(server.port(), point(3, 99)), 200u);
  EXPECT_THAT(client.read_until(R"("type":"alert")"), HasSubstr(R"("state":"cleared")"));
  EXPECT_EQ(metric(server.port(), R"(slipstream_alerts_active{name="hot"})"), 0);
  EXPECT_EQ(metric(server.port(), R"(slipstream_alerts_raised_total{name="hot"})"), 1);

  const auto port = server.port();
  EXPECT_THAT(told_by(alerts_at(port, "?name=hot")), ElementsAre("hot raised A", "hot cleared A"));
  EXPECT_THAT(told_by(alerts_at(port, "?state=active")), ElementsAre("slips raised B"));
  EXPECT_THAT(told_by(alerts_at(port, "?state=cleared&chassis=A&track=cota")),
              ElementsAre("hot cleared A"));
  EXPECT_THAT(told_by(alerts_at(port, "?from=2025-09-04T15:33:22Z")), ElementsAre("hot cleared A"));
  EXPECT_THAT(told_by(alerts_at(port, "?to=2025-09-04T15:33:20Z")), ElementsAre("slips raised B"));
  const auto first = alerts_at(port, "?limit=2");
  EXPECT_THAT(alerts_of(first), SizeIs(2));
  EXPECT_THAT(told_by(alerts_at(port, "?limit=2&cursor=" + member(first, "next"))),
              ElementsAre("slips raised B"));
  const auto table = http(port, "GET", "/api/alerts?name=slips", "", {{"Accept", "text/csv"}}).body;
  EXPECT_THAT(table, testing::StartsWith("name,state,severity,track,chassis,tags,time,value,"
                                         "message,id,active\r\n"));
  for (const char* const bad : {"?state=on", "?limit=0", "?cursor=x", "?from=soon", "?kind=hot"}) {
    EXPECT_EQ(http(port, "GET", std::string("/api/alerts") + bad).status, 400u) << bad;
  }
}

TEST(AlertsOfAServer, OneThatIsNotConfiguredAnyMoreIsClearedAtTheStart) {
  TemporaryDirectory directory;
  const std::pair<const std::string, std::string> data = {"DATA_DIR", directory.path().string()};
  {
    Server server({data}, kSettings);
    ASSERT_EQ(send(server.port(), "[" + point(0, 120, 120) + "," + point(1, 120, 120) + "]"), 200u);
    ASSERT_TRUE(eventually([&] { return alerts_of(alerts_at(server.port())).size() == 2; }));
  }
  {
    Server server({data}, std::string(kSettings) + "[[alert]]\nname = \"other\"\nwhen = \"x > 1\"");
    EXPECT_THAT(alerts_of(alerts_at(server.port(), "?state=active")), SizeIs(2));
  }
  Server server({data},
                "[[alert]]\nname = \"hot\"\nwhen = \"oil > 110 for 1s\"\nclear = \"oil < 100\"");
  EXPECT_THAT(told_by(alerts_at(server.port(), "?state=active")), ElementsAre("hot raised A"));
  const auto cleared = alerts_of(alerts_at(server.port(), "?state=cleared"));
  ASSERT_THAT(cleared, SizeIs(1));
  EXPECT_EQ(member(cleared[0], "name"), "slips");
  EXPECT_THAT(member(cleared[0], "message"), HasSubstr("removed from the configuration"));
  // The other one goes on where it was.
  ASSERT_EQ(send(server.port(), point(9, 20)), 200u);
  EXPECT_TRUE(
      eventually([&] { return told_by(alerts_at(server.port(), "?state=active")).empty(); }));
}

TEST(AlertsOfAServer, WhereWindowsChangedOrThereIsNoLogTheyBeginAnew) {
  TemporaryDirectory directory;
  const std::pair<const std::string, std::string> data = {"DATA_DIR", directory.path().string()};
  const std::pair<const std::string, std::string> no_log = {"DURABLE_LOG", "none"};
  {
    Server server({data, no_log}, kSettings);
    ASSERT_EQ(send(server.port(), point(0, 0, 120)), 200u);
    ASSERT_TRUE(eventually([&] { return alerts_of(alerts_at(server.port())).size() == 1; }));
  }
  {
    Server server({data}, kSettings);
    EXPECT_THAT(told_by(alerts_at(server.port())),
                ElementsAre("slips raised A", "slips cleared A"));
    ASSERT_EQ(send(server.port(), point(1, 0, 120)), 200u);
    ASSERT_TRUE(eventually([&] { return alerts_of(alerts_at(server.port())).size() == 3; }));
  }
  Server server({data, {"PARTITIONS", "3"}}, kSettings);
  EXPECT_THAT(alerts_of(alerts_at(server.port(), "?state=active")), SizeIs(0));
  ASSERT_EQ(send(server.port(), point(2, 0, 120)), 200u);
  EXPECT_TRUE(
      eventually([&] { return alerts_of(alerts_at(server.port(), "?state=active")).size() == 1; }));
}

/// A receiver of webhooks that notes what it gets, and answers as it is told.
class Receiver {
 public:
  struct Got {
    std::string id;
    std::string signature;
    std::string body;
    unsigned answered = 0;
  };

  explicit Receiver(std::uint16_t port = 0) {
    server_ = std::move(*HttpServer::open(io_, {.port = port}));
    server_->route("POST", "/hook",
                   [this](const HttpRequest& request, const HttpResponder& respond) {
                     const std::lock_guard lock(mutex_);
                     const std::string id(request.header("Slipstream-Id"));
                     const bool is_refused = refused_.contains(id) && refused_[id]-- > 0;
                     got_.push_back({id, std::string(request.header("Slipstream-Signature")),
                                     request.body, is_refused ? 302u : 204u});
                     respond({.status = got_.back().answered, .headers = {{"Location", "/hook"}}});
                   });
    server_->start();
    io_.start();
  }
  ~Receiver() { io_.stop(); }
  std::uint16_t port() const { return server_->port(); }
  std::vector<Got> got() {
    const std::lock_guard lock(mutex_);
    return got_;
  }
  /// Answers so many tries of that id with a redirect.
  void refuse(const std::string& id, int tries) {
    const std::lock_guard lock(mutex_);
    refused_[id] = tries;
  }

 private:
  IoThread io_{"receiver"};
  std::mutex mutex_;  // guards all below but server_
  std::vector<Got> got_;
  std::map<std::string, int> refused_;
  std::unique_ptr<HttpServer> server_;
};

std::string webhook_to(std::uint16_t port) {
  return fmt::format(
      "[[webhook]]\nname = \"pit\"\nurl = \"http://127.0.0.1:{}/hook\"\nsecret = "
      "\"hush\"\n",
      port);
}

void expect_signed(const Receiver::Got& got) {
  const auto seconds = std::stoll(got.signature.substr(2));
  EXPECT_EQ(got.signature, webhook_signature("hush", {seconds * kNsPerSecond}, got.body));
}

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
  Receiver receiver(port);
  const auto slips = member(alerts_of(alerts_at(server.port(), "?name=slips")).at(0), "id");
  receiver.refuse(slips + "-raised", 1);
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

TEST(CheckOfAlerts, NamesEveryFaultWithItsLineAndCharacter) {
  TemporaryDirectory directory;
  std::ofstream(directory.path() / "c.toml") << R"([derived]
slip = "(wheel - speed / speed"
lap = "a + 1"
loop = "loop + 1"
late = "good * 2"
good = "a"
[[alert]]
name = "hot"
when = "oil > 110 for ever"
clear = "oill(1) < 3"
severity = "bad"
colour = "red"
[[alert]]
name = "hot"
when = "oil > 1"
where = { car = ["1"] }
[[webhook]]
url = "ftp://x"
secret = "s"
alerts = ["cold"]
[[webhook]]
url = "http://127.0.0.1/x"
)";
  const auto checked = harness::run(directory, {"check", "c.toml"});
  EXPECT_NE(checked.code, 0);
  for (const char* const wanted : {
           "c.toml:2: [derived] slip: character 1: this '(' is not closed",
           "c.toml:3: [derived] lap: \"lap\" says which point it is: no field",
           "c.toml:4: [derived] loop: character 1: \"loop\" would be made of itself",
           "c.toml:5: [derived] late: character 1: \"good\" is declared below",
           "c.toml:9: [[alert]] number 1 when: character 15: a duration is expected",
           "c.toml:10: [[alert]] number 1 clear: character 1: there is no function \"oill\"",
           "c.toml:11: [[alert]] severity: one of \"info\", \"warning\" and \"critical\"",
           "c.toml:12: [[alert]]: 'colour' is no setting: name, when, clear, severity and where "
           "are",
           "c.toml:14: [[alert]] number 2 name: \"hot\" is there twice",
           "c.toml:16: [[alert]] where knows track, chassis and \"tag.NAME\", not 'car'",
           "c.toml:18: [[webhook]] url: ",
           "c.toml:20: [[webhook]] number 1 alerts: there is no alert \"cold\"",
           "c.toml:21: [[webhook]]: secret is missing",
       }) {
    EXPECT_THAT(checked.output, HasSubstr(wanted));
  }
}

}  // namespace
}  // namespace slipstream
