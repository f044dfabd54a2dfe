#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <simdjson.h>

#include <fstream>
#include <map>
#include <numeric>
#include <regex>

#include "app/check_parts.h"
#include "app/sources_component.h"
#include "harness.h"
#include "program.h"
#include "source/udp_sender.h"

namespace slipstream {
namespace {

using harness::eventually;
using harness::http;
using harness::metric;
using harness::Server;
using testing::HasSubstr;
using testing::SizeIs;

constexpr std::string_view kTwoSources = R"(
[[udp]]
host = "127.0.0.1"
[[udp]]
host = "127.0.0.1"
port = 0
decoder = "line"
)";

void send(std::uint16_t port, std::string_view text) {
  auto sender = UdpSender::open("127.0.0.1", port);
  ASSERT_TRUE(sender);
  ASSERT_TRUE(sender->send(text));
}

TEST(UdpSources, EachHasItsSocketItsDecoderAndItsFigures) {
  Server server({}, std::string(kTwoSources));
  const auto& sources = server.component<SourcesComponent>().udp();
  ASSERT_THAT(sources, SizeIs(2));
  const std::uint16_t any = sources[0]->port();
  const std::uint16_t lines = sources[1]->port();
  ASSERT_NE(any, lines);

  send(any, R"({"track":"cota","chassis":"json","speed_kmh":100})");
  send(lines, "cota,chassis=line speed_kmh=90\ncota,chassis=line speed_kmh=91");
  send(lines, R"({"track":"cota","chassis":"never","speed_kmh":100})");
  ASSERT_TRUE(eventually([&] {
    return metric(server.port(), R"(slipstream_points_accepted_total{source="udp"})") == 3 &&
           metric(server.port(),
                  R"(slipstream_points_rejected_total{source="udp",reason="malformed_csv"})") == 1;
  }));
  EXPECT_TRUE(eventually([&] {
    const auto recent = http(server.port(), "GET", "/api/recent/10").body;
    return recent.find("\"json\"") != std::string::npos &&
           recent.find("\"line\"") != std::string::npos;
  }));

  // What was there before is the sum of all. Datagrams are counted behind their points.
  EXPECT_TRUE(
      eventually([&] { return metric(server.port(), "slipstream_udp_datagrams_total") == 3; }));
  const auto of = [&](const char* what, std::uint16_t port, const char* decoder) {
    return metric(server.port(), std::string("slipstream_udp_socket_") + what +
                                     "_total{host=\"127.0.0.1\",port=\"" + std::to_string(port) +
                                     "\",decoder=\"" + decoder + "\"}");
  };
  EXPECT_TRUE(eventually([&] { return of("points", any, "auto") == 1; }));
  EXPECT_TRUE(eventually([&] { return of("points", lines, "line") == 3; }));
  EXPECT_EQ(of("datagrams", any, "auto"), 1);
  EXPECT_EQ(of("datagrams", lines, "line"), 2);
  const auto health = http(server.port(), "GET", "/api/health").body;
  simdjson::dom::parser parser;
  EXPECT_EQ(parser.parse(health).error(), simdjson::SUCCESS) << health;
  EXPECT_THAT(health, HasSubstr("\"port\":" + std::to_string(lines) +
                                ",\"decoder\":\"line\",\"datagrams\":2,\"points\":3"));
}

TEST(UdpSources, WhatIsWrongWithOneIsNamedWithItsLine) {
  const harness::TemporaryDirectory directory;
  const auto file = directory.path() / "slipstream.toml";
  std::ofstream(file) << "[[udp]]\ndecoder = \"xml\"\n[[udp]]\nport = 1\nhost = \"here\"\n"
                         "allow = [\"ten\"]\ndecoder = \"tsv\"\n";
  const auto config = load_config(file, [](const std::string&) { return std::nullopt; });
  ASSERT_TRUE(config);
  std::vector<std::string> told;
  for (const auto& fault : check_parts(*config)) {
    told.push_back(fault.where.substr(file.string().size()) + ": " + fault.message);
  }
  EXPECT_THAT(
      told,
      testing::ElementsAre(
          testing::AllOf(testing::StartsWith(":2: [udp] decoder: one of auto, games, acc, json, "),
                         HasSubstr("\"xml\"")),
          HasSubstr(":5: [[udp]] number 2 host: "), HasSubstr(":6: [[udp]] number 2 allow: "),
          testing::AllOf(HasSubstr(":7: [[udp]] number 2 decoder: "), HasSubstr("\"tsv\""))));
}

TEST(UdpSources, WhatTheySentIsFoldedBeforeTheServerStops) {
  Server server({}, std::string(kTwoSources));
  std::vector<std::uint16_t> ports;
  for (const auto& source : server.component<SourcesComponent>().udp())
    ports.push_back(source->port());
  ASSERT_THAT(ports, SizeIs(2));
  for (const auto port : ports) send(port, "cota,chassis=a speed_kmh=90");
  server.stop();
  EXPECT_EQ(server.ingest().of(SourceKind::kUdp).accepted.value(), 2u);
}

TEST(UdpSources, TheirReceiversAreToldAndCountTogether) {
  Server server({{"UDP_RECEIVERS", "4"}});
  for (int i = 0; i < 24; ++i) send(server.udp_port(), "cota,chassis=a speed_kmh=90");
  EXPECT_TRUE(eventually([&] {
    return metric(server.port(), R"(slipstream_points_accepted_total{source="udp"})") == 24;
  }));
  // They are counted behind their points.
  EXPECT_TRUE(eventually([&] {
    return metric(server.port(),
                  "slipstream_udp_socket_datagrams_total{host=\"127.0.0.1\",port=\"" +
                      std::to_string(server.udp_port()) + "\",decoder=\"auto\"}") == 24;
  }));
  EXPECT_THAT(http(server.port(), "GET", "/api/health").body,
              HasSubstr("\"receivers\":4,\"decodeHelpers\":"));
}

/// The members `n` of each chassis, in the log's order.
std::map<std::string, std::vector<int>> exported(const harness::TemporaryDirectory& directory) {
  harness::Program program(directory, {"export", "--data", "data", "--output", "points.ndjson"});
  EXPECT_EQ(program.exit_code(), 0) << program.output();
  std::map<std::string, std::vector<int>> points;
  std::ifstream in(directory.path() / "points.ndjson");
  static const std::regex form(R"re(.*"chassis":"(\w+)".*"n":(\d+).*)re");
  std::smatch match;
  for (std::string line; std::getline(in, line);) {
    EXPECT_TRUE(std::regex_match(line, match, form)) << line;
    points[match[1]].push_back(std::stoi(match[2]));
  }
  return points;
}

TEST(UdpSources, WhatTheirReceiversTookBeforeTheStopIsInTheLogInEachSendersOrder) {
  constexpr int kSenders = 8;
  constexpr int kEach = 300;
  constexpr std::uint64_t kOnTheirWay = 100;  // the kernel's smallest buffer holds them
  for (const auto* receivers : {"1", "2", "4", "8"}) {
    SCOPED_TRACE(receivers);
    const harness::TemporaryDirectory directory;
    {
      Server server(
          {{"UDP_RECEIVERS", receivers}, {"DATA_DIR", (directory.path() / "data").string()}});
      const auto& taken = server.ingest().udp_datagrams;
      std::vector<UdpSender> senders;
      for (int i = 0; i < kSenders; ++i) {
        senders.push_back(UdpSender::open("127.0.0.1", server.udp_port()).value());
      }
      std::uint64_t sent = 0;
      for (int n = 0; n < kEach; ++n) {
        for (int i = 0; i < kSenders; ++i, ++sent) {
          ASSERT_TRUE(eventually([&] { return sent - taken.value() < kOnTheirWay; }));
          ASSERT_TRUE(senders[static_cast<std::size_t>(i)].send(
              R"({"track":"cota","chassis":"car)" + std::to_string(i) + R"(","n":)" +
              std::to_string(n) + "}"));
        }
      }
      EXPECT_TRUE(server.stop());
      EXPECT_EQ(server.ingest().of(SourceKind::kUdp).accepted.value(), sent);
    }
    const auto points = exported(directory);
    ASSERT_THAT(points, SizeIs(kSenders));
    std::vector<int> in_order(kEach);
    std::iota(in_order.begin(), in_order.end(), 0);
    for (const auto& [chassis, numbers] : points) EXPECT_EQ(numbers, in_order) << chassis;
  }
}

TEST(UdpSources, APortThatIsTakenIsRefusedWhoeverHasItAndHoweverManyWantIt) {
  const Server first({{"UDP_RECEIVERS", "4"}});
  for (const auto* receivers : {"1", "4"}) {
    const harness::TemporaryDirectory directory;
    harness::Program second(
        directory, {"serve"},
        {"PORT=0", "UDP_HOST=127.0.0.1", std::string("UDP_RECEIVERS=") + receivers,
         "UDP_PORT=" + std::to_string(first.udp_port())});
    EXPECT_NE(second.exit_code(), 0);
    EXPECT_TRUE(second.says("cannot listen on UDP 127.0.0.1 port")) << second.output();
  }
}

}  // namespace
}  // namespace slipstream
