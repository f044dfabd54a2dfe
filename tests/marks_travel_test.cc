// Marks on their way from one server to another: they keep their place among each machine's points.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>

#include "codec/games_testing.h"
#include "codec/json_scan.h"
#include "harness.h"
#include "recorded.h"

namespace slipstream {
namespace {

using harness::eventually;
using harness::run;
using harness::Server;
using harness::TemporaryDirectory;
using testing::HasSubstr;

/// What each machine's points and the marks were, in their order; "" has the marks alone.
using Story = std::map<std::string, std::vector<std::string>>;

/// As the log in `data` of `directory` tells it.
Story story_of(const TemporaryDirectory& directory) {
  EXPECT_EQ(
      run(directory, {"export", "--data", "data", "--format", "ndjson", "--output", "all.ndjson"})
          .code,
      0);
  std::ifstream file(directory.path() / "all.ndjson");
  std::vector<std::pair<std::string, std::string>> lines;
  Story story;
  for (std::string line; std::getline(file, line);) {
    const bool is_mark = line.starts_with(R"({"type":"mark")");
    const auto chassis = is_mark ? "" : std::string(json_string_body(json_member(line, "chassis")));
    story[chassis];
    lines.emplace_back(chassis, std::move(line));
  }
  for (const auto& [chassis, line] : lines) {
    if (!chassis.empty()) {
      story[chassis].push_back(line);
      continue;
    }
    for (auto& [of, told] : story) told.push_back(line);
  }
  return story;
}

/// A server's data directory, `data`, and how often it took something.
struct Far {
  TemporaryDirectory directory;
  Server server{{{"DATA_DIR", (directory.path() / "data").string()}}};

  std::uint64_t marks() const { return server.ingest().marks.value(); }
};

TEST(MarksTravel, ByEveryWayTheyStayInTheirPlace) {
  const auto capture = games_testing::read_kept_reference("f1_2025.cap");
  ASSERT_TRUE(capture);
  TemporaryDirectory near;
  {
    std::ofstream(near.path() / "race.cap", std::ios::binary) << *capture;
    Server server({{"DATA_DIR", (near.path() / "data").string()}});
    const auto replayed = run(near, {"replay", "race.cap", "--speed", "max", "--to",
                                     fmt::format("http://127.0.0.1:{}", server.port())});
    ASSERT_EQ(replayed.code, 0) << replayed.output;
    EXPECT_THAT(replayed.output, HasSubstr(" marks sent to http:"));
    ASSERT_TRUE(server.stop());
  }
  const Story recorded = story_of(near);
  const auto marks = recorded.at("").size();
  ASSERT_GT(marks, 5u);
  ASSERT_EQ(recorded.size(), 23u) << "22 cars and the marks";
  const std::vector<std::vector<std::string>> ways = {
      {"replay", "data", "--speed", "max", "--to"},
      {"replay", "all.ndjson", "--speed", "max", "--to"},
      {"forward", "--data", "data", "--once", "--to"}};
  for (auto way : ways) {
    const std::string name = way[0] + " " + way[1];
    Far far;
    way.push_back(fmt::format("http://127.0.0.1:{}", far.server.port()));
    const auto sent = run(near, way);
    EXPECT_EQ(sent.code, 0) << name << ": " << sent.output;
    EXPECT_THAT(sent.output, HasSubstr(fmt::format(" points and {} marks sent to", marks)));
    EXPECT_EQ(far.marks(), marks) << name;
    ASSERT_TRUE(far.server.stop());
    EXPECT_EQ(story_of(far.directory), recorded) << name;
  }
}

TEST(MarksTravel, ByUdpTheyComeAsDatagramsAndNobodyWaitsForThem) {
  TemporaryDirectory directory;
  std::ofstream(directory.path() / "a.json")
      << R"({"track":"spa","chassis":"a","lap":1})" << '\n'
      << R"({"type":"mark","track":"spa","text":"rain"})" << '\n'
      << R"({"track":"spa","chassis":"a","lap":2})" << '\n';
  Far far;
  const auto sent =
      run(directory, {"replay", "a.json", "--speed", "max", "--to",
                      fmt::format("udp://127.0.0.1:{}", far.server.udp_port()), "--check",
                      fmt::format("http://127.0.0.1:{}", far.server.port())});
  EXPECT_EQ(sent.code, 0) << sent.output;
  EXPECT_THAT(sent.output, HasSubstr("2 points and 1 marks sent to udp:"));
  EXPECT_TRUE(eventually([&] { return far.marks() == 1; }));
}

TEST(MarksTravel, ATableHasNoRoomForThemAndSaysSo) {
  TemporaryDirectory directory;
  {
    Server server({{"DATA_DIR", (directory.path() / "data").string()}});
    ASSERT_EQ(harness::http(server.port(), "POST", "/api/ingest",
                            R"([{"track":"spa","chassis":"a"},)"
                            R"({"type":"mark","track":"spa","chassis":"b","text":"rain"}])")
                  .status,
              200u);
    ASSERT_TRUE(server.stop());
  }
  const auto table =
      run(directory, {"export", "--data", "data", "--format", "csv", "--output", "a.csv"});
  EXPECT_EQ(table.code, 0) << table.output;
  EXPECT_THAT(table.output, HasSubstr("1 points exported"));
  EXPECT_THAT(table.output, HasSubstr("1 marks (flags, notes ...) fit no table"));
  const auto of_a =
      run(directory, {"export", "--data", "data", "--chassis", "a", "--output", "a.json"});
  EXPECT_THAT(of_a.output, HasSubstr("1 points exported")) << "the mark is about another machine";
  const auto of_b =
      run(directory, {"export", "--data", "data", "--chassis", "b", "--output", "b.json"});
  EXPECT_THAT(of_b.output, HasSubstr("0 points and 1 marks exported"));
}

}  // namespace
}  // namespace slipstream
