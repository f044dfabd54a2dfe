#include "app/lost_ranges.h"

#include <gtest/gtest.h>

#include <random>
#include <set>
#include <utility>

namespace slipstream {
namespace {

using Offsets = std::vector<std::pair<std::uint64_t, std::uint64_t>>;

Offsets offsets(const std::vector<LostRange>& ranges) {
  Offsets all;
  for (const LostRange& range : ranges) all.emplace_back(range.from, range.to);
  return all;
}

Offsets listed(const LostRanges& lost) {
  return offsets(lost.list(1'000));
}

TEST(LostRanges, CountWhatIsToldTwiceOnce) {
  LostRanges lost;
  EXPECT_EQ(offsets(lost.add({20, 50, "a", "cut"})), (Offsets{{20, 50}}));
  EXPECT_EQ(offsets(lost.add({20, 50, "a", "cut"})), Offsets());
  EXPECT_EQ(offsets(lost.add({30, 40, "b", "flipped"})), Offsets());
  EXPECT_EQ(lost.entries(), 30u);
  EXPECT_EQ(listed(lost), (Offsets{{20, 50}}));
}

TEST(LostRanges, AddOnlyWhatIsNew) {
  LostRanges lost;
  lost.add({20, 30, "a", "cut"});
  lost.add({40, 50, "a", "cut"});
  EXPECT_EQ(offsets(lost.add({10, 60, "b", "gone"})), (Offsets{{10, 20}, {30, 40}, {50, 60}}));
  EXPECT_EQ(lost.entries(), 50u);
  EXPECT_EQ(listed(lost), (Offsets{{10, 20}, {20, 30}, {30, 40}, {40, 50}, {50, 60}}));
  EXPECT_EQ(lost.list(2).size(), 2u);
}

TEST(LostRanges, AreOneWhereTheyTouchAndHaveOneCause) {
  LostRanges lost;
  lost.add({20, 30, "a", "cut"});
  lost.add({40, 50, "a", "cut"});
  lost.add({50, 60, "a", "flipped"});
  EXPECT_EQ(offsets(lost.add({25, 45, "a", "cut"})), (Offsets{{30, 40}}));
  EXPECT_EQ(listed(lost), (Offsets{{20, 50}, {50, 60}}));
}

TEST(LostRanges, TakeNoneThatIsEmpty) {
  LostRanges lost;
  EXPECT_EQ(offsets(lost.add({20, 20, "a", "cut"})), Offsets());
  EXPECT_EQ(offsets(lost.add({20, 10, "a", "cut"})), Offsets());
  EXPECT_EQ(lost.entries(), 0u);
  EXPECT_EQ(listed(lost), Offsets());
}

TEST(LostRanges, CountEachOffsetOnceWhateverIsTold) {
  std::mt19937 random(1);
  for (int round = 0; round < 200; ++round) {
    LostRanges lost;
    std::set<std::uint64_t> all;
    for (int i = 0; i < 30; ++i) {
      const std::uint64_t from = random() % 60;
      const std::uint64_t to = from + random() % 12;
      std::set<std::uint64_t> fresh;
      for (std::uint64_t at = from; at < to; ++at) {
        if (all.insert(at).second) fresh.insert(at);
      }
      std::set<std::uint64_t> told;
      for (const auto& part : lost.add({from, to, random() % 2 == 0 ? "a" : "b", "cut"})) {
        for (std::uint64_t at = part.from; at < part.to; ++at) {
          ASSERT_TRUE(told.insert(at).second);
        }
      }
      ASSERT_EQ(told, fresh);
      ASSERT_EQ(lost.entries(), all.size());
      std::set<std::uint64_t> in_list;
      for (const auto& [begin, end] : listed(lost)) {
        ASSERT_LT(begin, end);
        for (std::uint64_t at = begin; at < end; ++at) ASSERT_TRUE(in_list.insert(at).second);
      }
      ASSERT_EQ(in_list, all);
    }
  }
}

}  // namespace
}  // namespace slipstream
