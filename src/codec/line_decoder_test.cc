#include "codec/line_decoder.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <xxhash.h>

#include "codec/point_decoder.h"

namespace slipstream {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

class LineDecoderTest : public testing::Test, public RejectionSink {
 protected:
  void rejected(std::size_t index, const Rejection& rejection, std::string_view sample) override {
    refused_.push_back({index, rejection.reason, rejection.message, std::string(sample)});
  }
  std::size_t decode(const std::string& text, std::int64_t unit_ns = 1) {
    clear();
    return decoder_.lines().decode(
        text, {.source = SourceKind::kHttp, .arrival = {kNow}, .timestamp_unit_ns = unit_ns},
        *this);
  }
  std::size_t decode_any(std::string text) {
    clear();
    text.reserve(text.size() + JsonDecoder::kPadding);
    return decoder_.decode(text, {SourceKind::kUdp, {kNow}, "udp:127.0.0.1:5"}, *this);
  }
  void clear() {
    refused_.clear();
    for (auto& batch : writer_.open()) batch.reset();
  }
  std::size_t taken() { return writer_.open().at(0) ? batch().points.size() : 0; }
  const PointBatch& batch() { return *writer_.open().at(0); }
  const Point& point(std::size_t i = 0) { return batch().points.at(i); }
  std::string json(std::size_t i = 0) { return std::string(batch().json(point(i))); }
  RejectReason reason_of(const std::string& line) {
    EXPECT_EQ(decode(line), 1u) << line;
    EXPECT_EQ(refused_.size(), 1u) << line;
    return refused_.empty() ? RejectReason::kEmpty : refused_[0].reason;
  }

  struct Refused {
    std::size_t index;
    RejectReason reason;
    std::string message;
    std::string sample;
  };
  static constexpr std::int64_t kNow = 1'757'000'000'000'000'000;
  Schema schema_{{.sequence = "seq"}};
  IngestStats stats_;
  BatchPool pool_;
  BatchWriter writer_{1, pool_};
  PointDecoder decoder_{schema_, stats_, writer_};
  std::vector<Refused> refused_;
};

TEST_F(LineDecoderTest, LineGivesOnePointWithTagsFieldsAndTime) {
  EXPECT_EQ(decode("cota,chassis=GR86-01,driver=Ann\\ B lap=3i,sector=2u,speed_kmh=101.5,boost=2e1,"
                   "drs=t,note=\"a \\\"b\\\", c\nd\",seq=9i 1756999999123456789\n"),
            1u);
  ASSERT_THAT(refused_, IsEmpty());
  EXPECT_EQ(json(), R"({"track":"cota","chassis":"GR86-01","driver":"Ann B","lap":3,"sector":2,)"
                    R"("speed_kmh":101.5,"boost":2e1,"drs":true,"note":"a \"b\", c\nd","seq":9,)"
                    R"("meta_time":"2025-09-04T15:33:19.123456789Z","tags":{"driver":"Ann B"}})");
  EXPECT_EQ(batch().track(point()), "cota");
  EXPECT_EQ(batch().chassis(point()), "GR86-01");
  EXPECT_EQ(point().lap, 3);
  EXPECT_EQ(point().sector, 2);
  EXPECT_EQ(point().sequence, 9u);
  EXPECT_EQ(point().event_time.ns, 1'756'999'999'123'456'789);
  EXPECT_EQ(batch().value_or_nan(point(), field::kSpeedKmh), 101.5);
  EXPECT_EQ(batch().value_or_nan(point(), *schema_.fields().intern("boost")), 20);
}

TEST_F(LineDecoderTest, TrackTagOrStringWinsOverTheMeasurement) {
  decode(
      "car,track=barber,chassis=a rpm=1\ncar,chassis=b track=\"cota\",rpm=1\nlong\\ "
      "beach,chassis=c rpm=1");
  ASSERT_EQ(taken(), 3u);
  EXPECT_EQ(batch().track(point(0)), "barber");
  EXPECT_EQ(batch().track(point(1)), "cota");
  EXPECT_EQ(batch().track(point(2)), "long beach");
  EXPECT_THAT(json(0), HasSubstr(R"("measurement":"car")"));
  EXPECT_THAT(json(2), testing::Not(HasSubstr("measurement")));
  decode("car,track=barber,chassis=a,measurement=own rpm=1");
  EXPECT_THAT(json(), HasSubstr(R"("measurement":"own")"));
  EXPECT_THAT(json(), testing::Not(HasSubstr("car")));
}

