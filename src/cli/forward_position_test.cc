#include "cli/forward_position.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <random>
#include <vector>

namespace slipstream {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(ForwardOffsetSet, HoldsRangesThatNeitherTouchNorOverlap) {
  OffsetSet set;
  EXPECT_EQ(set.end(), 0u);
  EXPECT_THAT(set.gaps({0, 10}), ElementsAre(OffsetRange{0, 10}));
  set.add({10, 20});
  set.add({30, 40});
  set.add({5, 5});
  EXPECT_THAT(set.ranges(), ElementsAre(OffsetRange{10, 20}, OffsetRange{30, 40}));
  EXPECT_THAT(set.gaps({0, 50}),
              ElementsAre(OffsetRange{0, 10}, OffsetRange{20, 30}, OffsetRange{40, 50}));
  EXPECT_THAT(set.gaps({12, 35}), ElementsAre(OffsetRange{20, 30}));
  EXPECT_THAT(set.gaps({12, 18}), IsEmpty());
  set.add({20, 30});
  EXPECT_THAT(set.ranges(), ElementsAre(OffsetRange{10, 40}));
}

TEST(ForwardOffsetSet, IsWhatASetOfSingleOffsetsIs) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    std::mt19937_64 random(seed);
    OffsetSet set;
    std::vector<bool> single(101);
    for (int i = 0; i < 30; ++i) {
      const std::uint64_t from = random() % 100;
      const std::uint64_t to = std::min<std::uint64_t>(100, from + random() % 9);
      set.add({from, to});
      for (auto n = from; n < to; ++n) single[n] = true;
      std::vector<bool> missing(101);
      for (const auto& gap : set.gaps({0, 100})) {
        ASSERT_LT(gap.from, gap.to);
        for (auto n = gap.from; n < gap.to; ++n) missing[n] = true;
      }
      for (std::size_t n = 0; n < 100; ++n) ASSERT_NE(missing[n], single[n]) << seed;
      for (std::size_t r = 1; r < set.ranges().size(); ++r) {
        ASSERT_LT(set.ranges()[r - 1].to, set.ranges()[r].from);
      }
    }
  }
}

class ForwardPositionFile : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "slipstream-test-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path folder_;
};

TEST_F(ForwardPositionFile, ComesBackAsItWasSaved) {
  const auto file = ForwardPosition::file_for(folder_, "http://a:1");
  EXPECT_NE(file, ForwardPosition::file_for(folder_, "http://a:2"));
  auto first = ForwardPosition::open(file, "http://a:1").value();
  EXPECT_TRUE(first.is_new());
  first.state().delivered.add({0, 100});
  first.state().delivered.add({200, 300});
  first.state().pending = {{100, 150}, 1'760'000'000'000'000'000};
  first.state().log = {200, -5};
  ASSERT_TRUE(first.save());
  ASSERT_TRUE(first.save());
  const auto second = ForwardPosition::open(file, "http://a:1").value();
  EXPECT_FALSE(second.is_new());
  EXPECT_EQ(second.state().id, first.state().id);
  EXPECT_EQ(second.state().log, first.state().log);
  EXPECT_EQ(second.state().delivered.ranges(), first.state().delivered.ranges());
  ASSERT_TRUE(second.state().pending);
  EXPECT_EQ(second.state().pending->range, (OffsetRange{100, 150}));
  EXPECT_EQ(second.state().pending->since_ns, 1'760'000'000'000'000'000);
}

TEST_F(ForwardPositionFile, WhatIsCutOffHasOtherNamesThen) {
  auto position =
      ForwardPosition::open(ForwardPosition::file_for(folder_, "http://a:1"), "").value();
  auto& state = position.state();
  const auto id = state.id;
  state.delivered.add({0, 100});
  state.delivered.add({200, 300});
  state.delivered.add({400, 500});
  state.pending = {{500, 600}, 1};
  position.cut(250);
  EXPECT_THAT(state.delivered.ranges(), ElementsAre(OffsetRange{0, 100}, OffsetRange{200, 250}));
  EXPECT_FALSE(state.pending.has_value());
  EXPECT_NE(state.id, id);
}

TEST_F(ForwardPositionFile, AnyDamageIsSeen) {
  ForwardPosition::State state;
  state.id = "0123456789abcdef";
  state.delivered.add({7, 1'000});
  state.pending = {{1'000, 1'200}, 5};
  state.log = {900, 1'760'000'000'000'000'000};
  const auto text = to_text(state, "http://a:1");
  ASSERT_TRUE(parse_position(text));
  for (std::size_t i = 0; i < text.size(); ++i) {
    EXPECT_FALSE(parse_position(text.substr(0, i))) << i;
    auto flipped = text;
    flipped[i] = static_cast<char>(flipped[i] ^ 1);
    EXPECT_FALSE(parse_position(flipped)) << i;
  }
  EXPECT_EQ(parse_position("slipstream forward 2\n").error().code, ErrorCode::kVersion);
  const auto file = ForwardPosition::file_for(folder_, "http://a:1");
  std::filesystem::create_directories(file.parent_path());
  std::ofstream(file) << text.substr(1);
  const auto opened = ForwardPosition::open(file, "http://a:1");
  ASSERT_FALSE(opened);
  EXPECT_THAT(opened.error().message, HasSubstr("it is damaged"));
}

}  // namespace
}  // namespace slipstream
