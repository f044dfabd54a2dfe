#include "window/definition.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace slipstream {
namespace {

using testing::HasSubstr;

TEST(DefinitionText, SaysEveryMember) {
  EXPECT_EQ(to_text({default_windows()[0]}),
            "name=bucket key_lap=1 key_sector=1 close_count=10 every_ms=0 lateness_ms=1000 "
            "close_on_change=1 idle_ms=2000 stored=0 with_first=0 with_quantiles=0 late=rollup "
            "ahead_ms=2000\n");
  EXPECT_EQ(to_text({}), "");
}

RC_GTEST_PROP(DefinitionText, AnyDefinitionsReadBackTheSame, ()) {
  std::vector<WindowDefinition> definitions(*rc::gen::inRange<std::size_t>(0, 5));
  for (auto& d : definitions) {
    d = {.name = *rc::gen::arbitrary<std::string>(),
         .key_lap = *rc::gen::arbitrary<bool>(),
         .key_sector = *rc::gen::arbitrary<bool>(),
         .close_count = *rc::gen::arbitrary<std::uint32_t>(),
         .every_ms = *rc::gen::arbitrary<std::int64_t>(),
         .lateness_ms = *rc::gen::arbitrary<std::int64_t>(),
         .close_on_change = *rc::gen::arbitrary<bool>(),
         .idle_ms = *rc::gen::arbitrary<std::int64_t>(),
         .stored = *rc::gen::arbitrary<bool>(),
         .late = *rc::gen::element(LatePolicy::kDrop, LatePolicy::kRollup),
         .ahead_ms = *rc::gen::arbitrary<std::int64_t>()};
    if (*rc::gen::arbitrary<bool>()) d.ahead_ms.reset();
    for (const auto& row : kStatisticGroups) {
      d.statistics.set(row.group, *rc::gen::arbitrary<bool>());
    }
  }
  const auto read = definitions_from_text(to_text(definitions));
  RC_ASSERT(read.has_value());
  RC_ASSERT(*read == definitions);
}

TEST(DefinitionText, ThatOf010SaysNothingOfStampsAhead) {
  const auto read = definitions_from_text(
      "name=second key_lap=0 key_sector=0 close_count=0 every_ms=1000 lateness_ms=1000 "
      "close_on_change=0 idle_ms=2000 stored=1 with_first=0 with_quantiles=0 late=drop\n");
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_FALSE(read->front().ahead_ms) << "any stamp moved the watermark";
  EXPECT_NE(*read, std::vector{default_windows()[2]});
}

TEST(DefinitionText, RefusesWhateverIsNotWrittenSo) {
  const std::string good = to_text(default_windows());
  ASSERT_TRUE(definitions_from_text(good));
  const auto with = [&](std::string_view part, std::string_view other) {
    std::string text = good;
    return text.replace(text.find(part), part.size(), other);
  };
  for (const auto& bad : {
           with("name=bucket", "name=%62ucket"),
           with("name=bucket", "name=buc ket"),
           with("name=bucket", "name=%6"),
           with("key_lap=1", "key_lap=2"),
           with("key_lap=1 ", ""),
           with("close_count=10", "close_count=010"),
           with("close_count=10", "close_count=4294967296"),
           with("close_count=10", "close_count="),
           with("every_ms=0", "every_ms=1x"),
           with("late=rollup", "late=keep"),
           with("late=rollup", "late=rollup "),
           with("late=rollup", "late=rollup more=1"),
           with("ahead_ms=2000", "ahead_ms="),
           with("ahead_ms=2000", "ahead_ms=02000"),
           with("ahead_ms=2000", "more=1"),
           with("\n", "\n\n"),
           good.substr(0, good.size() - 1),
           good + " ",
       }) {
    const auto read = definitions_from_text(bad);
    ASSERT_FALSE(read) << bad;
    EXPECT_THAT(read.error().message, HasSubstr("window definitions"));
  }
  for (std::size_t size = 1; size < good.size(); ++size) {
    EXPECT_EQ(definitions_from_text(good.substr(0, size)).has_value(), good[size - 1] == '\n');
  }
}

}  // namespace
}  // namespace slipstream
