// Which series a point is of: tags, in every format, and what becomes of them on the way.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "codec/point_decoder_fixture.h"
#include "codec/point_json.h"
#include "codec/point_log_decoder.h"
#include "codec/point_log_encoder.h"

namespace slipstream {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

SchemaOptions wheel_and_cpu() {
  return {.tags = {"wheel", "cpu"}, .max_series_per_machine = 40};
}

class TagsTest : public PointDecoderTest {
 protected:
  TagsTest() : PointDecoderTest(wheel_and_cpu()) {}

  std::string tags(std::size_t i = 0) { return std::string(batch().tags(point(i))); }
  /// Of the only point that a text gives.
  std::string tags_of(std::string_view text) {
    EXPECT_EQ(decode(text), 1u) << text;
    EXPECT_THAT(refused_, IsEmpty()) << text << ": " << refused_.at(0).message;
    return refused_.empty() ? tags() : "";
  }
  RejectReason refusal_of(std::string_view text) {
    EXPECT_EQ(decode(text), 1u) << text;
    EXPECT_EQ(refused_.size(), 1u) << text;
    return refused_.empty() ? RejectReason::kEmpty : refused_[0].reason;
  }
};

TEST_F(TagsTest, MembersThatTheSchemaNamesAreTagsInEveryFormat) {
  EXPECT_EQ(tags_of(R"({"track":"a","chassis":"b","wheel":"fl","temp":1})"), R"("wheel":"fl")");
  EXPECT_EQ(tags_of(R"( {"track":"a", "wheel":"f\u006c","chassis":"b","cpu":"0","temp":1} )"),
            R"("cpu":"0","wheel":"fl")")
      << "sorted by name, unescaped";
  EXPECT_EQ(tags_of("track,chassis,Wheel,temp,cpu\na,b,fl,1,0\n"), R"("cpu":"0","wheel":"fl")");
  EXPECT_EQ(tags_of("tire,chassis=b,wheel=fl temp=1"), R"("wheel":"fl")");
  EXPECT_EQ(tags_of(R"({"track":"a","chassis":"b","tags":{"z":"1","y":"2"},"temp":1})"),
            R"("y":"2","z":"1")");
}

TEST_F(TagsTest, WhatIsNoTextIsNoTag) {
  EXPECT_EQ(tags_of(R"({"track":"a","chassis":"b","wheel":2})"), "");
  EXPECT_EQ(batch().value_or_nan(point(), *schema_.fields().intern("wheel")), 2);
  for (const auto* const member :
       {R"("wheel":"")", R"("wheel":null)", R"("wheel":true)", R"("wheel":["fl"])",
        R"("wheel":"fl","wheel":null)", R"("tags":{})", R"("tags":{"a":1})", R"("tags":["a"])",
        R"("tags":"a")", R"("tags":1)", R"("tags":null)", R"("tags":{"a":"b","c":{"d":"e"}})"}) {
    EXPECT_EQ(tags_of(fmt::format(R"({{"track":"a","chassis":"b",{}}})", member)), "") << member;
  }
  EXPECT_EQ(tags_of("track,chassis,wheel,temp\na,b,,1\n"), "");
  EXPECT_EQ(tags_of("tire,chassis=b temp=1,wheel=\"fl\""), "")
      << "a string field of line protocol is a text";
  EXPECT_TRUE(point().has_texts);
}

TEST_F(TagsTest, TagsOfLineProtocolAreTagsButForWhatNamesTheMachine) {
  EXPECT_EQ(tags_of("cpu,cpu=cpu0,host=web01 usage=3"), R"("cpu":"cpu0")");
  EXPECT_THAT(jsons(), ElementsAre(Not(HasSubstr("host"))));
  EXPECT_EQ(tags_of("car,track=cota,chassis=b temp=1"), R"("measurement":"car")");
  EXPECT_EQ(tags_of("car,track=cota,chassis=b,measurement=own temp=1"), R"("measurement":"own")");
  EXPECT_EQ(tags_of("car,track=cota,chassis=b temp=1,measurement=7"), R"("measurement":"car")")
      << "a field of that name is another thing";
  EXPECT_THAT(jsons(), ElementsAre(HasSubstr(R"("measurement":7)")));
  EXPECT_EQ(tags_of("air,zone=b,area=a temp=1"), R"("area":"a","zone":"b")");
  EXPECT_EQ(batch().chassis(point()), "area=a,zone=b");
  EXPECT_EQ(tags_of("air,host=h,lap=3,zone=a,zone=b temp=1"), R"("zone":"b")");
  EXPECT_EQ(tags_of("air,host=h,temp=warm temp=1"), R"("temp":"warm")")
      << "a field takes its place as a member only";
  EXPECT_EQ(tags_of("air,host=h,tags=x temp=1"), R"("tags":"x")");
  EXPECT_EQ(tags_of("air,host=h temp=1"), "");
}

TEST_F(TagsTest, APointSaysItsTagsInAnObjectWhichIsReadAgain) {
  for (const auto* const text :
       {R"({"track":"a","chassis":"b","wheel":"f\"l","temp":1})",
        R"({"track":"a","chassis":"b","tags":{"z":"1","lap":"2"},"wheel":"x","lap":3})",
        "cpu,cpu=cpu0,host=web01,path=/\\ x usage=3", "car,track=cota,chassis=b temp=1",
        "m,host=h,zone=a x=1,tags=\"y\"", "m,host=h,zone=a x=1,tags=true",
        "m,host=h,zone=a x=1,tags=5", R"({"track":"a","chassis":"b","wheel":"fl","tags":{}})"}) {
    const auto before = tags_of(text);
    ASSERT_THAT(jsons(), testing::SizeIs(1));
    const auto json = jsons().front();
    EXPECT_THAT(json, HasSubstr(fmt::format(R"("tags":{{{}}})", before)));
    EXPECT_EQ(json.find("\"tags\""), json.rfind("\"tags\"")) << json;
    EXPECT_EQ(tags_of(json), before);
    EXPECT_EQ(jsons().front(), json);
  }
}

