#include "base/check.h"

#include <gtest/gtest.h>

namespace slipstream {
namespace {

TEST(Check, PassesWhatHolds) {
  CHECK(1 + 1 == 2, "sums are sums");
}

TEST(CheckDeathTest, AbortsWithWhatWhereAndWhy) {
  const int given = 3;
  EXPECT_DEATH(CHECK(given == 2, "two were asked for"),
               "slipstream: check_test.cc:[0-9]+: given == 2 does not hold: two were asked for");
}

}  // namespace
}  // namespace slipstream