TEST_F(LineDecoderTest, ANumberCalledAsTheTrackOrTheMachineIsAField) {
  for (const auto* const line :
       {"gps,host=h track=187.5,speed=3", "gps,host=h speed=3,track=187.5"}) {
    decode(line);
    ASSERT_EQ(taken(), 1u) << line;
    EXPECT_EQ(batch().track(point()), "gps");
    EXPECT_EQ(batch().value_or_nan(point(), *schema_.fields().intern("track")), 187.5);
    EXPECT_THAT(json(), testing::Not(HasSubstr("187.5")));
  }
  decode("gps,track=cota,chassis=c track=187.5,chassis=true");
  ASSERT_EQ(taken(), 1u);
  EXPECT_EQ(batch().track(point()), "cota");
  EXPECT_EQ(batch().chassis(point()), "c");
}

TEST_F(LineDecoderTest, TheMachineIsTheFirstTagThatNamesOneElseAllTagsElseTheMeasurement) {
  struct Case {
    std::string line;
    std::string chassis;
  };
  for (const auto& [line, chassis] :
       {Case{"m,id=i,entity_id=e,device_id=d,device=v,host=h x=1", "h"},
        Case{"m,id=i,entity_id=e,device_id=d,device=v x=1", "v"},
        Case{"m,id=i,entity_id=e,device_id=d x=1", "d"}, Case{"m,id=i,entity_id=e x=1", "e"},
        Case{"m,zone=a,id=i x=1", "i"}, Case{"m,zone=b,area=a x=1", "area=a,zone=b"},
        Case{"m,area=1\\,2 x=1", "area=1,2"}, Case{"m x=1", "m"},
        Case{"m,host=h chassis=\"c\",x=1", "c"}, Case{"m,chassis=c,host=h x=1", "c"},
        Case{"m,host=a,host=b x=1", "b"}, Case{"m,zone=a,zone=b x=1", "zone=b"},
        Case{"m,zone=a host=\"h\",x=1", "zone=a"}}) {
    decode(line);
    ASSERT_EQ(taken(), 1u) << line;
    EXPECT_EQ(batch().chassis(point()), chassis) << line;
    EXPECT_EQ(batch().track(point()), "m") << line;
  }
  decode("m,host=web01 x=1");
  EXPECT_EQ(json(), R"({"track":"m","chassis":"web01","x":1,"lap":0,)"
                    R"("meta_time":"2025-09-04T15:33:20Z"})");
}

TEST_F(LineDecoderTest, AMachineOfManyTagsEndsInAHash) {
  const std::string longest(126, 'v');  // with its name and the sign, 128 bytes
  decode("m,a=" + longest + " x=1");
  EXPECT_EQ(batch().chassis(point()), "a=" + longest);
  decode("m,b=w,a=" + longest + " x=1");
  ASSERT_EQ(taken(), 1u);
  const std::string name(batch().chassis(point()));
  const std::string whole = "a=" + longest + ",b=w";
  EXPECT_EQ(name, fmt::format("{}~{:016x}", whole.substr(0, 111),
                              XXH3_64bits(whole.data(), whole.size())));
  EXPECT_EQ(name.size(), 128u);
  std::string umlauts;
  for (int i = 0; i < 80; ++i) umlauts += "\u00e4";
  decode("m,ab=" + umlauts + " x=1");  // the 111th byte would be half of one
  ASSERT_EQ(taken(), 1u);
  EXPECT_EQ(batch().chassis(point()).size(), 128u);
  decode("m,a=" + umlauts + " x=1");
  ASSERT_EQ(taken(), 1u);
  EXPECT_EQ(batch().chassis(point()).size(), 127u);
}