TEST_F(TagsTest, TheLogKeepsTagsOnceASeriesAndNoTexts) {
  decode(
      "cpu,cpu=cpu0,host=w,mode=user usage=3 1756999999000000000\n"
      "cpu,cpu=cpu1,host=w usage=4 1756999999000000000\n"
      "cpu,cpu=cpu0,host=w,mode=user usage=5 1756999999000000000\n"
      "cpu,host=w usage=6 1756999999000000000\n");
  ASSERT_THAT(refused_, IsEmpty());
  for (const auto& p : batch().points) EXPECT_FALSE(p.has_texts);
  LogRows rows;
  rows.add_points(batch(), 0);
  std::string payload;
  PointLogEncoder(schema_.fields()).encode(rows, payload);
  Schema schema;
  BatchPool pool;
  PointLogDecoder decoder(schema.fields(), pool);
  ASSERT_TRUE(decoder.open(payload));
  LogEntry entry;
  ASSERT_TRUE(decoder.next(entry));
  std::vector<std::string> tags;
  std::vector<std::string> jsons;
  for (const auto& p : entry.points->points) {
    EXPECT_EQ(p.series_hash, series_hash("cpu", "w"));
    tags.emplace_back(entry.points->tags(p));
    append_point_json(jsons.emplace_back(), *entry.points, p, schema);
  }
  EXPECT_THAT(tags, ElementsAre(R"("cpu":"cpu0","mode":"user")", R"("cpu":"cpu1")",
                                R"("cpu":"cpu0","mode":"user")", ""));
  EXPECT_EQ(jsons[0],
            R"({"meta_time":"2025-09-04T15:33:19Z","track":"cpu","chassis":"w","lap":0,"usage":3,)"
            R"("cpu":"cpu0","mode":"user","tags":{"cpu":"cpu0","mode":"user"}})");
  EXPECT_EQ(tags_of(jsons[0]), tags[0]);
}

