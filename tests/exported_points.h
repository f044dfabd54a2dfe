#pragma once
#include <gtest/gtest.h>
#include <simdjson.h>

#include <fstream>
#include <string>
#include <vector>

#include "codec/games_testing.h"
#include "harness.h"
#include "program.h"

namespace slipstream::harness {

/// The points in the log `data` of a server that has stopped, in its order, without its marks.
inline std::vector<games_testing::Told> exported_points(const TemporaryDirectory& directory) {
  Program program(directory, {"export", "--data", "data", "--output", "points.ndjson"});
  EXPECT_EQ(program.exit_code(), 0) << program.output();
  std::vector<games_testing::Told> points;
  std::ifstream in(directory.path() / "points.ndjson");
  simdjson::dom::parser parser;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with(R"({"type":"mark")")) continue;
    points.push_back(games_testing::told_of(parser, line));
  }
  return points;
}

}  // namespace slipstream::harness
