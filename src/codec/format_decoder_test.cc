#include "codec/format_decoder.h"

#include <gmock/gmock.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <cstring>

#include "base/number_text.h"
#include "codec/format_testing.h"
#include "codec/point_decoder_fixture.h"

namespace slipstream {
namespace {

using game::PackedField;
using game::PackedFormat;
using game::Wire;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

template <typename T>
void put(std::string& bytes, std::size_t at, T value, std::endian order = std::endian::little) {
  char raw[sizeof value];
  std::memcpy(raw, &value, sizeof value);
  if (order != std::endian::native) std::reverse(std::begin(raw), std::end(raw));
  bytes.replace(at, sizeof value, raw, sizeof value);
}

/// Of a point's JSON what stands before the lap and the time that it lacked.
std::string said(std::string_view json) {
  json = json.substr(0, json.find(",\"meta_time\""));
  constexpr std::string_view kNoLap = ",\"lap\":0";
  if (json.ends_with(kNoLap)) json.remove_suffix(kNoLap.size());
  return std::string(json);
}

class FormatDecoderTest : public PointDecoderTest {
 protected:
  std::vector<std::string> decode_as(const PackedFormats& formats, const std::string& bytes) {
    for (const auto& format : formats) {
      for (const auto& fault : game::check_format(format, schema_.options())) {
        ADD_FAILURE() << fault.where << ": " << fault.message;
      }
    }
    refused_.clear();
    for (auto& batch : writer_.open()) batch.reset();
    FormatDecoder decoder(decoder_.filler(), std::make_shared<const PackedFormats>(formats));
    told_ = decoder.decode(bytes, {SourceKind::kUdp, {kNow}, "udp:10.0.0.7:5123"}, *this);
    kept_last_ = decoder.kept_last();
    std::vector<std::string> out;
    for (const auto& json : jsons()) out.push_back(said(json));
    return out;
  }
  std::vector<std::string> decode_as(const PackedFormat& format, const std::string& bytes) {
    return decode_as(PackedFormats{format}, bytes);
  }
  std::size_t told_ = 0;
  bool kept_last_ = false;
};

/// Every type, in either order of bytes.
TEST_F(FormatDecoderTest, ReadsEveryType) {
  for (const auto order : {std::endian::little, std::endian::big}) {
    std::string bytes(50, '\0');
    put(bytes, 0, std::uint8_t{200}, order);
    put(bytes, 1, std::int8_t{-100}, order);
    put(bytes, 2, std::uint16_t{60'000}, order);
    put(bytes, 4, std::int16_t{-30'000}, order);
    put(bytes, 6, std::uint32_t{4'000'000'000}, order);
    put(bytes, 10, std::int32_t{-2'000'000'000}, order);
    put(bytes, 14, std::uint64_t{18'446'744'073'709'551'615u}, order);
    put(bytes, 22, std::int64_t{-9'223'372'036'854'775'807}, order);
    put(bytes, 30, 0.1f, order);
    put(bytes, 34, 0.1, order);
    bytes.replace(42, 3, "abc");
    const PackedFormat format{.name = "all",
                              .size = 50,
                              .order = order,
                              .fields = {{.name = "a", .wire = Wire::kU8, .offset = 0},
                                         {.name = "b", .wire = Wire::kI8, .offset = 1},
                                         {.name = "c", .wire = Wire::kU16, .offset = 2},
                                         {.name = "d", .wire = Wire::kI16, .offset = 4},
                                         {.name = "e", .wire = Wire::kU32, .offset = 6},
                                         {.name = "f", .wire = Wire::kI32, .offset = 10},
                                         {.name = "g", .wire = Wire::kU64, .offset = 14},
                                         {.name = "h", .wire = Wire::kI64, .offset = 22},
                                         {.name = "i", .wire = Wire::kF32, .offset = 30},
                                         {.name = "j", .wire = Wire::kF64, .offset = 34},
                                         {.name = "k", .wire = {}, .offset = 42, .length = 8}},
                              .track = "t",
                              .chassis = "c"};
    EXPECT_THAT(decode_as(format, bytes),
                ElementsAre(R"({"track":"t","chassis":"c","a":200,"b":-100,"c":60000,"d":-30000,)"
                            R"("e":4000000000,"f":-2000000000,"g":18446744073709551615,)"
                            R"("h":-9223372036854775807,"i":0.10000000149011612,"j":0.1,)"
                            R"("k":"abc")"));
    EXPECT_THAT(refused_, IsEmpty());
  }
}

TEST_F(FormatDecoderTest, NumbersAreScaledNamedOrNone) {
  PackedFormat format{
      .name = "x",
      .size = 8,
      .fields = {{.name = "temp", .wire = Wire::kI16, .offset = 0, .scale = 0.1, .add = -40},
                 {.name = "gear", .wire = Wire::kU8, .offset = 2, .none = 255},
                 {.name = "mode",
                  .wire = Wire::kU8,
                  .offset = 3,
                  .values = {{0, "garage"}, {1, "track"}}},
                 {.name = "v", .wire = Wire::kF32, .offset = 4, .scale = 3.6}},
      .track = "t",
      .chassis = "c"};
  std::string bytes(8, '\0');
  put(bytes, 0, std::int16_t{905});
  put(bytes, 2, std::uint8_t{3});
  put(bytes, 3, std::uint8_t{1});
  put(bytes, 4, 10.0f);
  EXPECT_THAT(
      decode_as(format, bytes),
      ElementsAre(R"({"track":"t","chassis":"c","temp":50.5,"gear":3,"mode":"track","v":36)"));
  put(bytes, 2, std::uint8_t{255});
  put(bytes, 3, std::uint8_t{9});
  put(bytes, 4, std::nanf(""));
  EXPECT_THAT(decode_as(format, bytes),
              ElementsAre(R"({"track":"t","chassis":"c","temp":50.5,"mode":"9")"));
}

TEST_F(FormatDecoderTest, ArraysTellOnePointACar) {
  const PackedFormat format{
      .name = "cars",
      .size = 4 + 3 * 6,
      .fields = {{.name = "lap", .wire = Wire::kU16, .offset = 2, .is_in_header = true},
                 {.name = "number", .wire = Wire::kU8, .offset = 0},
                 {.name = "active", .wire = Wire::kU8, .offset = 1},
                 {.name = "x_m", .wire = Wire::kF32, .offset = 2}},
      .base = 4,
      .stride = 6,
      .count = 3,
      .track = "club",
      .chassis = "kart {number}",
      .present = "active"};
  std::string bytes(22, '\0');
  put(bytes, 2, std::uint16_t{7});
  for (std::size_t car = 0; car < 3; ++car) {
    put(bytes, 4 + car * 6, static_cast<std::uint8_t>(11 + car));
    put(bytes, 5 + car * 6, static_cast<std::uint8_t>(car != 1));
    put(bytes, 6 + car * 6, static_cast<float>(car) + 0.5f);
  }
  EXPECT_THAT(
      decode_as(format, bytes),
      ElementsAre(
          R"({"track":"club","chassis":"kart 11","lap":7,"number":11,"active":1,"x_m":0.5)",
          R"({"track":"club","chassis":"kart 13","lap":7,"number":13,"active":1,"x_m":2.5)"));
  EXPECT_EQ(told_, 2u);
  for (std::size_t car = 0; car < 3; ++car) put(bytes, 5 + car * 6, std::uint8_t{0});
  EXPECT_THAT(decode_as(format, bytes), IsEmpty());
  EXPECT_TRUE(kept_last_) << "a datagram without a car is no fault";
}

TEST_F(FormatDecoderTest, MachineAndTrackAreTextsFieldsOrTheSender) {
  std::string bytes = std::string("Ana\0??", 6) + "spa   ";
  PackedFormat format{.name = "x",
                      .size = 12,
                      .fields = {{.name = "chassis", .wire = {}, .offset = 0, .length = 6},
                                 {.name = "track", .wire = {}, .offset = 6, .length = 6}}};
  EXPECT_THAT(decode_as(format, bytes), ElementsAre(R"({"track":"spa","chassis":"Ana")"));
  format.fields[0].name = "driver";
  EXPECT_THAT(decode_as(format, bytes),
              ElementsAre(R"({"track":"spa","chassis":"10.0.0.7","driver":"Ana")"));
  format.chassis = "{driver} {{{index}}} of {sender}";
  EXPECT_THAT(decode_as(format, bytes),
              ElementsAre(R"({"track":"spa","chassis":"Ana {0} of 10.0.0.7","driver":"Ana")"));
  bytes[0] = '\xff';
  EXPECT_THAT(decode_as(format, bytes), ElementsAre(HasSubstr(R"("driver":"?na")")));
  bytes.replace(0, 6, "A\tn\na\x7f");
  EXPECT_THAT(decode_as(format, bytes), ElementsAre(HasSubstr(R"("driver":"Ana")")));
  bytes.replace(6, 6, 6, ' ');
  EXPECT_THAT(decode_as(format, bytes), IsEmpty());
  EXPECT_EQ(refused_.at(0).reason, RejectReason::kMissingDimension);
}

/// Else all machines whose numbers are not known would be one.
TEST_F(FormatDecoderTest, APlaceholderWithoutAValueIsAMissingDimension) {
  PackedFormat format{.name = "x",
                      .size = 4,
                      .fields = {{.name = "number", .wire = Wire::kU8, .offset = 0, .none = 255},
                                 {.name = "team", .wire = {}, .offset = 1, .length = 1}},
                      .stride = 2,
                      .count = 2,
                      .track = "club",
                      .chassis = "kart {number} {team}"};
  EXPECT_THAT(decode_as(format, std::string("\xff\x61\x07\x62", 4)),
              ElementsAre(HasSubstr(R"("chassis":"kart 7 b")")));
  ASSERT_THAT(refused_, SizeIs(1));
  EXPECT_EQ(refused_[0].reason, RejectReason::kMissingDimension);
  EXPECT_THAT(refused_[0].message, HasSubstr("'chassis' is made of a field that has no value"));
  EXPECT_EQ(told_, 2u);
  EXPECT_THAT(decode_as(format, std::string("\x01\x00\x02 ", 4)), IsEmpty());
  EXPECT_THAT(refused_, SizeIs(2)) << "an empty text, a blank one";
  format.track = "club {team}";
  format.chassis = "kart {index}";
  EXPECT_THAT(decode_as(format, std::string("\x01\x00\x02z", 4)),
              ElementsAre(HasSubstr(R"("track":"club z","chassis":"kart 1")")));
  EXPECT_THAT(refused_.at(0).message, HasSubstr("'track' is made of"));
}

TEST_F(FormatDecoderTest, TestsTellPacketsApart) {
  PackedFormat status{.name = "x",
                      .size = 8,
                      .tests = {{.offset = 0, .wire = {}, .equals = "ST"}},
                      .fields = {{.name = "volt", .wire = Wire::kU8, .offset = 4}},
                      .track = "t",
                      .chassis = "c"};
  PackedFormat laps = status;
  laps.tests = {{.offset = 0, .wire = Wire::kU16, .equals = 7},
                {.offset = 2, .wire = Wire::kF32, .equals = 1.5}};
  laps.fields[0].name = "lap";
  std::string bytes = "ST\0\0\x0c\0\0\0";
  bytes.assign("ST\0\0\x0c\0\0\0", 8);
  EXPECT_THAT(decode_as({status, laps}, bytes), ElementsAre(HasSubstr(R"("volt":12)")));
  put(bytes, 0, std::uint16_t{7});
  put(bytes, 2, 1.5f);
  EXPECT_THAT(decode_as({status, laps}, bytes), ElementsAre(HasSubstr(R"("lap":)")));
  put(bytes, 2, 1.25f);
  EXPECT_THAT(decode_as({status, laps}, bytes), IsEmpty());
  EXPECT_EQ(refused_.at(0).reason, RejectReason::kUnknownFormat);
  EXPECT_THAT(refused_.at(0).message, HasSubstr("'x'"));
  decode_as({status, laps}, bytes + "x");
  EXPECT_THAT(refused_, SizeIs(1));
  decode_as({status, laps}, "");
  EXPECT_THAT(refused_, SizeIs(1));
  EXPECT_EQ(refused_[0].reason, RejectReason::kEmpty);
}

TEST_F(FormatDecoderTest, TimesAreNumbersSince1970) {
  PackedFormat format{.name = "x",
                      .size = 8,
                      .fields = {{.name = "meta_time", .wire = Wire::kU64, .offset = 0}},
                      .track = "t",
                      .chassis = "c"};
  std::string bytes(8, '\0');
  put(bytes, 0, std::uint64_t{1'757'000'000'123'456'789});
  decode_as(format, bytes);
  EXPECT_EQ(point().event_time.ns, 1'757'000'000'123'456'789);
  EXPECT_THAT(std::string(batch().json(point())),
              HasSubstr(R"("meta_time":"2025-09-04T15:33:20.123456789Z")"));
  format.fields[0].scale = 0.001;  // milliseconds of some board
  put(bytes, 0, std::uint64_t{1'757'000'000'500});
  decode_as(format, bytes);
  EXPECT_EQ(point().event_time.ns, 1'757'000'000'500'000'000);
  format.fields[0].scale = 1;
  put(bytes, 0, std::uint64_t{18'446'744'073'709'551'615u});
  EXPECT_THAT(decode_as(format, bytes), IsEmpty());
  EXPECT_EQ(refused_.at(0).reason, RejectReason::kBadTime);
}

/// What a field is, read another way.
std::optional<std::string> expected_literal(const PackedFormat& format, const PackedField& field,
                                            std::string_view bytes, std::size_t car) {
  std::size_t at = field.offset;
  if (format.count > 0 && !field.is_in_header) at += format.base + car * format.stride;
  std::uint64_t bits = 0;
  const std::size_t size = game::wire_bytes(*field.wire);
  for (std::size_t i = 0; i < size; ++i) {
    const auto byte = static_cast<unsigned char>(
        bytes[format.order == std::endian::big ? at + i : at + size - 1 - i]);
    bits = bits << 8 | byte;
  }
  double value = 0;
  if (*field.wire == Wire::kF32) {
    value = std::bit_cast<float>(static_cast<std::uint32_t>(bits));
  } else if (*field.wire == Wire::kF64) {
    value = std::bit_cast<double>(bits);
  } else {
    const bool is_signed = *field.wire == Wire::kI8 || *field.wire == Wire::kI16 ||
                           *field.wire == Wire::kI32 || *field.wire == Wire::kI64;
    if (!is_signed) return std::to_string(bits);
    return std::to_string(static_cast<std::int64_t>(bits << (64 - 8 * size)) >> (64 - 8 * size));
  }
  if (!std::isfinite(value)) return std::nullopt;
  char text[kNumberChars];
  return std::string(text, write_number(text, value));
}

RC_GTEST_PROP(FormatDecoderProperty, WhateverIsDeclaredIsReadWhereItIsDeclared, ()) {
  const auto made =
      *rc::gen::container<std::vector<std::uint8_t>>(200, rc::gen::arbitrary<std::uint8_t>());
  PackedFormat format = format_testing::FormatMaker(made).make();
  // Plain numbers alone: what else there is has examples.
  std::erase_if(format.fields, [](const PackedField& field) {
    return !field.wire || !field.values.empty() || !field.name.starts_with('f');
  });
  if (format.fields.empty()) format.fields = {{.name = "f0", .wire = Wire::kU8}};
  for (auto& field : format.fields) {
    field.scale = 1;
    field.add = 0;
    field.none.reset();
  }
  format.tests.clear();
  format.present.clear();
  format.track = "t";
  format.chassis = "c{index}";
  RC_PRE(game::check_format(format, SchemaOptions{}).empty());
  const auto random = *rc::gen::container<std::string>(format.size, rc::gen::arbitrary<char>());

  class Sink final : public RejectionSink {
   public:
    void rejected(std::size_t, const Rejection&, std::string_view) override { ++refused; }
    std::size_t refused = 0;
  } sink;
  Schema schema;
  IngestStats stats;
  BatchPool pool;
  BatchWriter writer(1, pool);
  PointBuilder builder(schema, stats, writer);
  DraftFiller filler(builder);
  FormatDecoder decoder(filler, std::make_shared<const PackedFormats>(1, format));
  const std::size_t told = decoder.decode(
      random, {SourceKind::kUdp, {1'757'000'000'000'000'000}, "udp:1.2.3.4:5"}, sink);
  RC_ASSERT(told == format.cars());
  RC_ASSERT(sink.refused == 0u);
  const auto& batch = *writer.open().front();
  for (std::size_t car = 0; car < told; ++car) {
    std::string expected = "{\"track\":\"t\",\"chassis\":\"c" + std::to_string(car) + '"';
    for (const auto& field : format.fields) {
      if (const auto literal = expected_literal(format, field, random, car)) {
        expected += ",\"" + field.name + "\":" + *literal;
      }
    }
    RC_ASSERT(said(batch.json(batch.points[car])) == expected);
  }
}

RC_GTEST_PROP(FormatDecoderProperty, WhateverIsDeclaredNothingIsReadBeyond, ()) {
  const auto made =
      *rc::gen::container<std::vector<std::uint8_t>>(200, rc::gen::arbitrary<std::uint8_t>());
  const PackedFormat format = format_testing::FormatMaker(made).make();
  RC_PRE(game::check_format(format, SchemaOptions{}).empty());
  for (const auto& field : format.fields) {
    for (std::size_t car = 0; car < format.cars(); ++car) {
      const bool is_of_car = format.count > 0 && !field.is_in_header;
      const std::size_t at = field.offset + (is_of_car ? format.base + car * format.stride : 0);
      RC_ASSERT(at + field.bytes() <= format.size);
      RC_ASSERT(!is_of_car || field.offset + field.bytes() <= format.stride);
    }
  }
  for (const auto& test : format.tests) RC_ASSERT(test.offset < format.size);
}

}  // namespace
}  // namespace slipstream
