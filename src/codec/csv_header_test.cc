#include <fmt/format.h>
#include <gmock/gmock.h>

#include "codec/point_decoder_fixture.h"

namespace slipstream {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

const std::string kTime = "2025-09-04T15:33:10Z";
constexpr std::int64_t kTimeNs = 1'756'999'990'000'000'000;  // it is not the arrival's

/// What the first row of a CSV text makes of the others; by a datagram, which follows the same rule
/// as a body.
struct CsvHeaderTest : PointDecoderTest {
  explicit CsvHeaderTest(SchemaOptions options = {}) : PointDecoderTest(std::move(options)) {}

  std::optional<double> field(std::string_view name) {
    const auto value = batch().value_or_nan(point(), *schema_.fields().intern(name));
    return std::isnan(value) ? std::nullopt : std::optional(value);
  }
  /// The text is refused as a whole, for this.
  std::string refusal(std::string_view text) {
    EXPECT_EQ(decode(text), 1u) << text;
    EXPECT_TRUE(jsons().empty()) << text;
    EXPECT_EQ(refused_.size(), 1u) << text;
    if (refused_.empty()) return {};
    EXPECT_EQ(refused_[0].reason, RejectReason::kMalformedCsv);
    return refused_[0].message;
  }
  void expect_car7(std::string_view text) {
    SCOPED_TRACE(text);
    EXPECT_EQ(decode(text), 1u);
    ASSERT_TRUE(refused_.empty()) << refused_[0].message;
    EXPECT_EQ(batch().track(point()), "monza");
    EXPECT_EQ(batch().chassis(point()), "CAR7");
    EXPECT_EQ(point().event_time.ns, kTimeNs);
    EXPECT_EQ(point().lap, 1);
    EXPECT_EQ(value(field::kSpeedKmh), 250.5);
    EXPECT_EQ(value(field::kLapdistM), 1000);
    EXPECT_FALSE(jsons().at(0).contains("Chassis"));
    EXPECT_TRUE(jsons().at(0).contains(R"("chassis":"CAR7")")) << jsons().at(0);
  }
};

TEST_F(CsvHeaderTest, NamesColumnsBehindAnyPreambleInAnyCaseByAnyDelimiter) {
  const std::string header = "meta_time,chassis,track,lap,speed_kmh,lapdist_m\n";
  const std::string row = kTime + ",CAR7,monza,1,250.5,1000\n";
  expect_car7(header + row);
  expect_car7("#Encoding: UTF-8\n" + header + row);
  expect_car7("sep=,\r\n\r\n" + header + row);
  expect_car7("\xef\xbb\xbf" + header + row);
  expect_car7("Meta_Time,Chassis,TRACK,Lap,Speed_KMH,LapDist_M\n" + row);
  expect_car7("timestamp,car,circuit,lap number,Speed (km/h),Lap Distance [m]\n" + row);
  expect_car7("\"time\",\"Vehicle\",\"Track\",\"Lap\",\"Speed\",\"Distance\"\n" + row);
  expect_car7("# " + header + row);
  const std::string german =
      "meta_time;chassis;track;lap;speed_kmh;lapdist_m\n" + kTime + ";CAR7;monza;1;250,5;1000,0\n";
  expect_car7(german);
  expect_car7("sep=;\n" + german);
  expect_car7("meta_time, \"chassis\", \"track\",lap,speed_kmh,lapdist_m\n" + kTime +
              ", \"CAR7\", \"monza\", \"1\",250.5,1000\n");
  expect_car7("\"Speed;\nkm/h\",meta_time,chassis,track,lap,lapdist_m\n250.5," + kTime +
              ",CAR7,monza,1,1000\n");
  std::string macintosh = "# by hand\n" + header + "\n" + row;
  std::ranges::replace(macintosh, '\n', '\r');
  expect_car7(macintosh);
  std::string tabs = header + row;
  std::ranges::replace(tabs, ',', '\t');
  expect_car7(tabs);
}

TEST_F(CsvHeaderTest, OneThatCannotBeMappedRefusesTheTextAndSaysWhy) {
  EXPECT_THAT(refusal("meta_time,name,track,lap\n" + kTime + ",A,cota,1\n" + kTime + ",B,cota,1\n"),
              AllOf(HasSubstr("no column for 'chassis' (or car, vehicle, driver)"),
                    HasSubstr("separated by commas, are 'meta_time', 'name', 'track', 'lap'"),
                    Not(HasSubstr("'track' (or"))));
  EXPECT_THAT(refusal("wann;wo;wer;runde;strecke;tempo\n" + kTime + ";cota;A;1;2;3\n"),
              AllOf(HasSubstr("'track' (or circuit, venue, track_name), and none for 'chassis'"),
                    HasSubstr("separated by semicolons, are 'wann', 'wo'")));
  EXPECT_THAT(refusal("track,chassis,boost,boost\ncota,A,1,2\n"),
              HasSubstr("the column 'boost' stands twice"));
  // Not even a foreign header is read by position.
  refusal("hello world\n");
}

TEST_F(CsvHeaderTest, OneThatCannotBeCutIsNotGuessedAt) {
  for (const std::string header : {"track,\"chassis\"x,lap", "track,chassis,\"lap"}) {
    EXPECT_THAT(refusal(header + "\ncota,A,1\n"), HasSubstr("a quote is not closed")) << header;
  }
}

TEST_F(CsvHeaderTest, LinesByPositionAreNoHeader) {
  for (const std::string& line :
       {kTime + ",cota,A,1,2,3", std::string(",cota,A,,,"), std::string("soon,cota,A,1,2,3"),
        std::string(",cota,A,one,2,3"), std::string("1757000000,track,chassis,lap,1,2")}) {
    EXPECT_EQ(decode(line + "\n" + kTime + ",cota,B,1,2,3"), 2u) << line;
    EXPECT_GE(jsons().size(), 1u) << line;
  }
}

TEST_F(CsvHeaderTest, OfTwoNamesForOneThingTheConfiguredOneWins) {
  decode("time,meta_time,car,chassis,track,speed,speed_kmh,Speed_kmh\n1757000001," + kTime +
         ",44,A,cota,1,2,3\n");
  ASSERT_TRUE(refused_.empty()) << refused_[0].message;
  EXPECT_EQ(batch().chassis(point()), "A");
  EXPECT_EQ(point().event_time.ns, kTimeNs);
  EXPECT_EQ(value(field::kSpeedKmh), 2);
  EXPECT_EQ(field("time"), 1'757'000'001);
  EXPECT_EQ(field("car"), 44);
  EXPECT_EQ(field("speed"), 1);
  EXPECT_EQ(field("Speed_kmh"), 3);
  decode("ts,timestamp,driver,car,track\n1757000001," + kTime + ",B,A,cota\n");
  EXPECT_EQ(point().event_time.ns, kTimeNs);
  EXPECT_EQ(batch().chassis(point()), "A");
  EXPECT_TRUE(jsons().at(0).contains(R"("driver":"B")"));
}

TEST_F(CsvHeaderTest, ATimeThatCountsFromTheStartIsAFieldUnderANameThatIsNotTheConfiguredOne) {
  decode("Time,car,track\n12.5,A,cota\n");
  ASSERT_TRUE(refused_.empty()) << refused_[0].message;
  EXPECT_EQ(field("Time"), 12.5);
  EXPECT_EQ(point().event_time.ns, kNow) << "the arrival's";
  decode("meta_time,car,track\n12.5,A,cota\n");
  EXPECT_EQ(point().event_time.ns, 12'500'000'000);
}

TEST_F(CsvHeaderTest, AnotherColumnIsTheTimeWhereTheFirstSaysNoneOfToday) {
  for (const std::string& text :
       std::vector<std::string>{"time,ts,car,track\n0.1," + kTime + ",A,t\n",
                                "timestamp,time,car,track\n12.5," + kTime + ",A,t\n",
                                "meta_time,timestamp,car,track\n," + kTime + ",A,t\n",
                                "time,date_time,ts,car,track\n1,2020-01-01," + kTime + ",A,t\n"}) {
    EXPECT_EQ(decode(text), 1u) << text;
    ASSERT_TRUE(refused_.empty()) << refused_[0].message;
    EXPECT_EQ(point().event_time.ns, kTimeNs) << text;
    EXPECT_TRUE(jsons().at(0).contains("\"meta_time\":\"" + kTime + "\"")) << jsons().at(0);
  }
}

TEST_F(CsvHeaderTest, AFirstRowOfEndlessCellsIsRefusedAtOnce) {
  EXPECT_THAT(refusal(std::string(600, ',')), HasSubstr("601 columns, at most 512"));
  EXPECT_EQ(decode(std::string(5'000'000, ',')), 1u);
  ASSERT_EQ(refused_.size(), 1u);
  EXPECT_EQ(refused_[0].reason, RejectReason::kTooLarge);
}

TEST_F(CsvHeaderTest, AFirstRowThatIsTooLargeIsRefusedAlone) {
  EXPECT_EQ(decode(",cota," + std::string(70'000, 'x') + ",1,2,3\n,cota,A,1,2,3\n"), 2u);
  ASSERT_EQ(refused_.size(), 1u);
  EXPECT_EQ(refused_[0].reason, RejectReason::kTooLarge);
  EXPECT_EQ(batch().chassis(point()), "A");
}

TEST_F(CsvHeaderTest, AMillionBlankLinesAreNone) {
  std::string text = "track,chassis\n";
  for (int i = 0; i < 1'000'000; ++i) text += " \n";
  EXPECT_EQ(decode(text + "t,A\n"), 1u);
  EXPECT_TRUE(refused_.empty());
}

TEST_F(CsvHeaderTest, ARowThatIsCutIsRefusedAndAnEmptyCellIsAbsent) {
  const std::string header = "track,chassis,lap,lapdist_m,speed_kmh,oil,rpm\n";
  EXPECT_EQ(decode(header + "cota,A,1,14,2\ncota,B,1,14,2,3,4\ncota,C,1"), 3u);
  ASSERT_EQ(refused_.size(), 2u);
  EXPECT_EQ(refused_[0].reason, RejectReason::kMalformedCsv);
  EXPECT_THAT(refused_[0].message, HasSubstr("5 columns, separated by commas: the header has 7"));
  EXPECT_EQ(refused_[1].index, 2u);
  decode(header + "cota,A,,14,,,\n");
  ASSERT_TRUE(refused_.empty()) << refused_[0].message;
  EXPECT_EQ(point().lap, 0);
  EXPECT_EQ(value(field::kLapdistM), 14);
  EXPECT_FALSE(field("speed_kmh") || field("oil") || field("rpm"));
  EXPECT_FALSE(jsons().at(0).contains("rpm"));
}

TEST_F(CsvHeaderTest, DelimitersAtTheEndAndColumnsWithoutAName) {
  decode("track,chassis,boost,\ncota,A,1\ncota,B,2,\ncota,C,3,,\ncota,D,4,x\n");
  ASSERT_EQ(refused_.size(), 1u);
  EXPECT_EQ(refused_[0].index, 3u);
  decode(",track,chassis,boost\n0,cota,A,1\n");
  ASSERT_TRUE(refused_.empty()) << refused_[0].message;
  EXPECT_EQ(field("column_1"), 0);
}

TEST_F(CsvHeaderTest, TheTrackMayBeKnownOtherwise) {
  const std::string text = padded("time,car,speed\n" + kTime + ",A,90\n");
  EXPECT_EQ(
      decoder_.csv().decode(
          {text.data(), text.size() - JsonDecoder::kPadding},
          {.source = SourceKind::kHttp, .arrival = {kNow}, .is_body = true, .track = "barber"},
          *this),
      1u);
  ASSERT_TRUE(refused_.empty()) << refused_[0].message;
  EXPECT_EQ(batch().track(point()), "barber");
  EXPECT_TRUE(jsons().at(0).contains(R"("track":"barber")"));
}

struct OldCsv : CsvHeaderTest {
  OldCsv()
      : CsvHeaderTest({.csv = {.empty_is_zero = true,
                               .columns = {{"Fahrzeug", "chassis"}, {"Öl", "oil_temp"}}}}) {}
};

TEST_F(OldCsv, EmptyCellsAreZeroWhereThatIsAskedFor) {
  decode(",cota,A,,,\n");
  ASSERT_TRUE(refused_.empty()) << refused_[0].message;
  EXPECT_EQ(value(field::kSpeedKmh), 0);
  EXPECT_EQ(value(field::kRpm), 0);
  decode("track,chassis,rpm,oil\ncota,A,,\n");
  EXPECT_EQ(value(field::kRpm), 0);
  EXPECT_FALSE(field("oil"));
}

TEST_F(OldCsv, ConfiguredColumnsAreKnown) {
  decode("FAHRZEUG;Track;Öl\nA;cota;101,5\n");
  ASSERT_TRUE(refused_.empty()) << refused_[0].message;
  EXPECT_EQ(batch().chassis(point()), "A");
  EXPECT_EQ(field("oil_temp"), 101.5);
}

}  // namespace
}  // namespace slipstream
