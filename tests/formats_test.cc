// docs/formats.md: its struct is compiled and sent to a server that is configured as it says.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <sys/wait.h>

#include <fstream>
#include <regex>

#include "app/sources_component.h"
#include "harness.h"
#include "program.h"
#include "source/udp_sender.h"
#include "spawn.h"

namespace slipstream {
namespace {

using harness::eventually;
using harness::http;
using harness::Server;
using testing::HasSubstr;

std::string page() {
  std::ifstream in(std::filesystem::path(SLIPSTREAM_SOURCE_DIR) / "docs" / "formats.md");
  return {std::istreambuf_iterator<char>(in), {}};
}

/// The page's block of that language and number, from 0 on.
std::string block(const std::string& language, std::size_t number = 0) {
  std::string text = page();
  const std::string fence = "```" + language + "\n";
  for (std::size_t i = 0;; ++i) {
    const auto begin = text.find(fence);
    if (begin == std::string::npos) return {};
    text = text.substr(begin + fence.size());
    if (i == number) return text.substr(0, text.find("```"));
  }
}

/// On ports that are free.
std::string on_free_ports(std::string toml) {
  return std::regex_replace(toml, std::regex(R"(port = 20\d+)"), "port = 0\nhost = \"127.0.0.1\"");
}

/// What the struct of the page is in memory, as a compiler of C has it; nothing: there is none.
std::optional<std::string> compiled_packet(const std::filesystem::path& directory) {
  std::ofstream(directory / "kart.c") << block("c") << R"(
#include <stdio.h>
int main(void) {
  kart_packet p;
  fill_packet(&p, 1);
  return fwrite(&p, sizeof p, 1, stdout) == 1 ? 0 : 1;
}
)";
  const auto run = [&](std::vector<std::string> words, const std::string& output) {
    const pid_t child = harness::spawn({.program = "/usr/bin/env",
                                        .arguments = std::move(words),
                                        .output = directory / output,
                                        .directory = directory});
    int status = -1;
    EXPECT_TRUE(eventually([&] { return waitpid(child, &status, WNOHANG) == child; },
                           std::chrono::seconds(60)));
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  };
  // Boards' programs are of either language. The packet that is kept is of C.
  constexpr int kNotFound = 127;
  for (const std::vector<std::string>& compiler :
       {std::vector<std::string>{"c++", "-x", "c++", "-std=c++17"}, {"cc", "-std=c11"}}) {
    std::vector<std::string> words = {"env"};
    words.insert(words.end(), compiler.begin(), compiler.end());
    for (const char* const word : {"-Wall", "-Wextra", "-Werror", "-o", "kart", "kart.c"}) {
      words.emplace_back(word);
    }
    const int compiled = run(words, "compiler.txt");
    if (compiled == kNotFound) return std::nullopt;
    std::ifstream said(directory / "compiler.txt");
    EXPECT_EQ(compiled, 0) << compiler.back() << ": "
                           << std::string(std::istreambuf_iterator<char>(said), {});
  }
  EXPECT_EQ(run({"env", "./kart"}, "packet.bin"), 0);
  std::ifstream in(directory / "packet.bin", std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(in), {});
}

TEST(Formats, ThePagesStructIsThePointThatThePageSays) {
  const harness::TemporaryDirectory directory;
  const auto packet = compiled_packet(directory.path());
  if (!packet) GTEST_SKIP() << "there is no compiler of C";
  ASSERT_EQ(packet->size(), 28u);
  Server server({}, on_free_ports(block("toml")));
  const auto& sources = server.component<SourcesComponent>().udp();
  ASSERT_EQ(sources.size(), 2u);
  auto sender = UdpSender::open("127.0.0.1", sources[1]->port()).value();
  ASSERT_TRUE(sender.send(*packet));
  std::string recent;
  ASSERT_TRUE(eventually([&] {
    recent = http(server.port(), "GET", "/api/recent/1").body;
    return recent.contains("kart 12");
  }));
  std::string expected = block("json");
  expected = expected.substr(0, expected.find("}"));
  EXPECT_THAT(recent, HasSubstr(expected));
  // What does not begin so is none of these.
  std::string other = *packet;
  other[0] = 'X';
  ASSERT_TRUE(sender.send(other));
  EXPECT_TRUE(eventually([&] {
    return harness::metric(
               server.port(),
               R"(slipstream_points_rejected_total{source="udp",reason="unknown_format"})") == 1;
  }));
}

TEST(Formats, TheOtherExampleIsTakenToo) {
  Server server({}, "[udp]\ndecoder = \"box\"\nhost = \"127.0.0.1\"\n" + block("toml", 1));
  auto sender = UdpSender::open("127.0.0.1", server.udp_port()).value();
  std::string cars(100, '\0');
  cars[0] = 1;
  cars[2] = 9;
  cars[4 + 16] = 5;
  ASSERT_TRUE(sender.send(cars));
  std::string state(8, '\0');
  state[0] = 2;
  state[2] = '\x10';
  state[3] = '\x2f';
  ASSERT_TRUE(sender.send(state));
  EXPECT_TRUE(eventually([&] {
    const auto recent = http(server.port(), "GET", "/api/recent/9").body;
    return recent.contains(R"("chassis":"kart 5","lap":9,"number":5,"speed_kmh":0)") &&
           recent.contains(R"("chassis":"box 127.0.0.1","battery_v":12.048)");
  })) << http(server.port(), "GET", "/api/recent/9").body;
}

TEST(Formats, FaultsAreNamedWithLineAndField) {
  const harness::TemporaryDirectory directory;
  std::ofstream(directory.path() / "c.toml") << R"([[udp]]
decoder = "kart"
[[format]]
name = "kart"
size = 8
track = "t"
[[format.field]]
name = "a"
type = "u32"
offset = 6
[[format.field]]
name = "a"
type = "u24"
offset = 0
[[format.field]]
name = "raw_source"
offset = 0
typ = "u8"
[[format]]
name = "json"
size = 4
track = "{b}"
stride = 4
field = [{ name = "c", type = "u8", offset = 0 }]
[[format]]
name = "kart"
size = 8
track = "t"
when = [{ offset = 8, type = "u8", equals = 1 }]
field = [{ name = "c", type = "u8", offset = 0 }]
)";
  harness::Program program(directory, {"check", "c.toml"});
  EXPECT_NE(program.exit_code(), 0);
  const auto said = program.output();
  for (const char* const fault :
       {"c.toml:10: [[format]] number 1 field number 1 offset: 'kart': field 'a' ends at byte 10, "
        "beyond the 8 of the datagram",
        "c.toml:12: [[format]] number 1 field number 2 name: 'kart': 'a' is there twice",
        "c.toml:13: [[format]] number 1 field number 2 type: one of u8, i8,",
        "c.toml:16: [[format]] number 1 field number 3 name: 'kart': 'raw_source' is no name of a",
        "c.toml:18: [[format]] number 1 field number 3: 'typ' is no setting; is 'type' meant?",
        "c.toml:15: [[format]] number 1 field number 3: type is missing",
        "c.toml:20: [[format]] number 2 name: 'json' is a decoder already",
        "c.toml:22: [[format]] number 2 track: 'json': \"{b}\": what stands in braces",
        "c.toml:19: [[format]] number 2: count: 'json': base and stride are of an array of cars",
        "c.toml:26: [[format]] number 3 name: 'kart' is there twice: [[format]] number 1 takes all",
        "c.toml:29: [[format]] number 3 when number 1 offset: 'kart': the test's number ends at "
        "byte 9"}) {
    EXPECT_THAT(said, HasSubstr(fault));
  }
  std::ofstream(directory.path() / "e.toml") << R"([[udp]]
decoder = "kart"
[[format]]
name = "kart"
size = 8
track = "t"
present = "c"
[[format.field]]
name = "lap"
type = "text"
offset = 0
length = 2
[[format.field]]
name = "speed_kmh"
type = "u8"
offset = 2
values = { 0 = "stands" }
[[format.field]]
name = "c"
type = "u8"
offset = 3
none = 256
add = 1
[[format.when]]
offset = 4
type = "f32"
equals = inf
)";
  harness::Program means(directory, {"check", "e.toml"});
  EXPECT_NE(means.exit_code(), 0);
  const auto meant = means.output();
  for (const char* const fault :
       {"e.toml:7: [[format]] number 1 present: 'kart': 'c' has a scale or something added",
        "e.toml:10: [[format]] number 1 field number 1 type: 'kart': field 'lap' means a number",
        "e.toml:17: [[format]] number 1 field number 2 values: 'kart': field 'speed_kmh' means",
        "e.toml:22: [[format]] number 1 field number 3 none: 'kart': field 'c': a whole number of",
        "e.toml:27: [[format]] number 1 when number 1 equals: 'kart': a finite number is"}) {
    EXPECT_THAT(meant, HasSubstr(fault));
  }
  std::ofstream(directory.path() / "d.toml") << "[udp]\ndecoder = \"kart\"\n";
  harness::Program other(directory, {"check", "d.toml"});
  EXPECT_NE(other.exit_code(), 0);
  EXPECT_THAT(other.output(), HasSubstr("or a [[format]], is expected, not \"kart\""));
}

}  // namespace
}  // namespace slipstream
