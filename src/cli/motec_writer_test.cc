#include "cli/motec_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/iso_time.h"
#include "cli/motec_names.h"
#include "cli/motec_testing.h"

namespace slipstream {
namespace {

using motec_testing::attributes_of;
using motec_testing::read_motec;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

MotecLog small_log() {
  return {.began = {parse_iso_time("2025-09-04T15:33:20.750Z").value()},
          .driver = "Ann",
          .vehicle = "GR86-01",
          .venue = "spa",
          .event = "Qualifying",
          .session = "s0123456789abcdef",
          .comment = "no holes",
          .description = std::string(2'000, 'd'),
          .channels = {{.name = "Ground Speed",
                        .short_name = "Speed",
                        .unit = "km/h",
                        .rate_hz = 60,
                        .samples = 3},
                       {.name = std::string(40, 'n'), .rate_hz = 1, .samples = 0},
                       {.name = "Gear", .rate_hz = 1'000, .samples = 2}}};
}

TEST(MotecWriter, AReaderFindsAllOfItByThePointers) {
  std::string file = motec_head(small_log()).value();
  append_motec_values(file, std::vector<float>{1.5F, -2.25F, 3e38F});
  append_motec_values(file, {});
  append_motec_values(file, std::vector<float>{4, 5});
  const auto log = read_motec(file);
  EXPECT_EQ(log.marker, 0x40u);
  EXPECT_EQ(log.channel_count, 3u);
  EXPECT_EQ(log.date, "04/09/2025");
  EXPECT_EQ(log.time, "15:33:20");
  EXPECT_EQ(log.driver, "Ann");
  EXPECT_EQ(log.vehicle, "GR86-01");
  EXPECT_EQ(log.venue, "spa");
  EXPECT_EQ(log.comment, "no holes");
  EXPECT_EQ(log.event, "Qualifying");
  EXPECT_EQ(log.session, "s0123456789abcdef");
  EXPECT_EQ(log.description, std::string(1'024, 'd'));
  EXPECT_EQ(log.event_venue, "spa");
  EXPECT_EQ(log.vehicle_id, "GR86-01");
  ASSERT_EQ(log.channels.size(), 3u);
  EXPECT_EQ(log.values_at, log.channels[0].values_at);
  for (std::size_t i = 0; i < 3; ++i) {
    const auto& channel = log.channels[i];
    EXPECT_EQ(channel.previous, i == 0 ? 0 : log.channels[i - 1].at);
    EXPECT_EQ(channel.kind, 7);
    EXPECT_EQ(channel.value_bytes, 4);
    EXPECT_EQ(channel.shift, 0);
    EXPECT_EQ(channel.factor, 1);
    EXPECT_EQ(channel.scale, 1);
    EXPECT_EQ(channel.decimals, 0);
  }
  EXPECT_EQ(log.channels[0].name, "Ground Speed");
  EXPECT_EQ(log.channels[0].short_name, "Speed");
  EXPECT_EQ(log.channels[0].unit, "km/h");
  EXPECT_EQ(log.channels[0].rate_hz, 60);
  EXPECT_THAT(log.channels[0].values, ElementsAre(1.5F, -2.25F, 3e38F));
  EXPECT_EQ(log.channels[1].name, std::string(32, 'n'));
  EXPECT_THAT(log.channels[1].values, IsEmpty());
  EXPECT_EQ(log.channels[2].rate_hz, 1'000);
  EXPECT_THAT(log.channels[2].values, ElementsAre(4, 5));
  EXPECT_EQ(file.size(), log.channels[2].values_at + 8u) << "the values are the file's end";
}

TEST(MotecWriter, TextsAreAscii) {
  MotecLog log = small_log();
  log.vehicle = "\u00d6re\u2026 \"7\"\n";
  EXPECT_EQ(read_motec(motec_head(log).value()).vehicle, "?re? \"7\"?");
}

TEST(MotecWriter, WithoutChannelsThereIsNoTable) {
  EXPECT_THAT(read_motec(motec_head({}).value()).channels, IsEmpty());
}

TEST(MotecWriter, ALogBeyondItsOffsetsIsRefused) {
  MotecLog log = small_log();
  log.channels[2].samples = 0x4000'0000;
  const auto head = motec_head(log);
  ASSERT_FALSE(head);
  EXPECT_EQ(head.error().code, ErrorCode::kRefused);
}

TEST(MotecBeacons, AreWhereLapsBeginAndEndAtTheLine) {
  const std::vector<MotecLap> laps = {
      {.number = 0, .from_s = 0, .to_s = 12.5, .ends_at_line = true},
      {.number = 1,
       .from_s = 12.5,
       .to_s = 107.7512346,
       .lap_time_s = 95.251,
       .begins_at_line = true,
       .ends_at_line = true},
      {.number = 2,
       .from_s = 107.7512346,
       .to_s = 201,
       .lap_time_s = 93.2494,
       .begins_at_line = true,
       .ends_at_line = true},
      {.number = 3, .from_s = 201, .to_s = 230, .begins_at_line = true}};
  const auto xml = motec_beacons(laps);
  EXPECT_THAT(attributes_of(xml, "Marker", "Time"),
              ElementsAre("12500000", "107751235", "201000000"));
  EXPECT_THAT(attributes_of(xml, "Marker", "ClassName"), ElementsAre("BCN", "BCN", "BCN"));
  EXPECT_THAT(attributes_of(xml, "String", "Id"),
              ElementsAre("Total Laps", "Fastest Time", "Fastest Lap"));
  EXPECT_THAT(attributes_of(xml, "String", "Value"), ElementsAre("4", "1:33.249", "2"));
}

TEST(MotecBeacons, WithoutALapThatCountsNoneIsTheFastest) {
  const auto xml = motec_beacons({});
  EXPECT_THAT(attributes_of(xml, "Marker", "Time"), IsEmpty());
  EXPECT_THAT(attributes_of(xml, "String", "Value"), ElementsAre("0"));
  EXPECT_THAT(xml, Not(HasSubstr("Fastest")));
}

TEST(MotecNames, AreTheUsualOnesOrTheFieldsOwn) {
  MotecNames names;
  const auto speed = names.name_of("speed_kmh");
  EXPECT_EQ(speed.name, "Ground Speed");
  EXPECT_EQ(speed.unit, "km/h");
  EXPECT_EQ(speed.factor, 1);
  EXPECT_EQ(names.name_of("throttle").factor, 100) << "0 to 1 is per cent";
  const auto pedal = names.name_of("aps");
  EXPECT_EQ(pedal.name, "aps") << "the usual name is taken";
  EXPECT_EQ(pedal.factor, 1);
  EXPECT_EQ(names.name_of("tyre_temp_fl_c").name, "tyre_temp_fl_c");
  EXPECT_EQ(names.name_of("tyre_temp_fr_c").unit, "C");
  EXPECT_EQ(names.name_of("boost").unit, "");
  EXPECT_EQ(names.name_of("temp\u00e9rature").name, "temp?rature");
}

TEST(MotecNames, AreUniqueThoughTheyAreCut) {
  MotecNames names;
  const std::string longer(40, 'x');
  EXPECT_EQ(names.name_of(longer + "1").name, std::string(32, 'x'));
  EXPECT_EQ(names.name_of(longer + "2").name, std::string(30, 'x') + "~2");
  EXPECT_EQ(names.name_of(longer + "3").name, std::string(30, 'x') + "~3");
  EXPECT_EQ(names.name_of("Gear").name, "Gear");
  EXPECT_EQ(names.name_of("gear").name, "gear");
}

}  // namespace
}  // namespace slipstream
