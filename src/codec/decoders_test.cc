#include "codec/decoders.h"

#include <gmock/gmock.h>

#include <fstream>
#include <iterator>
#include <set>

#include "codec/point_decoder_fixture.h"

namespace slipstream {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class DecodersTest : public PointDecoderTest {
 protected:
  /// What the decoder of that name makes of the text.
  std::size_t decode_as(std::string_view name, std::string_view text, TextOrigin origin = {}) {
    refused_.clear();
    for (auto& batch : writer_.open()) batch.reset();
    auto decoder = make_decoder(name, decoder_.filler());
    EXPECT_TRUE(decoder) << name;
    const std::string copy = padded(text);
    origin.arrival = {kNow};
    return (*decoder)->decode({copy.data(), text.size()}, origin, *this);
  }
  std::string machine() { return std::string(batch().chassis(point())); }
};

constexpr std::string_view kJson = R"({"track":"a","chassis":"of json"})";
constexpr std::string_view kCsv = ",a,of csv,1,2,3";
constexpr std::string_view kLine = "a,chassis=of_line speed_kmh=1";
constexpr std::string_view kTrd =
    "expire_at,lap,meta_event,meta_session,meta_source,meta_time,original_vehicle_id,outing,"
    "telemetry_name,telemetry_value,timestamp,vehicle_id,vehicle_number\n"
    ",1,barber,R1,kafka,2025-09-04T00:28:20.593Z,GR86-1,0,nmot,5308,2025-09-04T00:25:45.989Z,"
    "of trd,1\n";

/// A car in a race, as Forza's smallest packet has it. It ends in zeros, which a text would lose.
std::string forza_datagram() {
  std::string bytes(232, '\0');
  bytes[0] = 1;
  return bytes;
}

TEST_F(DecodersTest, EachIsFoundByItsNameAndTakesItsFormat) {
  const std::pair<std::string_view, std::string_view> cases[] = {{"json", kJson}, {"ndjson", kJson},
                                                                 {"csv", kCsv},   {"line", kLine},
                                                                 {"trd", kTrd},   {"table", kCsv}};
  std::set<std::string_view> names = {"auto"};
  for (const auto& [name, text] : cases) {
    names.insert(name);
    EXPECT_EQ(decode_as(name, text), 1u) << name;
    EXPECT_THAT(refused_, IsEmpty()) << name;
    EXPECT_THAT(machine(), HasSubstr("of")) << name;
  }
  names.insert("mark");
  EXPECT_EQ(decode_as("mark", R"({"track":"a","text":"of a mark"})"), 1u);
  ASSERT_THAT(refused_, testing::SizeIs(1));
  EXPECT_EQ(refused_[0].message, "it is a mark: here points are taken")
      << "nobody wants marks here";
  names.insert("games");
  names.insert("acc");
  EXPECT_EQ(decode_as("games", forza_datagram()), 1u);
  EXPECT_EQ(machine(), "car_0");
  for (const auto& kind : decoder_kinds()) EXPECT_TRUE(names.contains(kind.name)) << kind.name;
}

TEST_F(DecodersTest, ByItsNameADecoderTakesNoOther) {
  EXPECT_EQ(decode_as("json", kCsv), 1u);
  EXPECT_EQ(refused_.at(0).reason, RejectReason::kMalformedJson);
  EXPECT_EQ(decode_as("csv", kJson), 1u);
  EXPECT_EQ(refused_.at(0).reason, RejectReason::kMalformedCsv);
  EXPECT_EQ(decode_as("line", kJson), 1u);
  EXPECT_EQ(refused_.at(0).reason, RejectReason::kMalformedCsv);
  EXPECT_EQ(decode_as("trd", kCsv), 1u);
  EXPECT_EQ(refused_.at(0).reason, RejectReason::kMalformedCsv);
}

TEST_F(DecodersTest, AutoTellsThemByTheirFirstBytes) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {kJson, "of json"}, {kCsv, "of csv"}, {kLine, "of_line"}};
  for (const auto& [text, expected] : cases) {
    for (const std::string before : {"", "\xef\xbb\xbf", "\n \r\n"}) {
      EXPECT_EQ(decode_as("auto", before + std::string(text)), 1u) << text;
      EXPECT_EQ(machine(), expected);
    }
  }
  EXPECT_EQ(decode_as("auto", " \r\n"), 0u);
  EXPECT_EQ(decode_as("auto", kTrd, {.is_body = true}), 1u);
  EXPECT_EQ(machine(), "of trd");
  // No datagram has a whole export in it: its columns are no points'.
  EXPECT_EQ(decode_as("auto", kTrd), 1u);
  EXPECT_EQ(refused_.size(), 1u);
}

