#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>

#include "codec/point_decoder_fixture.h"

namespace slipstream {
namespace {

TEST_F(PointDecoderTest, WhatIsNoNumberIsNamed) {
  for (const auto* const text :
       {R"({"track":"a","chassis":"b","speed_kmh":NaN})", R"({"track":"a","speed_kmh":Infinity})",
        R"([{"track":"a","chassis":"b","x":1},{"track":"a","chassis":"b","speed_kmh":nan}])"}) {
    decode(text);
    ASSERT_EQ(refused_.size(), 1u) << text;
    EXPECT_EQ(refused_[0].reason, RejectReason::kMalformedJson);
    EXPECT_THAT(refused_[0].message, testing::HasSubstr("'speed_kmh' is ")) << text;
    EXPECT_THAT(refused_[0].message, testing::HasSubstr("send null"));
  }
}

TEST_F(PointDecoderTest, JsonObjectGivesOnePointWithItsFields) {
  EXPECT_EQ(decode(R"({"meta_time":"2025-09-04T15:33:20Z","track":"cota","chassis":"GR86-01",)"
                   R"("lap":3,"sector":2,"lapdist_m":10.5,"speed_kmh":100,"note":"hi","ok":true})"),
            1u);
  ASSERT_TRUE(refused_.empty());
  EXPECT_EQ(batch().track(point()), "cota");
  EXPECT_EQ(batch().chassis(point()), "GR86-01");
  EXPECT_EQ(point().lap, 3);
  EXPECT_EQ(point().sector, 2);
  EXPECT_EQ(point().event_time.ns, 1'757'000'000'000'000'000);
  EXPECT_EQ(value(field::kLapdistM), 10.5);
  EXPECT_EQ(value(field::kSpeedKmh), 100);
  EXPECT_TRUE(std::isnan(value(field::kRpm)));
  EXPECT_EQ(point().value_count, 2);
}

TEST_F(PointDecoderTest, MissingLapAndTimeAreFilledIn) {
  decode(R"({"track":"a","chassis":"b"})");
  EXPECT_EQ(jsons().at(0),
            R"({"track":"a","chassis":"b","lap":0,"meta_time":"2025-09-04T15:33:20Z"})");
  EXPECT_EQ(point().event_time.ns, kNow);
  EXPECT_EQ(point().sector, Point::kNoSector);
}

TEST_F(PointDecoderTest, EmptyTimeAndNullLapAreWrittenAnewAndStandOnce) {
  decode(R"({"meta_time":"","lap":null,"track":"a","chassis":"b"})");
  ASSERT_TRUE(refused_.empty());
  EXPECT_EQ(jsons().at(0),
            R"({"meta_time":"2025-09-04T15:33:20Z","lap":0,"track":"a","chassis":"b"})");
  decode(R"({"lap":null,"track":"a","meta_time":null,"chassis":"b"})");
  EXPECT_EQ(jsons().at(0),
            R"({"lap":0,"track":"a","meta_time":"2025-09-04T15:33:20Z","chassis":"b"})");
}

TEST_F(PointDecoderTest, TimeIsToldByItsSize) {
  const std::pair<const char*, std::int64_t> cases[] = {
      {"1700000000", 1'700'000'000'000'000'000},
      {"1700000000.25", 1'700'000'000'250'000'000},
      {"1700000000123", 1'700'000'000'123'000'000},
      {"1700000000123456", 1'700'000'000'123'456'000},
      {"1700000000123456789", 1'700'000'000'123'456'789},
      {"\"2023-11-14T22:13:20.123456789Z\"", 1'700'000'000'123'456'789},
      {"\"2023-11-14T22:13:20\"", 1'700'000'000'000'000'000},
      {"\"2023-11-15T00:13:20+02:00\"", 1'700'000'000'000'000'000},
  };
  for (const auto& [text, ns] : cases) {
    decode(std::string(R"({"track":"a","chassis":"b","meta_time":)") + text + "}");
    ASSERT_TRUE(refused_.empty()) << text;
    EXPECT_EQ(point().event_time.ns, ns) << text;
  }
}

TEST_F(PointDecoderTest, AStringWithAColonBehindItIsNoValue) {
  const std::string known = R"({"track":"cota","chassis":"a","gear":3})";
  const std::string bad =
      "{\"track\":\"ca}lat\":1}\n,\"track\":\"a\",\"chassis\":\"b\",\"note\":\"x\"}";
  // Whether the array's first point is of members that are known or not.
  for (const bool is_known : {false, true}) {
    EXPECT_GT(decode("[" + known + "," + bad + "]"), 1u) << is_known;
    EXPECT_FALSE(refused_.empty());
    for (const auto& r : refused_) EXPECT_EQ(to_string(r.reason), "malformed_json");
    EXPECT_EQ(jsons().size(), 1u) << is_known;
  }
}

TEST_F(PointDecoderTest, EveryBadJsonPointHasItsReason) {
  const std::string long_name(129, 'x');
  const std::string huge =
      R"({"track":"a","chassis":"b","note":")" + std::string(66'000, 'n') + "\"}";
  const std::pair<std::string, RejectReason> cases[] = {
      {R"({"track":"a","chassis":)", RejectReason::kMalformedJson},
      {R"({"track":"a","chassis":"b"} x)", RejectReason::kMalformedJson},
      {R"({"track":"a" "chassis":"b"})", RejectReason::kMalformedJson},
      {R"({"track":"a","chassis":"b","speed_kmh":NaN})", RejectReason::kMalformedJson},
      {R"({"track":"a","chassis":"b","note":"\q"})", RejectReason::kMalformedJson},
      {"{\"track\":\"a\",\"chassis\":\"b\",\"note\":\"\xff\"}", RejectReason::kMalformedJson},
      {R"({"track":"a","chassis":"b","x":{"y":[1,tru]}})", RejectReason::kMalformedJson},
      {R"({"track":"a"})", RejectReason::kMissingDimension},
      {R"({"track":"","chassis":"b"})", RejectReason::kMissingDimension},
      {R"({"track":"a","chassis":7})", RejectReason::kMissingDimension},
      {R"({"track":"a","chassis":null})", RejectReason::kMissingDimension},
      {R"({"track":"a","chassis":")" + long_name + "\"}", RejectReason::kOutOfRange},
      {R"({"track":"a","chassis":"b","speed_kmh":"fast"})", RejectReason::kBadNumber},
      {R"({"track":"a","chassis":"b","speed_kmh":1e999})", RejectReason::kBadNumber},
      {R"({"track":"a","chassis":"b","speed_kmh":true})", RejectReason::kBadNumber},
      {R"({"track":"a","chassis":"b","lap":1.5})", RejectReason::kBadNumber},
      {R"({"track":"a","chassis":"b","lap":-1})", RejectReason::kOutOfRange},
      {R"({"track":"a","chassis":"b","lap":40000})", RejectReason::kOutOfRange},
      {R"({"track":"a","chassis":"b","sector":-1})", RejectReason::kOutOfRange},
      {R"({"track":"a","chassis":"b","meta_time":"yesterday"})", RejectReason::kBadTime},
      {R"({"track":"a","chassis":"b","meta_time":true})", RejectReason::kBadTime},
      {R"({"track":"a","chassis":"b","meta_time":"2025-02-30T00:00:00Z"})", RejectReason::kBadTime},
      {R"({"track":"a","chassis":"b","meta_time":1757000301})", RejectReason::kFutureTime},
      {R"({"track":"a","chassis":"b","meta_time":17570321005})", RejectReason::kBadTime},
      {R"({"track":"a","chassis":"b","meta_time":17570000001123})", RejectReason::kBadTime},
      {R"({"track":"a","chassis":"b","meta_time":66666666666666666})", RejectReason::kBadTime},
      {R"({"track":"a","chassis":"b","meta_time":9223372036854775807})", RejectReason::kFutureTime},
      {huge, RejectReason::kTooLarge},
  };
  for (const auto& [text, reason] : cases) {
    EXPECT_EQ(decode(text), 1u) << text.substr(0, 100);
    ASSERT_EQ(refused_.size(), 1u) << text.substr(0, 100);
    EXPECT_EQ(to_string(refused_[0].reason), to_string(reason)) << text.substr(0, 100);
    EXPECT_TRUE(jsons().empty()) << text.substr(0, 100);
  }
}

