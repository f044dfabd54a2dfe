#include <fmt/format.h>
#include <gtest/gtest.h>

#include "codec/point_decoder_fixture.h"

namespace slipstream {
namespace {

struct CsvDecoderTest : PointDecoderTest {};

TEST_F(CsvDecoderTest, CsvLineGivesOnePoint) {
  EXPECT_EQ(decode("2025-09-04T15:33:20Z,cota,GR86-01,4,1200.5,181,0.1,-0.5,12,3.5,6200"), 1u);
  ASSERT_TRUE(refused_.empty());
  EXPECT_EQ(point().lap, 4);
  EXPECT_EQ(value(field::kRpm), 6200);
  EXPECT_EQ(jsons().at(0),
            R"({"meta_time":"2025-09-04T15:33:20Z","track":"cota","chassis":"GR86-01","lap":4,)"
            R"("lapdist_m":1200.5,"speed_kmh":181,"accx_can":0.1,"accy_can":-0.5,)"
            R"("Steering_Angle":12,"pbrake_f":3.5,"rpm":6200,"raw_source":"udp:127.0.0.1:5"})");
}

TEST_F(CsvDecoderTest, EmptyCsvColumnsAndThoseBehindTheLastAreAbsent) {
  decode(",cota,A,,,\n,cota,B,,,,,,,,");
  ASSERT_TRUE(refused_.empty());
  ASSERT_EQ(batch().points.size(), 2u);
  for (const auto& p : batch().points) {
    EXPECT_EQ(p.event_time.ns, kNow);
    EXPECT_EQ(p.lap, 0);
    EXPECT_EQ(p.value_count, 0u);
  }
}

TEST_F(CsvDecoderTest, EveryBadCsvLineHasItsReasonAndNoEffectOnOthers) {
  const std::string good = ",cota,A,1,2,3";
  const std::pair<std::string, RejectReason> cases[] = {
      {"only,three,columns", RejectReason::kMalformedCsv},
      {",cota,A,1,2,3,4,5,6,7,8,9", RejectReason::kMalformedCsv},
      {",\"cota,A,1,2,3", RejectReason::kMalformedCsv},
      {",co\xff"
       "ta,A,1,2,3",
       RejectReason::kMalformedCsv},
      {",,A,1,2,3", RejectReason::kMissingDimension},
      {",cota,,1,2,3", RejectReason::kMissingDimension},
      {",cota,A,one,2,3", RejectReason::kBadNumber},
      {",cota,A,1,2,fast", RejectReason::kBadNumber},
      {",cota,A,1,2,nan", RejectReason::kBadNumber},
      {",cota,A,1,2,inf", RejectReason::kBadNumber},
      {"soon,cota,A,1,2,3", RejectReason::kBadTime},
      {"1757000301,cota,A,1,2,3", RejectReason::kFutureTime},
      {",cota,A,32769,2,3", RejectReason::kOutOfRange},
  };
  for (const auto& [line, reason] : cases) {
    EXPECT_EQ(decode(good + "\n" + line + "\n" + good), 3u) << line;
    ASSERT_EQ(refused_.size(), 1u) << line;
    EXPECT_EQ(refused_[0].index, 1u);
    EXPECT_EQ(to_string(refused_[0].reason), to_string(reason)) << line;
    EXPECT_EQ(jsons().size(), 2u) << line;
  }
}

TEST_F(CsvDecoderTest, AnOpenQuoteCostsNoNeighbour) {
  EXPECT_EQ(decode(",cota,\"A,1,2,3\n,cota,\"B\",1,2,3\n,cota,\"C\"x,1,2,3\n,cota,\"D\",1,2,3"),
            4u);
  ASSERT_EQ(refused_.size(), 2u);
  EXPECT_EQ(refused_[0].index, 0u);
  EXPECT_EQ(refused_[1].index, 2u);
  ASSERT_EQ(batch().points.size(), 2u);
  EXPECT_EQ(batch().chassis(point(0)), "B");
  EXPECT_EQ(batch().chassis(point(1)), "D");
}

TEST_F(CsvDecoderTest, BlanksAreATextsWithinQuotesAlone) {
  decode_table(
      "track,chassis,lap,rpm,note,meta_time\n"
      " cota , \" GR, 86 \" ,\" \",\" 90 \",\" wet \",\" 2025-09-04T15:33:10Z \"\n");
  ASSERT_TRUE(refused_.empty()) << refused_[0].message;
  EXPECT_EQ(batch().track(point()), "cota");
  EXPECT_EQ(batch().chassis(point()), " GR, 86 ");
  EXPECT_EQ(point().lap, 0);
  EXPECT_EQ(value(field::kRpm), 90);
  EXPECT_TRUE(jsons().at(0).contains(R"("note":" wet ","meta_time":"2025-09-04T15:33:10Z")"))
      << jsons().at(0);
}

TEST_F(CsvDecoderTest, CsvNumbersThatJsonDoesNotKnowAreWrittenAnew) {
  decode(",\"co\"\"ta\",A,+1,.5,1e2,5.,007,-.5");
  ASSERT_TRUE(refused_.empty()) << refused_[0].message;
  EXPECT_EQ(
      jsons().at(0).substr(0, 115),
      R"({"track":"co\"ta","chassis":"A","lap":1,"lapdist_m":0.5,"speed_kmh":1e2,"accx_can":5,)"
      R"("accy_can":7,"Steering_Angle":)");
}

TEST_F(CsvDecoderTest, HeaderLineNamesTheColumnsInAnyOrder) {
  decode_table("speed_kmh,chassis,oil_temp,track,weather\n90,A,101.5,cota,dry\n");
  ASSERT_TRUE(refused_.empty()) << refused_[0].message;
  EXPECT_EQ(value(field::kSpeedKmh), 90);
  EXPECT_EQ(value(*schema_.fields().intern("oil_temp")), 101.5);
  EXPECT_NE(jsons().at(0).find(R"("weather":"dry")"), std::string::npos);
}

TEST_F(CsvDecoderTest, RawSourceColumnGivesWayToTheServersOwn) {
  const std::string text = "track,chassis,lap,raw_source\na,b,1,udp:10.0.0.1:5\n";
  decode_table(text);
  decode_table(text, "");
  ASSERT_TRUE(refused_.empty()) << refused_[0].message;
  const auto sent = jsons();
  EXPECT_NE(sent.at(0).find(R"("lap":1,"raw_source":"http:127.0.0.1")"), std::string::npos);
  EXPECT_NE(sent.at(1).find(R"("lap":1,"raw_source":"udp:10.0.0.1:5")"), std::string::npos);
}

TEST_F(CsvDecoderTest, ColumnThatStandsTwiceIsRefused) {
  decode_table("track,chassis,boost,lap,boost\na,b,1,1,2\n");
  ASSERT_EQ(refused_.size(), 1u);
  EXPECT_EQ(refused_[0].reason, RejectReason::kMalformedCsv);
  EXPECT_EQ(refused_[0].message, "the column 'boost' stands twice");
}

TEST_F(CsvDecoderTest, CsvHasTextsWhereItSaysItsSourceOrAColumnIsText) {
  decode("2025-09-04T15:33:20Z,a,b,1,2,3");
  EXPECT_TRUE(point().has_texts);
  const auto has_texts = [&](std::string_view text) {
    for (auto& batch : writer_.open()) batch.reset();
    decoder_.csv().decode(text, {SourceKind::kHttp, {kNow}}, *this);
    return point().has_texts;
  };
  EXPECT_FALSE(has_texts("track,chassis,lap,gear\na,b,1,3\n"));
  EXPECT_FALSE(has_texts("track,chassis,lap,gear\na,b,1,\n"));
  EXPECT_TRUE(has_texts("track,chassis,lap,gear\na,b,1,third\n"));
}

}  // namespace
}  // namespace slipstream
