#include "game/packed_format.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace slipstream::game {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

PackedFormat good_format() {
  return {.name = "x",
          .size = 16,
          .fields = {{.name = "a", .wire = Wire::kU32, .offset = 0}},
          .track = "t"};
}

struct BadFormat {
  const char* what;
  void (*spoil)(PackedFormat&);
  const char* where;
  const char* message;
};

constexpr BadFormat kBadFormats[] = {
    {"no size", [](PackedFormat& f) { f.size = 0; }, "size", "from 1 to 65507 bytes"},
    {"large", [](PackedFormat& f) { f.size = 65'508; }, "size", "from 1 to 65507 bytes"},
    {"no fields", [](PackedFormat& f) { f.fields.clear(); }, "", "no [[format.field]]"},
    {"beyond", [](PackedFormat& f) { f.fields[0].offset = 13; }, "field number 1 offset",
     "'x': field 'a' ends at byte 17, beyond the 16 of the datagram"},
    {"far beyond",
     [](PackedFormat& f) { f.fields[0].offset = std::numeric_limits<std::size_t>::max() - 1; },
     "field number 1 offset", "beyond the 16"},
    {"no name", [](PackedFormat& f) { f.fields[0].name.clear(); }, "field number 1 name",
     "1 to 128 bytes"},
    {"twice",
     [](PackedFormat& f) { f.fields.push_back({.name = "a", .wire = Wire::kU8, .offset = 0}); },
     "field number 2 name", "'a' is there twice"},
    {"reserved", [](PackedFormat& f) { f.fields[0].name = "tags"; }, "field number 1 name",
     "another meaning"},
    {"braces", [](PackedFormat& f) { f.fields[0].name = "{a}"; }, "field number 1 name", "braces"},
    {"text without length", [](PackedFormat& f) { f.fields[0].wire.reset(); },
     "field number 1 length", "its bytes"},
    {"scale 0", [](PackedFormat& f) { f.fields[0].scale = 0; }, "field number 1 scale", "finite"},
    {"add infinite",
     [](PackedFormat& f) { f.fields[0].add = std::numeric_limits<double>::infinity(); },
     "field number 1 scale", "finite"},
    {"scaled text",
     [](PackedFormat& f) {
       f.fields[0].values = {{1, "one"}};
       f.fields[0].scale = 2;
     },
     "field number 1 scale", "no number"},
    {"values of fractions",
     [](PackedFormat& f) {
       f.fields[0].wire = Wire::kF32;
       f.fields[0].values = {{1, "one"}};
     },
     "field number 1 values", "no whole number"},
    {"value out of range", [](PackedFormat& f) { f.fields[0].values = {{-1, "minus"}}; },
     "field number 1 values", "-1 is not from 0 to 4294967295"},
    {"empty value", [](PackedFormat& f) { f.fields[0].values = {{1, ""}}; },
     "field number 1 values", "a text of 0 bytes"},
    {"none of a text",
     [](PackedFormat& f) {
       f.fields[0].wire.reset();
       f.fields[0].length = 2;
       f.fields[0].none = 0;
     },
     "field number 1 none", "empty"},
    {"none of a fraction", [](PackedFormat& f) { f.fields[0].none = 0.5; }, "field number 1 none",
     "a whole number of its type is expected, not 0.5"},
    {"none below", [](PackedFormat& f) { f.fields[0].none = -1; }, "field number 1 none", "not -1"},
    {"none beyond", [](PackedFormat& f) { f.fields[0].none = 4'294'967'296; },
     "field number 1 none", "not 4294967296"},
    {"none that is no number",
     [](PackedFormat& f) { f.fields[0].none = std::numeric_limits<double>::quiet_NaN(); },
     "field number 1 none", "not nan"},
    {"none infinite",
     [](PackedFormat& f) {
       f.fields[0].wire = Wire::kF64;
       f.fields[0].none = std::numeric_limits<double>::infinity();
     },
     "field number 1 none", "finite"},
    {"none beyond f32",
     [](PackedFormat& f) {
       f.fields[0].wire = Wire::kF32;
       f.fields[0].none = 1e39;
     },
     "field number 1 none", "of its type"},
    {"blank name", [](PackedFormat& f) { f.fields[0].name = " "; }, "field number 1 name",
     "not blank"},
    {"blank track", [](PackedFormat& f) { f.track = " \t"; }, "track", "not blank"},
    {"lap as a text",
     [](PackedFormat& f) { f.fields[0] = {.name = "lap", .wire = {}, .offset = 0, .length = 2}; },
     "field number 1 type", "field 'lap' means a number"},
    {"time with values",
     [](PackedFormat& f) {
       f.fields[0].name = "meta_time";
       f.fields[0].values = {{0, "never"}};
     },
     "field number 1 values", "means a number"},
    {"a number of racing's with values",
     [](PackedFormat& f) {
       f.fields[0].name = "speed_kmh";
       f.fields[0].values = {{0, "stands"}};
     },
     "field number 1 values", "means a number"},
    {"test of infinity",
     [](PackedFormat& f) {
       f.tests = {
           {.offset = 0, .wire = Wire::kF32, .equals = std::numeric_limits<double>::infinity()}};
     },
     "when number 1 equals", "a finite number"},
    {"present with something added",
     [](PackedFormat& f) {
       f.fields[0].add = 1;
       f.present = "a";
     },
     "present", "'a' has a scale"},
    {"no track", [](PackedFormat& f) { f.track.clear(); }, "track", "track is missing"},
    {"track twice", [](PackedFormat& f) { f.fields[0].name = "track"; }, "track", "said twice"},
    {"unknown in braces", [](PackedFormat& f) { f.chassis = "car {b}"; }, "chassis", "braces"},
    {"open brace", [](PackedFormat& f) { f.chassis = "car {a"; }, "chassis", "braces"},
    {"closed brace", [](PackedFormat& f) { f.chassis = "car a}"; }, "chassis", "braces"},
    {"stride without count", [](PackedFormat& f) { f.stride = 4; }, "count", "count is missing"},
    {"no stride", [](PackedFormat& f) { f.count = 2; }, "stride", "1 to 16"},
    {"cars beyond",
     [](PackedFormat& f) {
       f.base = 4;
       f.stride = 4;
       f.count = 4;
     },
     "count", "4 cars of 4 bytes from byte 4 on end at byte 20, beyond the 16"},
    {"base beyond",
     [](PackedFormat& f) {
       f.base = 17;
       f.stride = 4;
       f.count = 1;
     },
     "count", "beyond the 16"},
    {"cars overlap",
     [](PackedFormat& f) {
       f.stride = 3;
       f.count = 2;
     },
     "field number 1 offset", "ends at byte 4, beyond the 3 of a car: the next one begins there"},
    {"many cars",
     [](PackedFormat& f) {
       f.stride = 1;
       f.count = 257;
     },
     "count", "at most 256"},
    {"test beyond",
     [](PackedFormat& f) { f.tests = {{.offset = 15, .wire = Wire::kU16, .equals = 1}}; },
     "when number 1 offset", "ends at byte 17"},
    {"test too large",
     [](PackedFormat& f) { f.tests = {{.offset = 0, .wire = Wire::kU8, .equals = 256}}; },
     "when number 1 equals", "from 0 to 255"},
    {"test of a text", [](PackedFormat& f) { f.tests = {{.offset = 0, .wire = {}, .equals = 1}}; },
     "when number 1 equals", "a string"},
    {"test of a number",
     [](PackedFormat& f) { f.tests = {{.offset = 0, .wire = Wire::kU8, .equals = "a"}}; },
     "when number 1 equals", "a number"},
    {"present is none", [](PackedFormat& f) { f.present = "b"; }, "present", "no number 'b'"},
};

TEST(PackedFormat, WhatIsWrongIsNamed) {
  EXPECT_THAT(check_format(good_format(), {}), IsEmpty());
  for (const auto& bad : kBadFormats) {
    PackedFormat format = good_format();
    bad.spoil(format);
    const auto faults = check_format(format, {});
    ASSERT_THAT(faults, SizeIs(1)) << bad.what;
    EXPECT_EQ(faults[0].where, bad.where) << bad.what;
    EXPECT_THAT(faults[0].message, HasSubstr(bad.message)) << bad.what;
  }
}

TEST(PackedFormat, TheEndsOfATypeMayBeNone) {
  PackedFormat format = good_format();
  for (const auto& [wire, none] :
       std::vector<std::pair<Wire, double>>{{Wire::kU8, 255.0},
                                            {Wire::kI8, -128.0},
                                            {Wire::kI8, 127.0},
                                            {Wire::kU32, 4'294'967'295.0},
                                            {Wire::kI64, -0x1p63},
                                            {Wire::kI64, 0x1p63},
                                            {Wire::kU64, 0x1p64},
                                            {Wire::kF32, -1.5},
                                            {Wire::kF64, 1e300}}) {
    format.fields[0].wire = wire;
    format.fields[0].none = none;
    EXPECT_THAT(check_format(format, {}), IsEmpty()) << none;
  }
}

TEST(PackedFormat, TheSchemasNumbersAreNumbers) {
  PackedFormat format = good_format();
  format.fields[0].values = {{0, "none"}};
  EXPECT_THAT(check_format(format, {}), IsEmpty());
  EXPECT_THAT(check_format(format, {.sector = "a"}), SizeIs(1));
  EXPECT_THAT(check_format(format, {.sequence = "a"}), SizeIs(1));
}

TEST(PackedFormat, TheSchemasNamesSayWhereAndWho) {
  PackedFormat format = good_format();
  format.track.clear();
  format.fields[0].name = "venue";
  EXPECT_THAT(check_format(format, {}), SizeIs(1));
  EXPECT_THAT(check_format(format, {.track = "venue"}), IsEmpty());
}

}  // namespace
}  // namespace slipstream::game