TEST_F(PointDecoderTest, ABadPointCostsNoneOfItsNeighbours) {
  const std::string good = R"({"track":"a","chassis":"b","lap":1,"meta_time":1})";
  const struct {
    std::string text;
    std::size_t points;
    std::vector<std::pair<std::size_t, RejectReason>> refused;
    std::size_t accepted;
  } cases[] = {
      {good + "\n{bad\n" + good, 3, {{1, RejectReason::kMalformedJson}}, 2},
      {good + "\r\n\r\n" + good + "\n", 2, {}, 2},
      {"{\"track\":\"\xff\"}\n" + good, 2, {{0, RejectReason::kMalformedJson}}, 1},
      {"[" + good + "," + good + "]", 2, {}, 2},
      {"[" + good + ",{\"track\":1}," + good + "]", 3, {{1, RejectReason::kMissingDimension}}, 2},
      {"[" + good + ",{bad}," + good + "]", 3, {{1, RejectReason::kMalformedJson}}, 2},
      {"[" + good + ",5,\"x\",[]," + good + "]",
       5,
       {{1, RejectReason::kNotAnObject},
        {2, RejectReason::kNotAnObject},
        {3, RejectReason::kNotAnObject}},
       2},
      {"[" + good + ",," + good + "]", 3, {{1, RejectReason::kMalformedJson}}, 2},
      {"[" + good + ",]", 2, {{1, RejectReason::kMalformedJson}}, 1},
      {"[" + good + "," + good, 3, {{2, RejectReason::kMalformedJson}}, 2},
      {"[" + good + "," + good + "] x", 3, {{2, RejectReason::kMalformedJson}}, 2},
      {"[{\"track\":\"\xff\"}," + good + "]", 2, {{0, RejectReason::kMalformedJson}}, 1},
      {"[{\"track\":\"unclosed}," + good,
       2,
       {{0, RejectReason::kMalformedJson}, {1, RejectReason::kMalformedJson}},
       0},
      {"[]", 0, {}, 0},
      {"[\n" + good + " \n,\t" + good + "\r\n]\n", 2, {}, 2},
      {"[" + good + " x," + good + "]", 2, {{0, RejectReason::kMalformedJson}}, 1},
      {"[" + good + " " + good + "]", 1, {{0, RejectReason::kMalformedJson}}, 0},
      {"[" + good + " ", 2, {{1, RejectReason::kMalformedJson}}, 1},
      {"{\"track\":\"a\"\n" + good, 2, {{0, RejectReason::kMalformedJson}}, 1},
      {"{\"gps\":{\"lat\":1\n" + good + "\n", 2, {{0, RejectReason::kMalformedJson}}, 1},
      {"{ \"track\": \"a\", \"chassis\": \"b\" }\nnull\n" + good,
       3,
       {{1, RejectReason::kNotAnObject}},
       2},
      {"{\"gps\":{\"lat\":1}\n,\"track\":\"a\"\n,\"chassis\":\"b\"}", 1, {}, 1},
      {"{\n\n\"gps\":\n{\"lat\":1},\n\"z\":[\n{}\n,\n{\n}\n],\"track\":\"a\",\"chassis\":\"b\"\n}",
       1,
       {},
       1},
      {"{\n  \"track\": \"a\",\n  \"chassis\": \"b\"\n}\n", 1, {}, 1},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(decode(c.text), c.points) << c.text;
    ASSERT_EQ(refused_.size(), c.refused.size()) << c.text;
    for (std::size_t i = 0; i < refused_.size(); ++i) {
      EXPECT_EQ(refused_[i].index, c.refused[i].first) << c.text;
      EXPECT_EQ(to_string(refused_[i].reason), to_string(c.refused[i].second)) << c.text;
    }
    EXPECT_EQ(jsons().size(), c.accepted) << c.text;
  }
}