/// As the programs named here send them, by their settings as they come.
TEST_F(LineDecoderTest, LinesOfCommonCollectorsAreTakenAsTheyAre) {
  struct Case {
    std::string program;
    std::string line;
    std::string track;
    std::string chassis;
  };
  for (const auto& [program, line, track, chassis] :
       {Case{"Telegraf", "cpu,cpu=cpu0,host=web01 usage_user=1.2,usage_system=0.4,usage_idle=98.3",
             "cpu", "web01"},
        Case{"Telegraf",
             "mem,host=web01 total=8250474496u,available=6123401216u,used_percent=21.4,slab=0i",
             "mem", "web01"},
        Case{"Telegraf", "disk,device=sda1,fstype=ext4,host=web01,mode=rw,path=/ free=1i", "disk",
             "web01"},
        Case{"Telegraf", "system,host=web01 uptime_format=\"3 days,  2:11\"", "system", "web01"},
        Case{"Home Assistant",
             "\u00b0C,domain=sensor,entity_id=living_room "
             "device_class_str=\"temperature\",friendly_name_str=\"Living room\",value=21.5",
             "\u00b0C", "living_room"},
        Case{"Home Assistant",
             "km/h,domain=sensor,entity_id=wind\\ speed state=\"12.1\",value=12.1", "km/h",
             "wind speed"},
        Case{"Home Assistant", "binary_sensor.door,domain=binary_sensor,entity_id=door value=0",
             "binary_sensor.door", "door"},
        Case{"Proxmox", "system,object=nodes,host=pve cpuload=0.01,uptime=8921,blockstat=true",
             "system", "pve"},
        Case{"Proxmox",
             "system,object=qemu,vmid=100,nodename=pve,host=gateway,type=qemu cpu=0.02,mem=1024",
             "system", "gateway"},
        Case{"collectd", "cpu,host=web01,instance=0,type=percent,type_instance=idle value=97.9",
             "cpu", "web01"},
        Case{"collectd", "interface,host=web01,instance=eth0,type=if_octets rx=10i,tx=20i",
             "interface", "web01"},
        Case{"ESPHome", "temperature,device=garden value=21.5", "temperature", "garden"},
        Case{"ESPHome", "garden_temperature value=21.5", "garden_temperature",
             "garden_temperature"}}) {
    EXPECT_EQ(decode(line + " 1756999999000000000\n"), 1u) << line;
    ASSERT_THAT(refused_, IsEmpty()) << program << ": " << refused_[0].message;
    EXPECT_EQ(batch().track(point()), track) << line;
    EXPECT_EQ(batch().chassis(point()), chassis) << line;
    EXPECT_EQ(point().event_time.ns, 1'756'999'999'000'000'000);
    EXPECT_EQ(decode_any(line + " 1756999999000000000\n"), 1u) << "by UDP: " << line;
    EXPECT_THAT(refused_, IsEmpty()) << line;
    EXPECT_EQ(batch().chassis(point()), chassis) << "by UDP: " << line;
  }
}

