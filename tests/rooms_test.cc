// A room includes only what it sees: the table of CMakeLists.txt is the law, the includes are held
// to it.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>

namespace slipstream {
namespace {

using Sees = std::map<std::string, std::set<std::string>>;

std::string read(const std::filesystem::path& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// By room: itself, what it names, and what those see in turn.
Sees room_table() {
  const std::string text = read(std::filesystem::path(SLIPSTREAM_SOURCE_DIR) / "CMakeLists.txt");
  const std::regex line(R"(slipstream_room\((\w+)\s*([^)]*)\))");
  Sees sees;
  for (std::sregex_iterator it(text.begin(), text.end(), line), end; it != end; ++it) {
    const std::string room = (*it)[1];
    std::istringstream words((*it)[2]);
    std::string word;
    bool is_seen = false;
    sees[room].insert(room);
    while (words >> word) {
      if (word == "SEES" || word == "LIBS") {
        is_seen = word == "SEES";
      } else if (is_seen) {
        // Rooms stand in order: what is named here is complete already.
        EXPECT_TRUE(sees.contains(word))
            << room << " sees " << word << ", which stands further down";
        sees[room].insert(sees[word].begin(), sees[word].end());
      }
    }
  }
  return sees;
}

TEST(Rooms, IncludeOnlyWhatTheySee) {
  const Sees sees = room_table();
  ASSERT_GE(sees.size(), 12u);
  const std::filesystem::path source = std::filesystem::path(SLIPSTREAM_SOURCE_DIR) / "src";
  const std::regex include(R"re(#include "(\w+)/)re");
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(source)) {
    const auto extension = entry.path().extension();
    if (extension != ".h" && extension != ".cc") continue;
    const auto relative = std::filesystem::relative(entry.path(), source);
    const std::string room = relative.begin()->string();
    if (room == relative.string()) continue;  // main.cc
    ++files;
    ASSERT_TRUE(sees.contains(room)) << relative << " is in no room";
    const std::string text = read(entry.path());
    for (std::sregex_iterator it(text.begin(), text.end(), include), end; it != end; ++it) {
      EXPECT_TRUE(sees.at(room).contains((*it)[1]))
          << relative << " includes " << (*it)[1] << "/, which its room does not see";
    }
  }
  EXPECT_GT(files, 80u);
}

/// What keeps the entries can be another one: the runner of partitions does not know Redis, and
/// nothing but what puts a server together knows which one it is.
TEST(Rooms, OnlyWhoPutsTheServerTogetherKnowsWhatKeepsTheEntries) {
  const Sees sees = room_table();
  ASSERT_TRUE(sees.contains("cluster") && sees.contains("redis_streams"));
  EXPECT_FALSE(sees.at("cluster").contains("redis"));
  const std::set<std::string> may = {"redis_streams", "app", "cli"};
  for (const auto& [room, seen] : sees) {
    EXPECT_TRUE(may.contains(room) || !seen.contains("redis_streams")) << room;
  }
  const std::filesystem::path source = std::filesystem::path(SLIPSTREAM_SOURCE_DIR) / "src";
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(source / "cluster")) {
    ++files;
    EXPECT_EQ(read(entry.path()).find("#include \"redis"), std::string::npos) << entry.path();
  }
  EXPECT_GE(files, 8u);
}

TEST(Rooms, NoFileIsMuchLongerThanFiveHundredLines) {
  const std::filesystem::path root = SLIPSTREAM_SOURCE_DIR;
  for (const auto folder : {"src", "tests", "bench", "web/src"}) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root / folder)) {
      static const std::set<std::string> kSources = {".h", ".cc", ".ts", ".mjs", ".css", ".html"};
      if (!entry.is_regular_file() || !kSources.contains(entry.path().extension().string())) {
        continue;
      }
      const std::string text = read(entry.path());
      const auto lines = std::count(text.begin(), text.end(), '\n');
      EXPECT_LE(lines, 520) << entry.path();
    }
  }
}

}  // namespace
}  // namespace slipstream
