// Derived fields and alerts through a whole server: live, by pages, in metrics, through changes of
// the configuration; what `check` says of them, and what the page about them says.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <vector>

#include "alerts_testing.h"
#include "harness.h"
#include "output/webhook.h"
#include "program.h"
#include "recorded.h"

namespace slipstream::alerts_testing {
namespace {

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

TEST(DerivedFieldsOfAServer, AreInTracesWhereAPointAloneTellsThem) {
  Server server({}, kSettings);
  ASSERT_EQ(send(server.port(),
                 "[" + point(0, 90, 112) + "," + point(1, 95, 100) + "," + point(2, 99, 103) + "]"),
            200u);
  std::string session;
  const auto has_session = [&] {
    const auto body = http(server.port(), "GET", "/api/sessions").body;
    JsonScan sessions(json_member(body, "sessions"));
    const auto first = sessions.next();
    if (first) session = member(first->value, "id");
    return first.has_value();
  };
  ASSERT_TRUE(eventually(has_session));
  const auto trace = [&](const std::string& fields) {
    return http(server.port(), "GET",
                "/api/trace?session=" + session + "&chassis=A&points=0&fields=" + fields);
  };
  ASSERT_TRUE(eventually([&] { return trace("slip_pct").status == 200; }))
      << trace("slip_pct").body;
  EXPECT_THAT(trace("slip_pct").body, HasSubstr(R"("slip_pct":[12,0,3])"));
  EXPECT_NE(trace("oil_rate").status, 200u) << "the points before are not looked at";
  EXPECT_THAT(trace("oil").body, Not(HasSubstr("slip")));
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

/// The blocks of a language in docs/alerts.md.
std::vector<std::string> blocks_of_page(const std::string& language) {
  std::ifstream in(SLIPSTREAM_SOURCE_DIR "/docs/alerts.md");
  std::vector<std::string> blocks;
  bool is_inside = false;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("```")) {
      is_inside = line == "```" + language;
      if (is_inside) blocks.emplace_back();
    } else if (is_inside) {
      blocks.back() += line + "\n";
    }
  }
  return blocks;
}

TEST(AlertsPage, ItsExamplesDoWhatItSays) {
  const auto blocks = blocks_of_page("toml");
  ASSERT_THAT(blocks, SizeIs(2));
  Server server({{"PIT_SECRET", "hush"}}, blocks[0] + blocks[1]);
  const auto at = [](int second) {
    return fmt::format(
        R"({{"meta_time":{},"track":"cota","chassis":"A","lap":1,"speed_kmh":100,"wheel_kmh":120,"oil_temp_c":121.5}})",
        1'757'000'000 + second);
  };
  ASSERT_EQ(send(server.port(), "[" + at(-4) + "," + at(1) + "]"), 200u);
  ASSERT_TRUE(eventually([&] { return alerts_of(alerts_at(server.port())).size() == 2; }));
  EXPECT_THAT(told_by(alerts_at(server.port())),
              testing::UnorderedElementsAre("wheelspin raised A", "oil hot raised A"));
  // The message that the page shows, but for the id, which hangs on when the point came.
  std::string shown = blocks_of_page("json").at(0);
  std::erase(shown, '\n');
  shown = shown.substr(0, shown.find(R"("id":)"));
  std::string real = alerts_of(alerts_at(server.port(), "?name=oil%20hot")).at(0);
  real.insert(real.find(R"("time")"), " ");
  EXPECT_THAT(real, testing::StartsWith(shown));
}

TEST(AlertsPage, ItsPythonKnowsASignature) {
  TemporaryDirectory directory;
  std::ofstream(directory.path() / "t.py")
      << blocks_of_page("python").at(0) << "import sys\nsys.exit(0 if is_ours(b\"hush\", \""
      << webhook_signature("hush", {1'757'000'000 * kNsPerSecond}, "{}")
      << "\", b\"{}\") and not is_ours(b\"hushed\", \""
      << webhook_signature("hush", {1'757'000'000 * kNsPerSecond}, "{}")
      << "\", b\"{}\") else 1)\n";
  const std::string command = "python3 " + (directory.path() / "t.py").string() + " 2>/dev/null";
  const int status = std::system(command.c_str());
  if (WEXITSTATUS(status) == 127) GTEST_SKIP() << "there is no python3 here";
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace slipstream::alerts_testing