TEST_F(DecodersTest, WhatCStringsEndInIsNoPartOfThem) {
  using std::string_literals::operator""s;
  for (const auto& text : {kJson, kCsv, kLine}) {
    for (const auto& name : {"auto"s, text == kJson ? "json"s : text == kCsv ? "csv"s : "line"s}) {
      EXPECT_EQ(decode_as(name, std::string(text) + "\0\0\0"s), 1u) << name;
      EXPECT_TRUE(refused_.empty()) << name << ": " << refused_.at(0).message;
    }
  }
  EXPECT_EQ(decode_as("ndjson", std::string(kJson) + "\n\0"s), 1u);
  EXPECT_TRUE(refused_.empty());
  EXPECT_EQ(decode_as("auto", "\0\0"s), 0u);
}

TEST_F(DecodersTest, AutoTellsPackedFormatsBeforeTexts) {
  EXPECT_EQ(decode_as("auto", forza_datagram()), 1u);
  EXPECT_EQ(machine(), "car_0");
  // In a body they are what a body may be: texts.
  EXPECT_EQ(decode_as("auto", forza_datagram(), {.is_body = true}), 1u);
  EXPECT_EQ(refused_.at(0).reason, RejectReason::kUnknownFormat);
  EXPECT_EQ(decode_as("games", kJson), 1u);
  EXPECT_EQ(refused_.at(0).reason, RejectReason::kUnknownFormat);
}

TEST_F(DecodersTest, WhatIsToldBySeveralDatagramsNeedsItsOrder) {
  for (const std::string_view name : {"auto", "games", "acc"}) {
    const auto decoder = *make_decoder(name, decoder_.filler());
    EXPECT_TRUE(decoder->needs_order(forza_datagram(), {})) << name << ": a game's frame";
  }
  const auto any = *make_decoder("auto", decoder_.filler());
  for (const std::string_view text :
       {R"({"track":"cota","chassis":"a"})", "cota,chassis=a n=1", "", " \n"}) {
    EXPECT_FALSE(any->needs_order(text, {})) << text;
  }
}

TEST_F(DecodersTest, BytesThatAreNoTextAreRefusedAsOne) {
  using std::string_literals::operator""s;
  EXPECT_EQ(decode_as("auto", "\xe7\x07\n\x00\n\n,,\n1\n2\n"s), 1u);
  ASSERT_EQ(refused_.size(), 1u);
  EXPECT_EQ(to_string(refused_[0].reason), "unknown_format");
  EXPECT_THAT(refused_[0].message, HasSubstr("13 bytes"));
  EXPECT_THAT(refused_[0].message, HasSubstr("e7 07 0a 00"));
}

TEST_F(DecodersTest, AChoiceOfSomeIsMadeAmongTheseAlone) {
  EXPECT_EQ(decode_as("table", kTrd, {.is_body = true}), 1u);
  EXPECT_EQ(machine(), "of trd");
  EXPECT_EQ(decode_as("table", kJson, {.is_body = true}), 1u);
  EXPECT_EQ(refused_.at(0).reason, RejectReason::kMalformedCsv);
}

TEST_F(DecodersTest, AnUnknownNameIsAnErrorThatNamesTheOthers) {
  const auto decoder = make_decoder("xml", decoder_.filler());
  ASSERT_FALSE(decoder);
  EXPECT_THAT(decoder.error().message, HasSubstr("'xml'"));
  for (const auto& kind : decoder_kinds()) {
    EXPECT_THAT(decoder.error().message, HasSubstr(kind.name));
  }
}

TEST_F(DecodersTest, ASendersNameIsWrittenOnlyForWhomItConcerns) {
  int written = 0;
  const PeerName name(
      [](void* count) -> std::string_view {
        ++*static_cast<int*>(count);
        return "udp:10.0.0.1:5";
      },
      &written);
  decode_as("auto", kJson, {.peer = name});
  decode_as("auto", kLine, {.peer = name});
  EXPECT_EQ(written, 0);
  decode_as("auto", kCsv, {.peer = name});
  EXPECT_EQ(written, 1);
  EXPECT_THAT(jsons(), ElementsAre(HasSubstr(R"("raw_source":"udp:10.0.0.1:5")")));
}

TEST_F(DecodersTest, RefusedRowsOfAnExportCountAsPoints) {
  const std::string text = std::string(kTrd) + ",1,barber,R1,kafka,x,GR86-1,0,nmot,no,never,b,1\n";
  EXPECT_EQ(decode_as("trd", text, {.is_body = true, .track = "cota"}), 2u);
  ASSERT_EQ(refused_.size(), 1u);
  EXPECT_EQ(refused_[0].index, 1u);
  EXPECT_EQ(batch().track(point()), "cota");
}

TEST(Decoders, AreListedInTheDocs) {
  std::ifstream in(SLIPSTREAM_SOURCE_DIR "/docs/configuration.md");
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  EXPECT_THAT(text, HasSubstr(decoders_markdown()));
}

}  // namespace
}  // namespace slipstream
