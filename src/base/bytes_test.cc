#include "base/bytes.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <limits>

namespace slipstream {
namespace {

TEST(Bytes, NumbersStandAsTheyAreDescribed) {
  std::string out;
  ByteWriter writer(out);
  writer.fixed(std::uint32_t{0x01020304});
  writer.varint(300);
  writer.zigzag(-1);
  writer.text("ab");
  writer.flag(true);
  EXPECT_EQ(out,
            "\x04\x03\x02\x01\xAC\x02\x01\x02"
            "ab\x01");
}

TEST(Bytes, VarintsOfEverySizeComeBack) {
  for (unsigned bits = 0; bits < 64; ++bits) {
    const std::uint64_t power = std::uint64_t{1} << bits;
    for (const std::uint64_t value : {power - 1, power, power + 1}) {
      std::string out;
      ByteWriter(out).varint(value);
      ByteReader reader(out);
      EXPECT_EQ(reader.varint(), value);
      EXPECT_TRUE(reader.at_end());
    }
  }
}

TEST(Bytes, ExtremesOfSignedNumbersComeBack) {
  using Limits = std::numeric_limits<std::int64_t>;
  for (const std::int64_t value :
       {std::int64_t{0}, std::int64_t{-1}, Limits::min(), Limits::max()}) {
    std::string out;
    ByteWriter(out).zigzag(value);
    EXPECT_EQ(ByteReader(out).zigzag(), value);
  }
}

TEST(Bytes, AVarintThatIsNotOverAfterTenBytesIsRefused) {
  const std::string overlong(11, '\x80');
  ByteReader reader(overlong);
  EXPECT_EQ(reader.varint(), 0u);
  EXPECT_FALSE(reader.ok());
  EXPECT_FALSE(reader.at_end());
}

TEST(Bytes, AfterTheEndAllIsZeroAndNotOk) {
  std::string out;
  ByteWriter(out).fixed(std::uint64_t{7});
  for (std::size_t size = 0; size < out.size(); ++size) {
    ByteReader reader(std::string_view(out).substr(0, size));
    EXPECT_EQ(reader.fixed<std::uint64_t>(), 0u);
    EXPECT_FALSE(reader.ok());
    EXPECT_EQ(reader.left(), 0u);
    EXPECT_EQ(reader.varint(), 0u);
    EXPECT_EQ(reader.text(), "");
  }
}

TEST(Bytes, ATextLongerThanWhatIsLeftIsRefused) {
  std::string out;
  ByteWriter(out).varint(std::numeric_limits<std::uint64_t>::max());
  out += "abc";
  ByteReader reader(out);
  EXPECT_EQ(reader.text(), "");
  EXPECT_FALSE(reader.ok());
}

RC_GTEST_PROP(BytesProperty, WhatIsWrittenIsRead,
              (std::uint64_t number, std::int64_t zigzag, const std::string& text, double real,
               bool flag)) {
  std::string out;
  ByteWriter writer(out);
  writer.varint(number);
  writer.zigzag(zigzag);
  writer.text(text);
  writer.fixed(real);
  writer.flag(flag);
  ByteReader reader(out);
  RC_ASSERT(reader.varint() == number);
  RC_ASSERT(reader.zigzag() == zigzag);
  RC_ASSERT(reader.text() == text);
  RC_ASSERT(reader.fixed<double>() == real);
  RC_ASSERT(reader.flag() == flag);
  RC_ASSERT(reader.at_end());
}

}  // namespace
}  // namespace slipstream