TEST_F(PointDecoderTest, LinesOfJsonMayBeginWithWhatIsNone) {
  const std::string good = R"({"track":"a","chassis":"b"})";
  for (const std::string first : {"garbage", "null", "5", "{"}) {
    refused_.clear();
    for (auto& batch : writer_.open()) batch.reset();
    const std::string text = first + "\n\n" + good + "\n" + good;
    const std::string copy = padded(text);
    EXPECT_EQ(
        decoder_.json().decode({copy.data(), text.size()}, {SourceKind::kHttp, {kNow}}, *this), 3u);
    ASSERT_EQ(refused_.size(), 1u) << first;
    EXPECT_EQ(refused_[0].index, 0u);
    EXPECT_EQ(jsons().size(), 2u);
  }
}

TEST_F(PointDecoderTest, LineThatIsWholeIsAPointWhateverTheNextBeginsWith) {
  for (const std::string next : {"}", "]", ",{}", "}:\"\""}) {
    EXPECT_EQ(decode(R"({"track":"a","chassis":"b"})"
                     "\n" +
                     next),
              2u)
        << next;
    EXPECT_EQ(jsons().size(), 1u) << next;
    EXPECT_EQ(decode(R"({ "track":"a","chassis":"b"})"
                     "\n" +
                     next),
              2u)
        << next;
    EXPECT_EQ(jsons().size(), 1u) << next;
  }
}

