#include "base/nearest_name.h"

#include <gtest/gtest.h>

#include <array>

namespace slipstream {
namespace {

TEST(NearestName, IsTheOneOfFewestLettersAway) {
  constexpr std::array<std::string_view, 4> kNames = {"window", "track", "to", "chassis"};
  EXPECT_EQ(nearest_name("windw", kNames), "window");
  EXPECT_EQ(nearest_name("chasis", kNames), "chassis");
  EXPECT_EQ(nearest_name("Track", kNames), "track");
  EXPECT_EQ(nearest_name("tto", kNames), "to");
  EXPECT_EQ(nearest_name("window", kNames), "window");
  for (const auto far : {"", "x", "lm", "nonsense", "chapters"}) {
    EXPECT_EQ(nearest_name(far, kNames), std::nullopt) << far;
  }
}

}  // namespace
}  // namespace slipstream
