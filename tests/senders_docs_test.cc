#include <fmt/format.h>
#include <gmock/gmock.h>
#include <sys/wait.h>

#include <fstream>
#include <regex>

#include "harness.h"
#include "spawn.h"

namespace slipstream {
namespace {

using harness::eventually;
using testing::HasSubstr;

/// The snippets of docs/senders, run as a reader would run them, but on this server's ports.
class SendersDocs : public testing::Test {
 protected:
  static std::string page(const std::string& name) {
    std::ifstream in(std::filesystem::path(SLIPSTREAM_SOURCE_DIR) / "docs" / "senders" / name);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  /// The page's first block in that language.
  std::string snippet(const std::string& name, const std::string& language) {
    const std::string text = page(name);
    const std::string fence = "```" + language + "\n";
    const auto begin = text.find(fence);
    EXPECT_NE(begin, std::string::npos) << name << " has no " << language;
    const auto code = text.substr(begin + fence.size());
    return on_our_ports(code.substr(0, code.find("```")));
  }

  std::filesystem::path write(const std::string& name, const std::string& text) {
    const auto path = directory_.path() / name;
    std::ofstream(path) << text;
    return path;
  }

  /// What a command says, which is to end well. Nothing: there is no such program.
  std::optional<std::string> run(std::vector<std::string> words) {
    const auto output = directory_.path() / fmt::format("output-{}", ++runs_);
    words.insert(words.begin(), "env");
    const pid_t child = harness::spawn({.program = "/usr/bin/env",
                                        .arguments = words,
                                        .output = output,
                                        .directory = directory_.path()});
    int status = 0;
    EXPECT_TRUE(eventually([&] { return waitpid(child, &status, WNOHANG) == child; },
                           std::chrono::seconds(60)));
    std::ifstream in(output);
    std::string said{std::istreambuf_iterator<char>(in), {}};
    constexpr int kNotFound = 127;
    if (WIFEXITED(status) && WEXITSTATUS(status) == kNotFound) return std::nullopt;
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << words[1] << ": " << said;
    return said;
  }

  void expect_taken(const std::string& machine, const std::string& value) {
    std::string recent;
    EXPECT_TRUE(eventually([&] {
      recent = harness::http(server_.port(), "GET", "/api/recent/10").body;
      std::erase(recent, ' ');
      return recent.find("\"chassis\":\"" + machine + "\"") != std::string::npos;
    })) << recent;
    EXPECT_THAT(recent, HasSubstr(value));
  }

  harness::TemporaryDirectory directory_;
  harness::Server server_;

 private:
  std::string on_our_ports(std::string code) const {
    code = std::regex_replace(code, std::regex("8081"), std::to_string(server_.port()));
    return std::regex_replace(code, std::regex("20777"), std::to_string(server_.udp_port()));
  }

  int runs_ = 0;
};

TEST_F(SendersDocs, TenLinesOfPythonSendAPoint) {
  write("sender.py", snippet("ten_lines.md", "python"));
  const auto said = run({"python3", "sender.py"});
  if (!said) GTEST_SKIP() << "there is no python3";
  EXPECT_THAT(*said, HasSubstr("'accepted': 1"));
  expect_taken("press-1", "\"pressure\":4.2");
}

TEST_F(SendersDocs, TenLinesOfJavaScriptSendAPoint) {
  write("sender.mjs", snippet("ten_lines.md", "javascript"));
  const auto said = run({"node", "sender.mjs"});
  ASSERT_TRUE(said) << "the pages are built by node";
  EXPECT_THAT(*said, HasSubstr("accepted: 1"));
  expect_taken("press-2", "\"pressure\":4.3");
}

TEST_F(SendersDocs, TenLinesOfCSendAPoint) {
  write("sender.c", snippet("ten_lines.md", "c"));
  ASSERT_TRUE(run({"gcc", "-Wall", "-Wextra", "-Werror", "-o", "sender", "sender.c"}));
  ASSERT_TRUE(run({"./sender"}));
  expect_taken("press-3", "\"pressure\":4.4");
}

TEST_F(SendersDocs, TheFunctionOfNodeRedMakesAPoint) {
  write("flow.mjs", "const point = (msg) => {" + snippet("node_red.md", "javascript") +
                        "};\nconst made = point({topic: 'pump', payload: '7.5'});\nconst answer = "
                        "await fetch('http://127.0.0.1:" +
                        std::to_string(server_.port()) +
                        "/api/ingest', {method: 'POST', headers: made.headers, body: "
                        "JSON.stringify(made.payload)});\nconsole.log(await answer.text());\n");
  const auto said = run({"node", "flow.mjs"});
  ASSERT_TRUE(said);
  EXPECT_THAT(*said, HasSubstr(R"("accepted":1)"));
  expect_taken("pump", "\"value\":7.5");
}

}  // namespace
}  // namespace slipstream
