// Payloads that go on with a chain: what they leave out, and when they may not be read.
#include <gtest/gtest.h>

#include <cmath>

#include "codec/bit_stream.h"
#include "codec/point_log_testing.h"
#include "codec/testing.h"

namespace slipstream {
namespace {

using codec_testing::Points;
using point_log_testing::describe;

constexpr std::int64_t kBegin = 1'757'000'000'000 * kNsPerMs;

class ChainTest : public testing::Test {
 protected:
  /// A block's worth of points of some cars, `at` so many milliseconds.
  LogRows rows_at(std::int64_t at, double speed = 91.07, int cars = 3) {
    for (int car = 0; car < cars; ++car) {
      points_.add(fmt::format(R"({{"meta_time":{},"track":"barber","chassis":"GR86-{:03}","lap":3,)"
                              R"("a_name_that_takes_its_bytes":{},"gear":4}})",
                              kBegin / kNsPerMs + at, car, speed + car),
                  {kBegin + at * kNsPerMs});
    }
    LogRows rows;
    rows.add_points(*points_.take(), 0);
    return rows;
  }
  std::string encoded(const LogRows& rows, bool may_lean = true) {
    std::string payload;
    encoder_.encode(rows, payload, may_lean);
    return payload;
  }
  bool is_read(const std::string& payload, const LogRows& rows) {
    if (!decoder_.open(payload)) return false;
    std::size_t points = 0;
    for (LogEntry entry; decoder_.next(entry);) {
      if (entry.points) points += entry.points->points.size();
    }
    return points == rows.points().size();
  }

  Points points_;
  BatchPool pool_;
  PointLogEncoder encoder_{points_.schema().fields()};
  PointLogDecoder decoder_{points_.schema().fields(), pool_};
};

TEST_F(ChainTest, NamesStandOnceAChain) {
  const std::string first = encoded(rows_at(0));
  EXPECT_FALSE(encoder_.leans());
  EXPECT_NE(first.find("a_name_that_takes_its_bytes"), first.npos);
  const std::string second = encoded(rows_at(40));
  EXPECT_TRUE(encoder_.leans());
  EXPECT_EQ(second.find("name"), second.npos);
  EXPECT_EQ(second.find("GR86"), second.npos);
  EXPECT_LT(second.size(), 30u);
}

TEST_F(ChainTest, APayloadIsReadOnlyAfterTheOneBefore) {
  const LogRows rows[] = {rows_at(0), rows_at(40), rows_at(80), rows_at(120)};
  std::vector<std::string> payloads;
  for (const LogRows& r : rows) payloads.push_back(encoded(r));
  EXPECT_FALSE(is_read(payloads[1], rows[1])) << "nothing was read yet";
  EXPECT_TRUE(is_read(payloads[0], rows[0]));
  EXPECT_FALSE(is_read(payloads[2], rows[2])) << "one is left out";
  EXPECT_FALSE(is_read(payloads[1], rows[1])) << "the chain has ended";
  EXPECT_TRUE(is_read(payloads[0], rows[0]));
  EXPECT_TRUE(is_read(payloads[1], rows[1]));
  EXPECT_TRUE(is_read(payloads[2], rows[2]));
  EXPECT_TRUE(is_read(payloads[3], rows[3]));
}

TEST_F(ChainTest, ColumnsEndAChain) {
  encoded(rows_at(0));
  LogRows many = rows_at(40, 1, 500);
  encoded(many);
  EXPECT_FALSE(encoder_.leans());
  encoded(rows_at(80));
  EXPECT_FALSE(encoder_.leans()) << "what is before it is no chain";
  encoded(rows_at(120));
  EXPECT_TRUE(encoder_.leans());
}

TEST_F(ChainTest, AChainIsShortSoThatDamageCostsLittle) {
  std::size_t longest = 0;
  std::size_t length = 0;
  for (int i = 0; i < 2'000; ++i) {
    encoded(rows_at(40 * i));
    length = encoder_.leans() ? length + 1 : 1;
    longest = std::max(longest, length);
  }
  EXPECT_EQ(longest, chain::kMaxPayloads);
}

TEST_F(ChainTest, ValuesOfAnotherFormBeginAnotherChainOnce) {
  EXPECT_TRUE(is_read(encoded(rows_at(0, 91)), rows_at(0, 91)));
  for (int i = 1; i < 5; ++i) encoded(rows_at(40 * i, 91));
  EXPECT_TRUE(encoder_.leans());
  encoded(rows_at(400, 91.25));
  EXPECT_FALSE(encoder_.leans());
  for (int i = 0; i < 5; ++i) {
    encoded(rows_at(440 + 80 * i, 91.5));
    EXPECT_TRUE(encoder_.leans());
    encoded(rows_at(480 + 80 * i, 90));
    EXPECT_TRUE(encoder_.leans()) << "decimals hold whole numbers as well";
  }
}

TEST_F(ChainTest, WhatFitsNoFormIsToldInFull) {
  LogRows rows;
  PointBatch batch;
  const double values[] = {1.5, 2.5, 3.5, -0.0, 4.5, 5.5, 6.5, 7.5, 8.5, 9.5};
  for (const double value : values) {
    Point& p = batch.points.emplace_back();
    p.event_time = {kBegin};
    p.arrival_time = {kBegin};
    p.series_hash = 0;
    p.first_value = static_cast<std::uint32_t>(batch.values.size());
    p.value_count = 1;
    batch.values.push_back({value, field::kSpeedKmh});
  }
  rows.add_points(batch, 0);
  ASSERT_TRUE(decoder_.open(encoded(rows)));
  LogEntry entry;
  ASSERT_TRUE(decoder_.next(entry));
  for (std::size_t i = 0; i < std::size(values); ++i) {
    EXPECT_EQ(entry.points->values[i].value, values[i]);
    EXPECT_EQ(std::signbit(entry.points->values[i].value), std::signbit(values[i]));
  }
}

TEST(BitStream, NumbersOfAllWidthsComeBack) {
  std::string bytes;
  BitWriter writer(bytes);
  std::vector<std::uint64_t> values;
  for (unsigned shift = 0; shift < 64; ++shift) {
    values.push_back(std::uint64_t{1} << shift);
    values.push_back(~std::uint64_t{0} >> shift);
  }
  for (const std::uint64_t value : values) {
    for (const unsigned k : {0u, 1u, 7u, 31u, 54u}) writer.put_rice(value, k);
    writer.put_raw(value);
    writer.put(value, 64);
    writer.put(value & 1, 1);
  }
  writer.finish();
  BitReader reader(bytes);
  bool is_raw = false;
  for (const std::uint64_t value : values) {
    for (const unsigned k : {0u, 1u, 7u, 31u, 54u}) {
      ASSERT_EQ(reader.get_rice(k, is_raw), value);
      ASSERT_FALSE(is_raw);
    }
    ASSERT_EQ(reader.get_rice(3, is_raw), value);
    ASSERT_TRUE(is_raw);
    ASSERT_EQ(reader.get(64), value);
    ASSERT_EQ(reader.get(1), value & 1);
  }
  EXPECT_TRUE(reader.ok());
  EXPECT_EQ(reader.bytes_taken(), bytes.size());
  EXPECT_TRUE(reader.ends_blank());
  reader.get(64);
  EXPECT_FALSE(reader.ok());
}

}  // namespace
}  // namespace slipstream
