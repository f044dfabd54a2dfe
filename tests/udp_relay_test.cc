// Datagrams that are sent on ([[udp.forward]]), by the whole server.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <simdjson.h>

#include <chrono>
#include <fstream>
#include <thread>

#include "app/late_names.h"
#include "app/relay_setup.h"
#include "codec/games_testing.h"
#include "harness.h"
#include "program.h"
#include "source/datagram_testing.h"
#include "source/udp_sender.h"

namespace slipstream {
namespace {

using harness::eventually;
using harness::http;
using harness::metric;
using harness::Server;
using source_testing::dead_target;
using source_testing::Listener;
using testing::HasSubstr;

std::string forward_to(const std::vector<std::string>& targets) {
  std::string text = "[udp]\nhost = \"127.0.0.1\"\n";
  for (const auto& to : targets) text += "[[udp.forward]]\nto = \"" + to + "\"\n";
  return text;
}

TEST(UdpRelay, AGamesDatagramsAreSentOnAsTheyCameAndDecodedHereToo) {
  const auto capture = games_testing::read_kept_reference("f1_2025.cap");
  ASSERT_TRUE(capture);
  const auto datagrams = games_testing::datagrams_of(*capture);
  Listener first;
  Listener second;
  const std::string dead = dead_target();
  Server server({}, forward_to({first.target(), dead, second.target()}));
  auto sender = UdpSender::open("127.0.0.1", server.udp_port()).value();
  std::vector<std::string> sent;
  for (const auto& datagram : datagrams) {
    // No more are on their way than the kernel's smallest buffer holds.
    constexpr std::size_t kOnTheirWay = 40;
    ASSERT_TRUE(eventually([&] {
      return sent.size() < first.heard().size() + kOnTheirWay &&
             sent.size() < second.heard().size() + kOnTheirWay;
    }));
    ASSERT_TRUE(sender.send(datagram.bytes));
    sent.push_back(datagram.bytes);
  }
  ASSERT_TRUE(eventually(
      [&] { return first.heard().size() == sent.size() && second.heard().size() == sent.size(); }));
  EXPECT_TRUE(first.heard() == sent);
  EXPECT_TRUE(second.heard() == sent);
  EXPECT_TRUE(eventually([&] {
    return metric(server.port(), R"(slipstream_points_accepted_total{source="udp"})") > 1'000;
  }));

  const auto of = [&](const std::string& name, const std::string& to, const std::string& reason) {
    return metric(server.port(),
                  "slipstream_udp_forward_" + name + "_total{host=\"127.0.0.1\",port=\"" +
                      std::to_string(server.udp_port()) + "\",decoder=\"auto\",to=\"" + to + "\"" +
                      (reason.empty() ? "" : ",reason=\"" + reason + "\"") + "}");
  };
  const auto all = static_cast<double>(sent.size());
  // They are counted once the kernel has them, and those who listen may have them before that.
  EXPECT_TRUE(eventually([&] { return of("sent", first.target(), "") == all; }));
  EXPECT_EQ(of("dropped", first.target(), "limit"), 0);
  EXPECT_TRUE(
      eventually([&] { return of("sent", dead, "") + of("dropped", dead, "refused") == all; }));
  EXPECT_GT(of("dropped", dead, "refused"), 0);
  const auto health = http(server.port(), "GET", "/api/health").body;
  simdjson::dom::parser parser;
  EXPECT_EQ(parser.parse(health).error(), simdjson::SUCCESS) << health;
  EXPECT_THAT(health, HasSubstr("\"forward\":[{\"to\":\"" + first.target() + "\",\"sent\":" +
                                std::to_string(sent.size()) + ",\"dropped\":0,\"droppedBy\":{}}"));
  EXPECT_THAT(health, HasSubstr("is sent on to " + dead + ": nobody listens there"));
  EXPECT_THAT(health, HasSubstr("\"ok\":true"));
}

/// What the program says that is to refuse its configuration.
std::string refused(const std::string& file, std::vector<std::string> arguments,
                    const std::vector<std::string>& environment) {
  const harness::TemporaryDirectory directory;
  std::ofstream(directory.path() / "slipstream.toml") << file;
  harness::Program program(directory, std::move(arguments), environment);
  EXPECT_NE(program.exit_code(), 0) << program.output();
  return program.output();
}

TEST(UdpRelay, APortOfThisServerIsNoTarget) {
  const std::uint16_t port = Listener().port();  // a free one
  const std::string own = std::to_string(port);
  const std::string loop = "this server listens there itself";
  for (const char* const host :
       {"127.0.0.1", "127.0.0.7", "[::1]", "0.0.0.0", "localhost", "127.255.255.255"}) {
    const std::string file =
        "[udp]\nport = " + own + "\n[[udp.forward]]\nto = \"" + host + ":" + own + "\"\n";
    EXPECT_THAT(refused(file, {"check", "slipstream.toml"}, {}),
                testing::AllOf(HasSubstr(loop), HasSubstr("slipstream.toml:3: [udp] forward 1")))
        << host;
  }
  // Another source's, too.
  EXPECT_THAT(refused("[[udp]]\nport = 1\n[[udp.forward]]\nto = \"127.0.0.1:" + own +
                          "\"\n[[udp]]\nport = " + own + "\n",
                      {"check", "slipstream.toml"}, {}),
              HasSubstr(loop));
  // What a name stands for is known at the start.
  EXPECT_THAT(refused("[[udp.forward]]\nto = \"LOCALHOST:" + own + "\"\n", {"serve"},
                      {"PORT=0", "UDP_HOST=127.0.0.1", "UDP_PORT=" + own}),
              HasSubstr(loop));
}

TEST(UdpRelay, ANameThatIsKnownLaterMayBeNoPortOfThisServerEither) {
  const std::vector<ListeningPort> own = {{"127.0.0.1", 5}};
  const auto target = RelayTarget::unresolved({.to = "pc.local:5"}, "not known").value();
  std::string address;
  const auto resolve = [&](const HostPort& to) -> Result<Endpoint> {
    EXPECT_EQ(to.host, "pc.local");
    if (address.empty()) return fail("still not known");
    return endpoint_of_address({address, to.port});
  };
  std::size_t looks = 0;
  LateNames names;
  names.add([&] {
    ++looks;
    return look_again(*target, own, resolve);
  });
  names.turn();
  EXPECT_EQ(target->trouble({}), "still not known");
  address = "127.0.0.1";
  names.turn();
  EXPECT_FALSE(target->endpoint());
  EXPECT_THAT(target->trouble({}), HasSubstr("this server listens there itself"));
  address = "192.0.2.1";
  names.turn();
  EXPECT_EQ(target->endpoint().value().address.to_string(), address);
  names.turn();
  EXPECT_EQ(looks, 3u);
}

/// A machine that is switched on later is no reason to take nothing.
TEST(UdpRelay, ANameThatNobodyKnowsStopsNothing) {
  Listener other;
  Server server({}, forward_to({"no.such.host.invalid:5", other.target()}));
  auto sender = UdpSender::open("127.0.0.1", server.udp_port()).value();
  ASSERT_TRUE(sender.send("x"));
  EXPECT_TRUE(eventually([&] { return other.heard().size() == 1; }));
  EXPECT_TRUE(eventually(
      [&] { return http(server.port(), "GET", "/api/health").body.contains("\"unresolved\":1"); }));
  const auto health = http(server.port(), "GET", "/api/health").body;
  EXPECT_THAT(health, HasSubstr("is sent on to no.such.host.invalid:5: no.such.host.invalid: "));
  EXPECT_THAT(health, HasSubstr("\"ok\":true"));
  EXPECT_TRUE(server.stop());
}

}  // namespace
}  // namespace slipstream
