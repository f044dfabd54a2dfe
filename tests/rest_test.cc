// A server that nothing comes to costs next to nothing.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <thread>

#include "harness.h"

namespace slipstream {
namespace {

using harness::eventually;
using harness::http;
using harness::Server;

std::string first_line(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

/// How often each thread of the server has gone to sleep, by number and name. Those that have the
/// program's name are none of its: the test's own, and one that ThreadSanitizer runs.
std::map<std::string, std::uint64_t> sleeps() {
  const std::string program = first_line("/proc/self/comm");
  std::map<std::string, std::uint64_t> found;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    const std::string name = first_line(task.path() / "comm");
    if (name == program) continue;
    std::ifstream status(task.path() / "status");
    for (std::string line; std::getline(status, line);) {
      constexpr std::string_view kCount = "voluntary_ctxt_switches:";
      if (line.starts_with(kCount)) {
        found[task.path().filename().string() + " " + name] =
            std::stoull(line.substr(kCount.size()));
      }
    }
  }
  return found;
}

TEST(AtRest, AServerWakesSomeTimesASecond) {
  const Server server;
  // Points and their windows first: it has to come to rest again.
  ASSERT_EQ(http(server.port(), "POST", "/api/ingest",
                 R"({"track":"monza","chassis":"CAR-1","lap":1,"speed_kmh":250})")
                .status,
            200u);
  constexpr std::uint64_t kMost = 20;
  constexpr std::chrono::seconds kWatched{2};
  std::string seen;
  EXPECT_TRUE(eventually(
      [&] {
        const auto before = sleeps();
        std::this_thread::sleep_for(kWatched);
        std::uint64_t sum = 0;
        seen.clear();
        for (const auto& [name, count] : sleeps()) {
          const auto earlier = before.find(name);
          if (earlier == before.end()) continue;
          sum += count - earlier->second;
          seen += fmt::format("{}: {}; ", name, count - earlier->second);
        }
        return sum <= kMost * static_cast<std::uint64_t>(kWatched.count());
      },
      std::chrono::seconds(90)))
      << seen;
}

}  // namespace
}  // namespace slipstream
