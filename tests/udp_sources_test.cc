#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <simdjson.h>

#include <fstream>

#include "app/check_parts.h"
#include "app/sources_component.h"
#include "harness.h"
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

  // What was there before is the sum of all.
  EXPECT_EQ(metric(server.port(), "slipstream_udp_datagrams_total"), 3);
  const auto of = [&](const char* what, std::uint16_t port, const char* decoder) {
    return metric(server.port(), std::string("slipstream_udp_socket_") + what +
                                     "_total{host=\"127.0.0.1\",port=\"" + std::to_string(port) +
                                     "\",decoder=\"" + decoder + "\"}");
  };
  EXPECT_EQ(of("datagrams", any, "auto"), 1);
  EXPECT_EQ(of("points", any, "auto"), 1);
  EXPECT_EQ(of("datagrams", lines, "line"), 2);
  EXPECT_EQ(of("points", lines, "line"), 3);
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
      told, testing::ElementsAre(
                testing::AllOf(testing::StartsWith(":2: [udp] decoder: one of auto, json, "),
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

}  // namespace
}  // namespace slipstream