TEST_F(TagsTest, OfWhatWasTakenBeforeTheObjectAloneTellsAndNothingIsRefused) {
  const auto admitted = [&](const std::string& text) {
    for (auto& batch : writer_.open()) batch.reset();
    refused_.clear();
    const std::string copy = padded(text);
    decoder_.json().decode_lines(
        {copy.data(), text.size()},
        {.source = SourceKind::kRedis, .arrival = {kNow}, .is_admitted = true}, *this);
    EXPECT_THAT(refused_, IsEmpty());
    return refused_.empty() ? tags() : "";
  };
  EXPECT_EQ(admitted(R"({"track":"a","chassis":"b","wheel":"fl","temp":1})"), "")
      << "a string field of line protocol, once";
  EXPECT_TRUE(point().has_texts);
  EXPECT_EQ(admitted(R"({"track":"a","chassis":"b","wheel":"fl","tags":{"wheel":"fl"}})"),
            R"("wheel":"fl")");
  for (int i = 0; i < 60; ++i) {
    admitted(fmt::format(R"({{"track":"a","chassis":"b","tags":{{"r":"{}"}}}})", i));
  }
  EXPECT_EQ(refusal_of("a,chassis=b,r=new x=1"), RejectReason::kTooManySeries)
      << "for others they count";
  const std::string long_tag(256, '\x01');
  decode(fmt::format("m,host=h,a={0},b={0} x=1,note=\"{1}\"", long_tag, std::string(64'500, 'n')));
  ASSERT_THAT(refused_, IsEmpty());
  const auto json = jsons().front();
  EXPECT_GT(json.size(), schema_.options().max_point_bytes);
  EXPECT_NE(admitted(json), "");
}

TEST_F(TagsTest, TooManyAndTooLongAreTooLarge) {
  std::string line = "m,host=h";
  for (int i = 0; i < 32; ++i) line += fmt::format(",t{:02}=x", i);
  EXPECT_THAT(tags_of(line + " x=1"), HasSubstr(R"("t31":"x")"));
  EXPECT_EQ(refusal_of(line + ",u=x x=1"), RejectReason::kTooLarge);
  EXPECT_THAT(refused_[0].message, HasSubstr("more than 32 tags"));
  const std::string longest(256, 'v');
  EXPECT_THAT(tags_of("m,host=h,a=" + longest + " x=1"), HasSubstr(longest));
  EXPECT_EQ(refusal_of("m,host=h,a=" + longest + "v x=1"), RejectReason::kTooLarge);
  EXPECT_THAT(refused_[0].message, HasSubstr("'a'"));
  const std::string name(128, 'n');
  EXPECT_THAT(tags_of("m,host=h," + name + "=a x=1"), HasSubstr(name));
  EXPECT_EQ(refusal_of("m,host=h,n" + name + "=a x=1"), RejectReason::kTooLarge);
  EXPECT_EQ(refusal_of(fmt::format(R"({{"track":"a","chassis":"b","wheel":"{}v"}})", longest)),
            RejectReason::kTooLarge);
  EXPECT_EQ(refusal_of(fmt::format("track,chassis,wheel\na,b,{}v\n", longest)),
            RejectReason::kTooLarge);
}

TEST_F(TagsTest, ASeriesTooManyOfOneMachineIsRefusedAlone) {
  std::string lines;
  for (int i = 0; i < 41; ++i) lines += fmt::format("m,host=h,request=r{} x=1\n", i);
  lines += "m,host=h,request=r0 x=1\nm,host=h x=1\nm,host=g,request=r40 x=1\n";
  EXPECT_EQ(decode(lines), 44u);
  ASSERT_EQ(refused_.size(), 1u);
  EXPECT_EQ(refused_[0].index, 40u);
  EXPECT_EQ(refused_[0].reason, RejectReason::kTooManySeries);
  EXPECT_THAT(refused_[0].message, HasSubstr("the machine has 40 series (MAX_SERIES_PER_MACHINE)"));
  EXPECT_THAT(refused_[0].message, HasSubstr(R"('h' of 'm' with {"request":"r40"})"));
}

}  // namespace
}  // namespace slipstream