TEST_F(LineDecoderTest, TimestampHasItsUnitAndIsTheArrivalWhereMissing) {
  struct Case {
    std::string stamp;
    std::int64_t unit;
    std::int64_t ns;
  };
  for (const auto& [stamp, unit, ns] :
       {Case{" 1756999999", kNsPerSecond, 1'756'999'999'000'000'000},
        Case{" 1756999999123", kNsPerMs, 1'756'999'999'123'000'000},
        Case{" 1756999999123456", kNsPerUs, 1'756'999'999'123'456'000},
        Case{" 7", kNsPerSecond, 7'000'000'000}, Case{"", kNsPerSecond, kNow},
        Case{"   ", kNsPerSecond, kNow}, Case{" -1", 1, -1}, Case{" -1", kNsPerMs, -1'000'000},
        Case{" -2", 3'600 * kNsPerSecond, -7'200'000'000'000},
        Case{" -1756999999123", 0, -1'756'999'999'123'000'000},
        Case{" -9214560000", kNsPerSecond, -9'214'560'000'000'000'000}}) {
    decode("cota,chassis=a rpm=1" + stamp, unit);
    ASSERT_EQ(taken(), 1u) << stamp;
    EXPECT_EQ(point().event_time.ns, ns) << stamp;
  }
  decode("cota,chassis=a meta_time=\"2025-09-04T15:33:19Z\",rpm=1");
  EXPECT_EQ(point().event_time.ns, 1'756'999'999'000'000'000);
  decode("cota,chassis=a meta_time=1756999998i,rpm=1 1756999999000000000");
  EXPECT_EQ(point().event_time.ns, 1'756'999'999'000'000'000) << "the timestamp wins";
}

TEST_F(LineDecoderTest, ATimestampBefore1970IsATimeAndOneBefore1678IsNone) {
  decode("cota,chassis=a rpm=1 -1", kNsPerSecond);
  ASSERT_EQ(taken(), 1u);
  EXPECT_THAT(json(), HasSubstr(R"("meta_time":"1969-12-31T23:59:59Z")"));
  struct Case {
    const char* stamp;
    std::int64_t unit;
  };
  for (const auto& [stamp, unit] :
       {Case{"-9214560000000000001", 1}, Case{"-9214560001", kNsPerSecond}, Case{"-9214560001", 0},
        Case{"-9223372036854775808", 0}, Case{"-9223372036854775807", 3'600 * kNsPerSecond}}) {
    decode(std::string("cota,chassis=a rpm=1 ") + stamp, unit);
    ASSERT_EQ(refused_.size(), 1u) << stamp;
    EXPECT_EQ(refused_[0].reason, RejectReason::kBadTime) << stamp;
  }
}

TEST_F(LineDecoderTest, BackslashesEscapeWhatTheyStandBeforeOrAreThemselves) {
  decode(R"(long\ beach,chassis=a\,b\=c\ d,host=\\srv\x,a\ b=1 c\,d\=e=1,f\g=2)");
  ASSERT_EQ(taken(), 1u) << refused_[0].message;
  EXPECT_EQ(batch().track(point()), "long beach");
  EXPECT_EQ(batch().chassis(point()), "a,b=c d");
  EXPECT_THAT(json(), HasSubstr(R"("host":"\\\\srv\\x","a b":"1","c,d=e":1,"f\\g":2)"));
  // By the table of the reference: so many make so many.
  for (std::size_t given = 1; given <= 6; ++given) {
    const std::size_t made = (given + 1) / 2;
    decode("cota,chassis=a note=\"x" + std::string(given, '\\') + "y\"");
    ASSERT_EQ(taken(), 1u) << given;
    EXPECT_THAT(json(), HasSubstr("\"x" + std::string(2 * made, '\\') + "y\"")) << given;
  }
  decode(R"(cota,chassis=a note="C:\",rpm=1)");
  EXPECT_EQ(taken(), 0u) << "what closes the string is escaped";
}

TEST_F(LineDecoderTest, ABooleanHasTenSpellingsAndAnIntegerSixtyFourBits) {
  decode("cota,chassis=a a=t,b=T,c=true,d=True,e=TRUE,f=f,g=F,h=false,i=False,j=FALSE");
  ASSERT_EQ(taken(), 1u) << refused_[0].message;
  EXPECT_THAT(json(), HasSubstr(R"("a":true,"b":true,"c":true,"d":true,"e":true,"f":false,)"
                                R"("g":false,"h":false,"i":false,"j":false)"));
  decode("cota,chassis=a a=9223372036854775807i,b=-9223372036854775808i,c=18446744073709551615u");
  ASSERT_EQ(taken(), 1u) << refused_[0].message;
  EXPECT_THAT(json(), HasSubstr(R"("a":9223372036854775807,"b":-9223372036854775808,)"
                                R"("c":18446744073709551615)"));
}

TEST_F(LineDecoderTest, TabsBesideABlankAreNoPartOfAName) {
  decode("cota,chassis=a \t rpm=1 \t1756999999000000000");
  ASSERT_EQ(taken(), 1u) << refused_[0].message;
  EXPECT_EQ(batch().value_or_nan(point(), field::kRpm), 1);
  EXPECT_EQ(point().event_time.ns, 1'756'999'999'000'000'000);
}

TEST_F(LineDecoderTest, CarriageReturnsBeforeALineFeedOrTheEndAreNoPartOfALine) {
  EXPECT_EQ(decode("cota,chassis=a rpm=1\r\ncota,chassis=b rpm=1 5\r\r\n\rcota,chassis=c "
                   "note=\"x\ry\" \r\n"
                   "cota,chassis=d drs=t\r"),
            4u);
  EXPECT_EQ(taken(), 4u);
  EXPECT_THAT(json(2), HasSubstr(R"("note":"x\ry")"));
}

TEST_F(LineDecoderTest, TagsAreReadAsNumbersWhereTheSchemaWantsThem) {
  decode("cota,chassis=a,lap=4,speed_kmh=90,year=2025 rpm=1");
  ASSERT_EQ(taken(), 1u);
  EXPECT_EQ(point().lap, 4);
  EXPECT_EQ(batch().value_or_nan(point(), field::kSpeedKmh), 90);
  EXPECT_THAT(json(), HasSubstr(R"("lap":4,"speed_kmh":90,"year":"2025")"));
}

TEST_F(LineDecoderTest, OfANameThatComesTwiceTheLastCounts) {
  decode("cota,chassis=a,rpm=5 rpm=1,rpm=2");
  EXPECT_EQ(json(), R"({"track":"cota","chassis":"a","rpm":2,"lap":0,)"
                    R"("meta_time":"2025-09-04T15:33:20Z"})");
}

TEST_F(LineDecoderTest, EachBadLineIsRefusedAloneWithItsReason) {
  struct Case {
    const char* line;
    RejectReason reason;
  };
  for (const auto& [line, reason] : {
           Case{"cota", RejectReason::kMalformedCsv},
           Case{"cota,chassis=a", RejectReason::kMalformedCsv},
           Case{",chassis=a rpm=1", RejectReason::kMalformedCsv},
           Case{"cota,chassis rpm=1", RejectReason::kMalformedCsv},
           Case{"cota,chassis= rpm=1", RejectReason::kMalformedCsv},
           Case{"cota,=a rpm=1", RejectReason::kMalformedCsv},
           Case{"cota,chassis=a rpm", RejectReason::kMalformedCsv},
           Case{"cota,chassis=a rpm=", RejectReason::kMalformedCsv},
           Case{"cota,chassis=a rpm=1.5i", RejectReason::kMalformedCsv},
           Case{"cota,chassis=a rpm=-1u", RejectReason::kMalformedCsv},
           Case{"cota,chassis=a rpm=9223372036854775808i", RejectReason::kMalformedCsv},
           Case{"cota,chassis=a rpm=18446744073709551616u", RejectReason::kMalformedCsv},
           Case{"cota,chassis=a\rcota,chassis=b rpm=1", RejectReason::kMalformedCsv},
           Case{"cota,chassis=a rpm=1\rcota,chassis=b rpm=1", RejectReason::kMalformedCsv},
           Case{"cota,chassis=a rpm=1 5\rcota,chassis=b rpm=1", RejectReason::kMalformedCsv},
           Case{"cota,chassis=a rpm=1,", RejectReason::kMalformedCsv},
           Case{"cota,chassis=a note=\"x", RejectReason::kMalformedCsv},
           Case{"cota,chassis=a note=\"x\"y", RejectReason::kMalformedCsv},
           Case{"cota,chassis=a rpm=1 soon", RejectReason::kMalformedCsv},
           Case{"cota,chassis=a rpm=1 1 2", RejectReason::kMalformedCsv},
           Case{"cota,chassis=a\xff rpm=1", RejectReason::kMalformedCsv},
           Case{"cota chassis=\"\"", RejectReason::kMissingDimension},
           Case{"cota,chassis=a rpm=fast", RejectReason::kBadNumber},
           Case{"cota,chassis=a rpm=\"5\"x", RejectReason::kMalformedCsv},
           Case{"cota,chassis=a rpm=NaN", RejectReason::kBadNumber},
           Case{"cota,chassis=a rpm=1e999", RejectReason::kBadNumber},
           Case{"cota,chassis=a,speed_kmh=fast rpm=1", RejectReason::kBadNumber},
           Case{"cota,chassis=a rpm=true", RejectReason::kBadNumber},
           Case{"cota,chassis=a lap=40000i", RejectReason::kOutOfRange},
           Case{"cota,chassis=a lap=1.5", RejectReason::kBadNumber},
           Case{"cota,chassis=a rpm=1 -9223372036854775808", RejectReason::kBadTime},
           Case{"cota,chassis=a rpm=1 7000000000000000000", RejectReason::kFutureTime},
           Case{"cota,chassis=a meta_time=\"noon\",rpm=1", RejectReason::kBadTime},
       }) {
    EXPECT_EQ(reason_of(line), reason) << line << ": " << refused_.at(0).message;
    decode(std::string("cota,chassis=before rpm=1\n") + line + "\ncota,chassis=after rpm=1\n");
    EXPECT_EQ(taken(), 2u) << line;
    EXPECT_EQ(refused_.at(0).index, 1u) << line;
    EXPECT_EQ(refused_.at(0).sample, line);
  }
  EXPECT_EQ(decode("cota,chassis=a note=\"" + std::string(70'000, 'n') + "\""), 1u);
  EXPECT_EQ(refused_.at(0).reason, RejectReason::kTooLarge);
}

TEST_F(LineDecoderTest, WhatAStringHoldsIsNoLineWhateverIsWrongBehindIt) {
  const std::string held = "cota,chassis=held rpm=1";
  for (const std::string wrong : {",lap=", ",lap=1.5i", " soon", ","}) {
    const auto line = "cota,chassis=a note=\"one\n" + held + "\ntwo\"" + wrong;
    EXPECT_EQ(decode(line + "\n" + held), 2u) << line;
    EXPECT_EQ(taken(), 1u) << line;
    ASSERT_EQ(refused_.size(), 1u) << line;
    EXPECT_EQ(refused_[0].sample, line);
  }
  // A quote that is not closed makes no string of its neighbours.
  EXPECT_EQ(decode("cota,chassis=a note=\"one\ncota,chassis=b note=\"two\"\n" + held), 3u);
  EXPECT_EQ(taken(), 2u);
}

TEST_F(LineDecoderTest, BlankLinesAndCommentsAreNoPoints) {
  EXPECT_EQ(
      decode("\n# a comment, with=equals\n\r\ncota,chassis=a rpm=1\r\n#\ncota,chassis=b rpm=1"),
      2u);
  EXPECT_EQ(taken(), 2u);
  EXPECT_EQ(decode(" \n# nothing\n"), 0u);
}

TEST_F(LineDecoderTest, TextIsToldFromCsvByItsShape) {
  for (const auto lines : {"cota,chassis=a rpm=1", "# c\ncota,chassis=a rpm=1",
                           "\ncota,chassis=a rpm=1 1756999999000000000", "cota chassis=\"a\",rpm=1",
                           "long\\ beach,chassis=a rpm=1"}) {
    EXPECT_EQ(decode_any(lines), 1u) << lines;
    EXPECT_EQ(taken(), 1u) << lines;
    EXPECT_THAT(json(), testing::Not(HasSubstr("raw_source"))) << lines;
  }
  for (const auto csv :
       {"2025-09-04T15:33:19Z,cota,a,1,10,100", "2025-09-04 15:33:19,cota,a,1,10,100",
        ",cota,a b=c,1,10,100", "\"2025-09-04 15:33:19\",cota,a,1,10,100"}) {
    EXPECT_EQ(decode_any(csv), 1u) << csv;
    EXPECT_EQ(taken(), 1u) << csv;
    EXPECT_THAT(json(), HasSubstr("raw_source")) << csv;
  }
}

}  // namespace
}  // namespace slipstream