TEST_F(PointDecoderTest, NumbersOfManyDigitsAreReadAsTheyAre) {
  for (const char* literal :
       {"0.50000000000000000000", "-0.98000000000000000000", "0.346000000000000030000",
        "0.18446744073709551616", "0.00018446744073709551616", "1.00000000000000000000000",
        "123456789012345678901234567890", "0.5000000000000000000000e3", "0.99999999999999999999"}) {
    decode(fmt::format(R"({{"track":"a","chassis":"b","speed_kmh":{}}})", literal));
    ASSERT_TRUE(refused_.empty()) << literal;
    EXPECT_EQ(value(field::kSpeedKmh), std::strtod(literal, nullptr)) << literal;
  }
}

TEST_F(PointDecoderTest, NullTakesBackWhatItsMemberSaid) {
  for (const char* name : {"track", "chassis"}) {
    decode(fmt::format(R"({{"track":"a","chassis":"b","{}":null}})", name));
    ASSERT_EQ(refused_.size(), 1u) << name;
    EXPECT_EQ(refused_[0].reason, RejectReason::kMissingDimension);
  }
  decode(R"({"track":"a","chassis":"b","rpm":1,"speed_kmh":5,"sector":2,"speed_kmh":null,)"
         R"("sector":null})");
  ASSERT_TRUE(refused_.empty());
  EXPECT_TRUE(std::isnan(value(field::kSpeedKmh)));
  EXPECT_EQ(value(field::kRpm), 1);
  EXPECT_EQ(point().sector, Point::kNoSector);
}

TEST_F(PointDecoderTest, ByteOrderMarkIsPassedOver) {
  const std::string mark = "\xEF\xBB\xBF";
  EXPECT_EQ(decode(mark + R"([{"track":"a","chassis":"b"},{"track":"a","chassis":"c"}])"), 2u);
  EXPECT_TRUE(refused_.empty());
  const std::string lines = mark + R"({"track":"a","chassis":"b"})" + "\n";
  const std::string copy = padded(lines);
  EXPECT_EQ(
      decoder_.json().decode_lines({copy.data(), lines.size()}, {SourceKind::kHttp, {kNow}}, *this),
      1u);
  EXPECT_TRUE(refused_.empty());
}

TEST_F(PointDecoderTest, EscapedNamesAndDimensionsAreUnderstood) {
  decode(R"({"tr\u0061ck":"c\"ota","chassis":"\u00e9","lap":1,"meta_time":1,"speed_kmh":1})");
  ASSERT_TRUE(refused_.empty()) << refused_[0].message;
  EXPECT_EQ(batch().track(point()), "c\"ota");
  EXPECT_EQ(batch().chassis(point()), "\u00e9");
  EXPECT_EQ(value(field::kSpeedKmh), 1);
}

TEST_F(PointDecoderTest, AnotherOrderOfMembersIsLearned) {
  for (int i = 0; i < 3; ++i) {
    decode(R"({"track":"a","chassis":"b","speed_kmh":1,"rpm":2})");
    EXPECT_EQ(value(field::kSpeedKmh), 1);
    EXPECT_EQ(value(field::kRpm), 2);
    decode(R"({"rpm":4,"chassis":"b","speed_kmh":3,"track":"a"})");
    EXPECT_EQ(value(field::kSpeedKmh), 3);
    EXPECT_EQ(value(field::kRpm), 4);
  }
}

