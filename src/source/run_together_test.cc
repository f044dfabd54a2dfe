#include "source/run_together.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>

namespace slipstream {
namespace {

std::string without_line_ends(std::string text) {
  std::erase(text, '\n');
  return text;
}

TEST(RunTogether, LinesWithoutTheirEndsAreTold) {
  const std::pair<const char*, std::string> bodies[] = {
      {"json", "{\"a\":1}\n{\"a\":2}\n"},
      {"ndjson", "{\"a\":1}\n{\"a\":2}"},
      {"table",
       "meta_time,track,chassis,lap,lapdist_m,speed_kmh\n2024-06-01T12:00:00Z,cota,a,1,2,3\n"},
      {"table", "2024-06-01T12:00:00Z,cota,a,1,2,3\n2024-06-01T12:00:01Z,cota,a,1,2,3\n"},
      {"table", "1756999999,cota,a,1,2,3\n1757000000,cota,a,1,2,3\n1757000001,cota,a,1,2,3\n"},
      {"line", "cpu,host=a x=1 1756999999000000000\ncpu,host=a x=2 1756999999100000000\n"},
      {"line", "cpu,host=a x=1\ncpu,host=b x=2\n"},
      {"line", "cpu x=1\ncpu x=2\n"},
      {"line", "cpu x=1 17\ncpu x=2 18\n"},
  };
  for (const auto& [decoder, body] : bodies) {
    EXPECT_FALSE(looks_run_together(body, decoder)) << body;
    EXPECT_TRUE(looks_run_together(without_line_ends(body), decoder)) << body;
  }
}

TEST(RunTogether, OneLineIsOneLine) {
  const std::pair<const char*, const char*> bodies[] = {
      {"json", R"({"a":{"b":1}})"},
      {"json", R"([{"a":1},{"a":2}])"},
      {"table", "2024-06-01T12:00:00Z,cota,a,1,2,3,4,5,6,7,8"},
      {"table", "\"2024-06-01\",cota,a,1,2,3"},
      {"table", "nonsense"},
      {"line", "cpu,host=a x=1,y=2 1756999999000000000"},
      {"line", "cpu,host=a\\ b note=\"a b = c, d\",y=2 17"},
      {"line", "cpu,host=a x=1 "},
      {"line", "nonsense"},
      {"line", ""},
  };
  for (const auto& [decoder, body] : bodies) {
    EXPECT_FALSE(looks_run_together(body, decoder)) << body;
  }
}

}  // namespace
}  // namespace slipstream
