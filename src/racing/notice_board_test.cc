#include "racing/notice_board.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace slipstream {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

Notice notice(std::string_view type, Severity severity, const std::string& chassis = "a") {
  return {.type = type,
          .severity = severity,
          .message = "m",
          .track = "t",
          .chassis = chassis,
          .timestamp_ms = 0,
          .data = {"figure", 1.0}};
}

class NoticeBoardTest : public ::testing::Test {
 protected:
  /// What changes, as "a raised high".
  std::vector<std::string> at(double seconds, std::vector<Notice> holding) {
    const std::int64_t ns = static_cast<std::int64_t>(seconds * 1e9);
    std::vector<std::string> changes;
    for (const auto& n : board_.update(std::move(holding), {.wall = {ns}, .steady = {ns}})) {
      changes.push_back(n.chassis + (n.is_cleared ? " cleared " : " raised ") +
                        std::string(to_string(n.severity)));
    }
    return changes;
  }
  NoticeBoard board_;
};

TEST_F(NoticeBoardTest, RaisesOnceAndClearsOnce) {
  EXPECT_THAT(at(1, {notice("tire_wear", Severity::kHigh)}), ElementsAre("a raised high"));
  for (int i = 0; i < 20; ++i) {
    EXPECT_THAT(at(1.6 + i, {notice("tire_wear", Severity::kHigh)}), IsEmpty());
  }
  EXPECT_THAT(at(21, {}), IsEmpty());
  EXPECT_THAT(at(30.5, {}), IsEmpty());
  EXPECT_THAT(at(30.7, {}), ElementsAre("a cleared high"));
  EXPECT_THAT(at(40, {}), IsEmpty());
  EXPECT_TRUE(board_.is_empty());
}

TEST_F(NoticeBoardTest, WhatComesAndGoesIsNotTold) {
  for (int i = 0; i < 100; ++i) {
    std::vector<Notice> holding;
    if (i % 3 != 0) holding.push_back(notice("gap_analysis", Severity::kLow));
    EXPECT_THAT(at(i, std::move(holding)), IsEmpty()) << i;
  }
}

TEST_F(NoticeBoardTest, AMoreSevereOneIsRaisedAtOnceALessSevereOneLater) {
  EXPECT_THAT(at(0, {notice("tire_wear", Severity::kMedium)}), ElementsAre("a raised medium"));
  EXPECT_THAT(at(1, {notice("tire_wear", Severity::kCritical)}), ElementsAre("a raised critical"));
  EXPECT_THAT(at(2, {notice("tire_wear", Severity::kHigh)}), IsEmpty());
  EXPECT_THAT(at(3, {notice("tire_wear", Severity::kCritical)}), IsEmpty());
  EXPECT_THAT(at(4, {notice("tire_wear", Severity::kHigh)}), IsEmpty());
  EXPECT_THAT(at(12.9, {notice("tire_wear", Severity::kHigh)}), IsEmpty());
  EXPECT_THAT(at(13, {notice("tire_wear", Severity::kHigh)}), ElementsAre("a raised high"));
}

TEST_F(NoticeBoardTest, MachinesAreApart) {
  EXPECT_THAT(
      at(0, {notice("tire_wear", Severity::kLow, "a"), notice("tire_wear", Severity::kLow, "b")}),
      ElementsAre("a raised low", "b raised low"));
  EXPECT_THAT(at(5, {notice("tire_wear", Severity::kLow, "b")}), IsEmpty());
  EXPECT_THAT(at(10, {notice("tire_wear", Severity::kLow, "b")}), ElementsAre("a cleared low"));
}

TEST_F(NoticeBoardTest, WhateverHoldsEachIsRaisedBeforeItIsClearedAndNeverTwice) {
  std::mt19937 random(11);
  bool is_raised = false;
  int told = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::vector<Notice> holding;
    if (random() % 1'000 < (i / 500 % 2 == 0 ? 990U : 2U)) {
      holding.push_back(notice("performance", Severity::kMedium));
    }
    for (const auto& change : at(i * 0.6, std::move(holding))) {
      EXPECT_EQ(change, is_raised ? "a cleared medium" : "a raised medium");
      is_raised = !is_raised;
      ++told;
    }
  }
  EXPECT_GT(told, 2);
}

}  // namespace
}  // namespace slipstream
