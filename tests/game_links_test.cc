// Games that are asked for what they send, by the whole server: a console and a game that are none.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <simdjson.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fstream>
#include <optional>

#include "codec/games_testing.h"
#include "game/acc_testing.h"
#include "harness.h"
#include "net/endpoint.h"
#include "program.h"
#include "source/datagram_testing.h"

namespace slipstream {
namespace {

using harness::eventually;
using harness::http;
using harness::metric;
using harness::Server;
using source_testing::Listener;
using testing::HasSubstr;
using testing::Not;
namespace acc = game::acc_testing;

/// Answers to whoever spoke last.
class FakeGame {
 public:
  std::uint16_t port() const { return socket_.port(); }
  /// What is said to it next; nothing: nothing was in time.
  std::optional<std::string> hear() {
    pollfd waiting{socket_.fd(), POLLIN, 0};
    constexpr auto kLimit = std::chrono::milliseconds(harness::kPatience).count();
    if (poll(&waiting, 1, static_cast<int>(kLimit)) != 1) return std::nullopt;
    char bytes[2'000];
    from_size_ = sizeof from_;
    const auto size = recvfrom(socket_.fd(), bytes, sizeof bytes, 0,
                               reinterpret_cast<sockaddr*>(&from_), &from_size_);
    if (size < 0) return std::nullopt;
    return std::string(bytes, static_cast<std::size_t>(size));
  }
  /// Reads on until that is said, as it is again and again while nobody answers.
  bool hear(std::string_view wanted) {
    while (const auto said = hear()) {
      if (*said == wanted) return true;
    }
    return false;
  }
  void say(std::string_view datagram) {
    ASSERT_EQ(sendto(socket_.fd(), datagram.data(), datagram.size(), 0,
                     reinterpret_cast<const sockaddr*>(&from_), from_size_),
              static_cast<ssize_t>(datagram.size()));
  }
  std::uint16_t asked_from() const { return address_of(from_).second; }

 private:
  UdpSocket socket_ = UdpSocket::open({.host = "127.0.0.1", .port = 0}).value();
  sockaddr_storage from_{};
  socklen_t from_size_ = 0;
};

/// A free port, and none of those that the system gives to whoever asks for any: it stays free.
std::uint16_t free_port() {
  auto port = static_cast<std::uint16_t>(20'000 + getpid() % 10'000);
  while (!UdpSocket::open({.host = "", .port = port, .receive_buffer_bytes = 1 << 16})) ++port;
  return port;
}

double accepted(const Server& server) {
  return metric(server.port(), R"(slipstream_points_accepted_total{source="udp"})");
}

/// Once the newest point holds that: it is shown some time after it was accepted.
void expect_newest(const Server& server, const std::string& text) {
  std::string recent;
  EXPECT_TRUE(eventually([&] {
    recent = http(server.port(), "GET", "/api/recent/1").body;
    return recent.contains(text);
  })) << recent;
}

TEST(GameLinks, AConsoleIsAskedForItsPacketsAndTheyAreTaken) {
  const auto capture = games_testing::read_kept_reference("gt7_tilde.cap");
  ASSERT_TRUE(capture);
  FakeGame console;
  const std::uint16_t port = free_port();
  Server server({}, "[[gt7]]\nconsole = \"127.0.0.1\"\ntype = \"~\"\nconsole_port = " +
                        std::to_string(console.port()) + "\nport = " + std::to_string(port) + "\n");
  EXPECT_EQ(console.hear(), "~");
  EXPECT_EQ(console.asked_from(), port);
  const std::string at = "127.0.0.1:" + std::to_string(console.port());
  EXPECT_THAT(http(server.port(), "GET", "/api/health").body,
              HasSubstr("\"games\":[{\"game\":\"gt7\",\"at\":\"" + at + "\",\"port\":" +
                        std::to_string(port) + ",\"state\":\"asking\",\"datagrams\":0"));
  EXPECT_EQ(console.hear(), "~") << "it goes on asking";
  std::size_t said = 0;
  for (const auto& datagram : games_testing::datagrams_of(*capture)) {
    console.say(datagram.bytes);
    if (++said == 60) break;
  }
  EXPECT_TRUE(eventually([&] {
    return accepted(server) > 20 &&
           metric(server.port(),
                  "slipstream_game_datagrams_total{game=\"gt7\",at=\"" + at + "\"}") == 60;
  }));
  expect_newest(server, "\"source_game\":\"gt7\"");
  const auto health = http(server.port(), "GET", "/api/health").body;
  simdjson::dom::parser parser;
  EXPECT_EQ(parser.parse(health).error(), simdjson::SUCCESS) << health;
  EXPECT_THAT(health, HasSubstr("\"state\":\"live\",\"datagrams\":60"));
  EXPECT_EQ(metric(server.port(), "slipstream_game_live{game=\"gt7\",at=\"" + at + "\"}"), 1);
  EXPECT_TRUE(server.stop());
}

TEST(GameLinks, APortThatIsTakenIsToldWithWhatToDo) {
  const Listener other("");
  const harness::TemporaryDirectory directory;
  std::ofstream(directory.path() / "slipstream.toml")
      << "[[gt7]]\nconsole = \"127.0.0.1\"\nport = " << other.port() << "\n";
  harness::Program program(directory, {"serve"}, harness::kFreePorts);
  EXPECT_NE(program.exit_code(), 0);
  EXPECT_THAT(program.output(), HasSubstr("[[gt7]] 127.0.0.1:33739: cannot listen on UDP"));
  EXPECT_THAT(program.output(), HasSubstr("in use"));
  EXPECT_THAT(program.output(), HasSubstr("Another program that reads from the game"));
}

std::string registration() {
  return acc::Packer().u8(1).u8(4).text("Pit wall").text("secret").i32(50).text("").bytes();
}

TEST(GameLinks, AGameIsRegisteredWithAndAskedForTrackAndCars) {
  FakeGame game;
  Server server({}, "[[acc]]\nport = " + std::to_string(game.port()) +
                        "\nname = \"Pit wall\"\npassword = \"secret\"\ninterval_ms = 50\n");
  EXPECT_TRUE(game.hear(registration()));
  game.say(acc::Packer().u8(1).i32(7).u8(1).u8(1).text("").bytes());
  EXPECT_TRUE(game.hear(acc::Packer().u8(10).i32(7).bytes()));
  EXPECT_TRUE(game.hear(acc::Packer().u8(11).i32(7).bytes()));
  game.say(acc::entries({1}));
  game.say(acc::entry(1, "One", 41));
  game.say(acc::track());
  for (int i = 0; i < 10; ++i) {
    game.say(acc::update(61'500));
    game.say(acc::car_update(1));
  }
  EXPECT_TRUE(eventually([&] { return accepted(server) == 10; }));
  expect_newest(server, R"("chassis":"Ana One")");
  expect_newest(server, R"("track":"brands_hatch")");
  // A car that is not in the list is asked for.
  game.say(acc::car_update(2));
  EXPECT_TRUE(game.hear(acc::Packer().u8(10).i32(7).bytes()));
  EXPECT_THAT(http(server.port(), "GET", "/api/health").body, HasSubstr("\"state\":\"live\""));
  EXPECT_TRUE(server.stop());
  EXPECT_TRUE(game.hear(acc::Packer().u8(9).i32(7).bytes()));
}

TEST(GameLinks, WhatAGameRefusesWithIsToldWithWhatToDo) {
  FakeGame game;
  Server server({}, "[[acc]]\npassword = \"secret\"\nport = " + std::to_string(game.port()) + "\n");
  ASSERT_TRUE(game.hear());
  game.say(acc::Packer().u8(1).i32(-1).u8(0).u8(0).text("Wrong password").bytes());
  ASSERT_TRUE(eventually([&] {
    return http(server.port(), "GET", "/api/health").body.contains("\"state\":\"refused\"");
  }));
  const auto health = http(server.port(), "GET", "/api/health").body;
  EXPECT_THAT(health, HasSubstr("refuses the registration: Wrong password. The password of "));
  EXPECT_THAT(health, HasSubstr("\"ok\":true"));
  EXPECT_THAT(health, Not(HasSubstr("secret")));
}

TEST(GameLinks, FaultsOfTheirSettingsAreNamedWithTheirLines) {
  const harness::TemporaryDirectory directory;
  std::ofstream(directory.path() / "c.toml")
      << "[[gt7]]\ntype = \"D\"\n[[gt7]]\nconsole = \"ps5.local\"\nport = 20777\n"
         "[[acc]]\npasswort = \"x\"\ninterval_ms = 0\nhost = \"\"\n";
  harness::Program program(directory, {"check", "c.toml"});
  EXPECT_NE(program.exit_code(), 0);
  const auto said = program.output();
  for (const char* const fault :
       {"c.toml:2: [[gt7]] type: one of", "c.toml:1: [[gt7]]: console is missing",
        "c.toml:5: [[gt7]] port: something of this server listens at UDP port 20777 already",
        "c.toml:7: [[acc]]: 'passwort' is no setting",
        "c.toml:8: [[acc]] interval_ms: a whole number from 10 to 60000 is expected",
        "c.toml:9: [[acc]] host: a string, not empty,"}) {
    EXPECT_THAT(said, HasSubstr(fault));
  }
}

/// A console that is switched on later is no reason to take nothing.
TEST(GameLinks, ANameThatNobodyKnowsStopsNothing) {
  FakeGame game;
  const std::uint16_t port = free_port();
  Server server({},
                "[[gt7]]\nconsole = \"ps5.no.such.host.invalid\"\nport = " + std::to_string(port) +
                    "\n[[acc]]\nport = " + std::to_string(game.port()) + "\n");
  EXPECT_TRUE(game.hear()) << "the other one is asked";
  const auto health = http(server.port(), "GET", "/api/health").body;
  simdjson::dom::parser parser;
  EXPECT_EQ(parser.parse(health).error(), simdjson::SUCCESS) << health;
  EXPECT_THAT(health, HasSubstr("[[gt7]] ps5.no.such.host.invalid:33739: ps5.no.such.host.inv"));
  EXPECT_THAT(health, HasSubstr("\"ok\":true"));
  EXPECT_TRUE(server.stop());
}

TEST(GameLinks, EverybodysAddressIsNoConsole) {
  const harness::TemporaryDirectory directory;
  std::ofstream(directory.path() / "slipstream.toml")
      << "[[gt7]]\nconsole = \"127.255.255.255\"\nport = " << free_port() << "\n";
  harness::Program program(directory, {"serve"}, harness::kFreePorts);
  EXPECT_NE(program.exit_code(), 0);
  EXPECT_THAT(program.output(), HasSubstr("the address of one machine is expected"));
}

TEST(GameLinks, AGameThatIsThereTwiceIsNamedWithItsLine) {
  const harness::TemporaryDirectory directory;
  std::ofstream(directory.path() / "c.toml") << "[[gt7]]\nconsole = \"::ffff:10.0.0.5\"\n"
                                                "[[gt7]]\nconsole = \"10.0.0.5\"\nport = 33741\n"
                                                "[[gt7]]\nconsole = \"10.0.0.6\"\n"
                                                "[[acc]]\n[[acc]]\nhost = \"LOCALHOST\"\n"
                                                "[[acc]]\n";
  harness::Program program(directory, {"check", "c.toml"});
  EXPECT_NE(program.exit_code(), 0);
  const auto said = program.output();
  for (const char* const fault :
       {"c.toml:4: [[gt7]] console: 10.0.0.5:33739 is there twice",
        "c.toml:6: [[gt7]] port: something of this server listens at UDP port 33740 already",
        "c.toml:10: [[acc]] host: LOCALHOST:9000 is there twice",
        "c.toml:11: [[acc]] host: 127.0.0.1:9000 is there twice"}) {
    EXPECT_THAT(said, HasSubstr(fault));
  }
}

}  // namespace
}  // namespace slipstream