TEST_F(PointDecoderTest, OfAMemberGivenTwiceTheLastCounts) {
  decode(R"({"track":"a","chassis":"b","speed_kmh":1,"speed_kmh":2})");
  EXPECT_EQ(value(field::kSpeedKmh), 2);
  EXPECT_EQ(point().value_count, 1);
}

/// What PlainJson takes and what only the full parser takes, side by side: a space makes the
/// difference.
TEST_F(PointDecoderTest, PlainAndSpacedTextGiveTheSameValues) {
  for (const std::string number :
       {"0", "-0", "7", "-7", "1.5", "-0.25", "123.45", "0.1", "9007199254740993",
        "1234567890123456789", "9007199254.740991", "90071992547409.93", "1e3", "1E-3",
        "123456789012345678901", "0.30000000000000004"}) {
    for (const std::string space : {" ", ""}) {
      ASSERT_EQ(decode(R"({"track":"a","chassis":"b",)" + space + R"("v":)" + number + "}"), 1u);
      ASSERT_TRUE(refused_.empty()) << number;
      EXPECT_EQ(batch().values.at(0).value, std::stod(number)) << number;
    }
  }
}

TEST_F(PointDecoderTest, WhatIsAlmostPlainIsRefused) {
  decode(R"({"track":"a","chassis":"b","v":1})");
  ASSERT_TRUE(refused_.empty());
  for (const std::string rest :
       {R"(,"v":01})", R"(,"v":1.})", R"(,"v":.5})", R"(,"v":-})", R"(,"v":--1})", R"(,"v":+1})",
        R"(,"v":1.e3})", R"(,"v":1e})", R"(,"v":0x1})", R"(,"v":1 2})", R"(,"v":1..2})",
        R"(,"v":1)", R"(,"v":1}})", R"(,})", R"( "v":1})", R"(,"v"1})",
        R"(,"v":1}{"track":"a","chassis":"b"})"}) {
    EXPECT_EQ(decode(R"({"track":"a","chassis":"b")" + rest), 1u);
    ASSERT_EQ(refused_.size(), 1u) << rest;
    EXPECT_TRUE(refused_[0].reason == RejectReason::kMalformedJson ||
                refused_[0].reason == RejectReason::kBadNumber)
        << rest;
    EXPECT_TRUE(jsons().empty()) << rest;
  }
}

/// A name that can only be written with escapes is never met as it stands.
TEST_F(PointDecoderTest, ANameWithAQuoteIsNotMistakenForText) {
  EXPECT_EQ(decode(R"({"track":"a","chassis":"b","x\"y":1})"), 1u);
  EXPECT_TRUE(refused_.empty());
  EXPECT_EQ(decode(R"({"track":"a","chassis":"b","x"y":1})"), 1u);
  EXPECT_EQ(refused_.size(), 1u);
}

TEST_F(PointDecoderTest, PlainElementsOfAnArrayGoOnWhereOneIsNot) {
  const std::string good = R"({"track":"a","chassis":"b","v":1})";
  EXPECT_EQ(decode("[" + good + "," + good + ", " + good + "]"), 3u);
  EXPECT_TRUE(refused_.empty());
  EXPECT_EQ(batch().points.size(), 3u);
  EXPECT_EQ(decode("[" + good + "," + R"({"track":"a"})" + "," + good + "]"), 3u);
  ASSERT_EQ(refused_.size(), 1u);
  EXPECT_EQ(refused_[0].index, 1u);
  EXPECT_EQ(batch().points.size(), 2u);
  for (const std::string& end : {std::string(), std::string(","), std::string(",]"),
                                 std::string("]]"), "] " + good, "]" + good}) {
    decode("[" + good + end);
    EXPECT_EQ(refused_.size(), 1u) << end;
  }
}

TEST_F(PointDecoderTest, FieldsBeyondTheLimitAreDroppedAndCounted) {
  std::string text = R"({"track":"a","chassis":"b")";
  for (int i = 0; i < 262; ++i) text += ",\"f" + std::to_string(i) + "\":" + std::to_string(i);
  decode(text + "}");
  EXPECT_EQ(point().value_count, 256);
  EXPECT_EQ(stats_.fields_dropped.value(), 6u);
}

