#include "model/tags.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <simdjson.h>

#include <map>

#include "model/series_limit.h"

namespace slipstream {
namespace {

std::string text_of(const std::map<std::string, std::string>& tags) {
  std::string text;
  for (const auto& [name, value] : tags) append_tag(text, {name, value});
  return text;
}

TagFilter filter_of(std::initializer_list<Tag> wanted) {
  TagFilter filter;
  for (const Tag& tag : wanted) filter.add(tag.name, tag.value);
  return filter;
}

RC_GTEST_PROP(Tags, AreTheMembersOfAnObjectWhateverTheyAreCalled, ()) {
  const auto name = rc::gen::nonEmpty(rc::gen::container<std::string>(rc::gen::oneOf(
      rc::gen::inRange('\x01', '\x7f'), rc::gen::element('"', '\\', ',', ':', '{'))));
  const auto tags = *rc::gen::container<std::map<std::string, std::string>>(name, name);
  const auto text = text_of(tags);
  simdjson::dom::parser parser;
  simdjson::dom::object object;
  RC_ASSERT(parser.parse('{' + text + '}').get(object) == simdjson::SUCCESS);
  std::map<std::string, std::string> read;
  for (const auto member : object) {
    read.emplace(member.key, std::string_view(member.value));
  }
  RC_ASSERT(read == tags);
  TagsReader reader(text);
  std::size_t count = 0;
  while (reader.next()) ++count;
  RC_ASSERT(count == tags.size());
  for (const auto& [key, value] : tags) {
    TagFilter filter;
    filter.add(key, value);
    RC_ASSERT(filter.matches(text));
    TagFilter other;
    other.add(key, value + "x");
    RC_ASSERT(!other.matches(text));
  }
}

TEST(Tags, AFilterWantsOneValueOfEachName) {
  const auto tags = text_of({{"axle", "front"}, {"wheel", "fl"}});
  EXPECT_TRUE(TagFilter().matches(tags));
  EXPECT_TRUE(TagFilter().matches(""));
  EXPECT_TRUE(filter_of({{"wheel", "fl"}}).matches(tags));
  EXPECT_TRUE(filter_of({{"wheel", "fr"}, {"wheel", "fl"}}).matches(tags));
  EXPECT_TRUE(filter_of({{"wheel", "fl"}, {"axle", "front"}}).matches(tags));
  EXPECT_FALSE(filter_of({{"wheel", "fl"}, {"axle", "rear"}}).matches(tags));
  EXPECT_FALSE(filter_of({{"wheel", "f"}}).matches(tags));
  EXPECT_FALSE(filter_of({{"side", "left"}}).matches(tags));
  EXPECT_FALSE(filter_of({{"wheel", "fl"}}).matches(""));
  EXPECT_EQ(filter_of({{"a", "1"}, {"b", "2"}, {"a", "0"}}),
            filter_of({{"a", "0"}, {"a", "1"}, {"b", "2"}, {"a", "1"}}));
}

TEST(Tags, TextThatIsNoneEndsTheReading) {
  for (const auto* const text : {"x", "\"a\"", "\"a\":", "\"a\":1", "\"a\":\"b", "\"a\":\"b\"x",
                                 "\"a\":\"b\\", "\"a\"\"b\""}) {
    TagsReader reader(text);
    EXPECT_FALSE(reader.next()) << text;
  }
  TagsReader half(R"("a":"b",)");
  EXPECT_FALSE(half.next());
}

constexpr ArrivalTime at_s(std::int64_t s) {
  return {s * kNsPerSecond};
}

using Answer = SeriesLimit::Answer;

Answer admit(SeriesLimit& limit, std::uint64_t machine, std::uint64_t series, std::int64_t s) {
  return limit.admit(machine, series, 10, at_s(s));
}

TEST(SeriesLimit, OneMoreThanFitIsRefusedAndTheKnownAreTaken) {
  SeriesLimit limit(2);
  EXPECT_EQ(admit(limit, 1, 10, 0), Answer::kTaken);
  EXPECT_EQ(admit(limit, 1, 11, 0), Answer::kTaken);
  EXPECT_EQ(admit(limit, 1, 12, 0), Answer::kMachineFull);
  EXPECT_EQ(admit(limit, 1, 10, 1), Answer::kTaken);
  EXPECT_EQ(admit(limit, 2, 12, 1), Answer::kTaken) << "another machine has room of its own";
  EXPECT_EQ(limit.size(), 3u);
}

TEST(SeriesLimit, ASeriesCountsForAnHourBehindItsLastPoint) {
  SeriesLimit limit(2);
  EXPECT_EQ(admit(limit, 1, 10, 0), Answer::kTaken);
  EXPECT_EQ(admit(limit, 1, 11, 1'800), Answer::kTaken);
  EXPECT_EQ(admit(limit, 1, 12, 3'599), Answer::kMachineFull);
  EXPECT_EQ(admit(limit, 1, 12, 3'601), Answer::kMachineFull) << "it looks once a minute";
  EXPECT_EQ(admit(limit, 1, 12, 3'660), Answer::kTaken);
  EXPECT_EQ(admit(limit, 1, 13, 3'700), Answer::kMachineFull);
  EXPECT_EQ(admit(limit, 1, 11, 3'700), Answer::kTaken);
  EXPECT_EQ(admit(limit, 1, 13, 3'660 + 3'600), Answer::kTaken);
}

TEST(SeriesLimit, AClockThatIsSetBackLetsNoSeriesStayForEver) {
  SeriesLimit limit(1);
  EXPECT_EQ(admit(limit, 1, 10, 100'000), Answer::kTaken);
  EXPECT_EQ(admit(limit, 1, 11, 100'000), Answer::kMachineFull);
  EXPECT_EQ(admit(limit, 1, 11, 50'000), Answer::kMachineFull);
  EXPECT_EQ(admit(limit, 1, 11, 103'700), Answer::kTaken);
}

TEST(SeriesLimit, HasABoundInAll) {
  SeriesLimit limit(10, 3);
  for (std::uint64_t machine = 1; machine <= 3; ++machine) {
    EXPECT_EQ(admit(limit, machine, 10, 100), Answer::kTaken);
  }
  EXPECT_EQ(admit(limit, 4, 10, 100), Answer::kAllFull);
  EXPECT_EQ(admit(limit, 1, 10, 200), Answer::kTaken);
  EXPECT_EQ(admit(limit, 4, 10, 3'700), Answer::kTaken) << "two of them are over";
  EXPECT_EQ(limit.size(), 2u);
}

TEST(SeriesLimit, LongTagsHaveABoundInAll) {
  SeriesLimit limit(10, 10, 25);
  EXPECT_EQ(admit(limit, 1, 10, 100), Answer::kTaken);
  EXPECT_EQ(admit(limit, 1, 11, 100), Answer::kTaken);
  EXPECT_EQ(admit(limit, 1, 12, 100), Answer::kAllFull);
  EXPECT_EQ(limit.admit(1, 13, 5, at_s(100)), Answer::kTaken);
  EXPECT_EQ(admit(limit, 1, 12, 3'700), Answer::kTaken) << "the others are over";
}

TEST(SeriesLimit, WhatWasThereBeforeARestartCounts) {
  SeriesLimit limit(2);
  for (std::uint64_t series = 10; series < 13; ++series) limit.restore(1, series, 9, at_s(100));
  EXPECT_EQ(admit(limit, 1, 12, 200), Answer::kTaken);
  EXPECT_EQ(admit(limit, 1, 13, 200), Answer::kMachineFull);
}

}  // namespace
}  // namespace slipstream