struct RangedTest : PointDecoderTest {
  static SchemaOptions options() {
    SchemaOptions o;
    o.ranges = {{"speed_kmh", {0, 400}}, {"lap", {1, 5}}, {"sector", {0, 3}}};
    o.sequence = "seq";
    o.max_point_bytes = 200;
    return o;
  }
  RangedTest() : PointDecoderTest(options()) {}
};

TEST_F(RangedTest, ConfiguredRangesAndSequenceAndSizeAreKept) {
  decode(R"({"track":"a","chassis":"b","speed_kmh":401})");
  ASSERT_EQ(refused_.size(), 1u);
  EXPECT_EQ(refused_[0].reason, RejectReason::kOutOfRange);
  EXPECT_NE(refused_[0].message.find("speed_kmh"), std::string::npos);
  for (const auto bad : {R"("lap":6)", R"("lap":0)", R"("sector":4)"}) {
    decode(fmt::format(R"({{"track":"a","chassis":"b",{}}})", bad));
    ASSERT_EQ(refused_.size(), 1u) << bad;
    EXPECT_EQ(refused_[0].reason, RejectReason::kOutOfRange);
  }
  // One that is not there, or stands for none, is in no range.
  for (const auto good : {R"("lap":5,"sector":3)", R"("lap":32768)", R"("v":1)"}) {
    decode(fmt::format(R"({{"track":"a","chassis":"b",{}}})", good));
    EXPECT_TRUE(refused_.empty()) << good;
  }
  decode(R"({"track":"a","chassis":"b","speed_kmh":400,"seq":18446744073709551615})");
  ASSERT_TRUE(refused_.empty());
  EXPECT_TRUE(point().has_sequence);
  EXPECT_EQ(point().sequence, 18446744073709551615u);
  EXPECT_EQ(point().value_count, 1);
  decode(R"({"track":"a","chassis":"b","seq":-1})");
  EXPECT_EQ(refused_.at(0).reason, RejectReason::kBadNumber);
  decode(",a," + std::string(200, 'c') + ",1,2,3");
  EXPECT_EQ(refused_.at(0).reason, RejectReason::kTooLarge);
}

TEST_F(PointDecoderTest, WhatOnlyBeginsLikeALiteralIsMalformedNotFatal) {
  for (const auto text :
       {R"({"track":"a","chassis":"b","x":nullx})", R"({"track":"a","chassis":"b","x":[nulla]})",
        R"({"track":"a","chassis":"b","x":truex})", R"({"track":"a","chassis":"b","lap":nul})"}) {
    EXPECT_EQ(decode(text), 1u) << text;
    ASSERT_EQ(refused_.size(), 1u) << text;
    EXPECT_EQ(refused_[0].reason, RejectReason::kMalformedJson) << text;
  }
}

TEST_F(PointDecoderTest, MembersBeyondNumbersAreTold) {
  std::string many;
  for (int i = 0; i < 257; ++i) many += ",\"f" + std::to_string(i) + "\":1";
  const std::pair<std::string, bool> cases[] = {
      {"", false},
      {R"(,"gear":3,"sector":1,"meta_time":"2025-09-04T15:33:20Z")", false},
      {R"(,"lap":null,"meta_time":"")", false},
      {R"(,"rpm":null)", false},
      {R"(,"note":"plain")", true},
      {R"(,"note":"es\"caped")", true},
      {R"(, "gear":"third")", true},
      {R"(,"ok":true)", true},
      {R"(,"gear":false)", true},
      {R"(,"nested":{"x":[1]})", true},
      {R"(,"unknown":null)", true},
      {R"(,"gear":null)", true},
      {many, true},  // of which one is no value
  };
  for (const auto& [members, has_texts] : cases) {
    decode(R"({"track":"a","chassis":"b")" + members + "}");
    ASSERT_TRUE(refused_.empty()) << members;
    EXPECT_EQ(point().has_texts, has_texts) << members;
  }
}

TEST_F(PointDecoderTest, TextOfABatchGrowsByItsPointsAlone) {
  const std::string one =
      R"({"track":"a","chassis":"b","lap":1,"meta_time":"2025-09-04T00:00:00Z"})";
  std::string lines;
  for (int i = 0; i < 100; ++i) lines += one + "\n";
  EXPECT_EQ(decode(lines), 100u);
  EXPECT_EQ(batch().text.size(), 100 * (one.size() + PointBatch::kTextSpare));
}

}  // namespace
}  // namespace slipstream
