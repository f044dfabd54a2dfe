// Payloads that go on with a chain: what they leave out, and when they may not be read.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <functional>
#include <limits>
#include <random>
#include <span>

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

/// Points of one value each, all in one series.
LogRows rows_of(std::span<const double> values) {
  PointBatch batch;
  for (const double value : values) {
    Point& p = batch.points.emplace_back();
    p.event_time = {kBegin};
    p.arrival_time = {kBegin};
    p.first_value = static_cast<std::uint32_t>(batch.values.size());
    p.value_count = 1;
    batch.values.push_back({value, field::kSpeedKmh});
  }
  LogRows rows;
  rows.add_points(batch, 0);
  return rows;
}

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

TEST_F(ChainTest, ASingleOddValueEndsNoChain) {
  for (const double odd : {-0.0, kNaN, 1e300, 1.0 / 3}) {
    PointLogEncoder encoder{points_.schema().fields()};
    int begun = 0;
    for (int i = 0; i < 250; ++i) {
      const double value = i % 10 == 2 ? odd : 90 + i / 100.0;
      std::string payload;
      encoder.encode(rows_of({&value, 1}), payload, true);
      begun += encoder.leans() ? 0 : 1;
      ASSERT_TRUE(decoder_.open(payload)) << i;
      LogEntry entry;
      ASSERT_TRUE(decoder_.next(entry));
      ASSERT_EQ(std::bit_cast<std::uint64_t>(entry.points->values.at(0).value),
                std::bit_cast<std::uint64_t>(value));
    }
    EXPECT_LE(begun, 2) << odd << ": the first chain, and the one that has decimals";
  }
}

TEST_F(ChainTest, AnOddValueAtTheBeginningIsForgotten) {
  const double odd = kNaN;
  encoded(rows_of({&odd, 1}));
  std::size_t bytes = 0;
  for (int i = 0; i < 100; ++i) {
    const double value = 90 + i / 100.0;
    bytes = encoded(rows_of({&value, 1})).size();
  }
  EXPECT_LT(bytes, 9u);
}

TEST_F(ChainTest, ManyValuesOfNoFormTakeAnotherOne) {
  int begun = 0;
  std::size_t bytes = 0;
  for (int i = 0; i < 200; ++i) {
    const double value = i < 100 ? 90 + i / 100.0 : 1.0 / (i + 1'000'003);
    bytes = encoded(rows_of({&value, 1})).size();
    begun += encoder_.leans() ? 0 : 1;
  }
  EXPECT_EQ(begun, 3) << "one of whole numbers, of decimals, of patterns";
  EXPECT_LT(bytes, 14u) << "not told in full";
}

TEST_F(ChainTest, NamesOverTheLimitGoIntoColumns) {
  PointBatch batch;
  for (int i = 0; i < 17; ++i) {
    Point& p = batch.points.emplace_back();
    p.event_time = {kBegin};
    p.arrival_time = {kBegin};
    const auto begin = static_cast<std::uint32_t>(batch.text.size());
    batch.text += fmt::format("{:01000000}", i);
    p.chassis = {begin, 1'000'000};
  }
  LogRows rows;
  rows.add_points(batch, 0);
  const std::string payload = encoded(rows);
  EXPECT_EQ(payload.at(0), point_log::kVersion);
  EXPECT_TRUE(is_read(payload, rows));
  const double value = 1;
  EXPECT_EQ(encoded(rows_of({&value, 1})).at(0), point_log::kChainVersion);
  EXPECT_FALSE(encoder_.leans());
}

/// Payloads that would have a reader take far more memory than they have bytes.
class HostileChain : public ChainTest {
 protected:
  using Fill = std::function<void(ByteWriter&)>;

  /// A payload without points: names alone. `place` 0: it begins the chain.
  static std::string names(std::uint8_t place, const Fill& fill) {
    std::string bytes;
    ByteWriter out(bytes);
    out.fixed(point_log::kChainVersion);
    out.fixed(
        static_cast<std::uint8_t>(point_log::kHasNames | (place > 0 ? point_log::kLeans : 0)));
    if (place > 0) {
      out.fixed(place);
    } else {
      out.fixed(std::uint8_t{0});
      out.zigzag(0);
      out.zigzag(0);
    }
    out.varint(0);
    fill(out);
    return bytes;
  }
  /// A list of each kind, `before` of which are empty; what is behind it, too.
  static std::string list(std::uint8_t place, int before, std::uint64_t count, const Fill& each) {
    return names(place, [&](ByteWriter& out) {
      for (int i = 0; i < before; ++i) out.varint(0);
      out.varint(count);
      for (std::uint64_t i = 0; i < count; ++i) each(out);
      for (int i = before + 1; i < 5; ++i) out.varint(0);
    });
  }
};

TEST_F(HostileChain, ListsAreBoundedThroughAllOfAChain) {
  const Fill series = [](ByteWriter& out) {
    for (int i = 0; i < 3; ++i) out.text("");
  };
  const Fill a_field = [](ByteWriter& out) {
    out.text("a");
    for (const int byte : {48, 0, 0}) out.fixed(static_cast<std::uint8_t>(byte));
  };
  const Fill source = [](ByteWriter& out) { out.text("udp"); };
  const Fill shape = [](ByteWriter& out) {
    out.fixed(std::uint8_t{0});
    out.varint(0);
    out.varint(0);
  };
  const Fill strand = [](ByteWriter& out) {
    for (int i = 0; i < 3; ++i) out.varint(0);
  };
  const Fill all[] = {series, a_field, source, shape, strand};
  for (int kind = 0; kind < 5; ++kind) {
    // One of each to refer to.
    ASSERT_TRUE(decoder_.open(names(0, [&](ByteWriter& out) {
      for (const Fill& fill : all) {
        out.varint(1);
        fill(out);
      }
    })));
    EXPECT_TRUE(decoder_.open(list(1, kind, chain::kMaxNames / 2, all[kind]))) << kind;
    EXPECT_FALSE(decoder_.open(list(2, kind, chain::kMaxNames / 2, all[kind]))) << kind;
  }
}

TEST_F(HostileChain, NamesAndFieldsOfShapesAreBounded) {
  ASSERT_TRUE(decoder_.open(names(0, [](ByteWriter& out) {
    out.varint(0);
    out.varint(1);
    out.text("a");
    for (const int byte : {48, 0, 0}) out.fixed(static_cast<std::uint8_t>(byte));
    out.varint(1);
    out.text("udp");
    out.varint(0);
    out.varint(0);
  })));
  const Fill wide = [](ByteWriter& out) {
    out.fixed(std::uint8_t{0});
    out.varint(0);
    out.varint(60'000);
    for (int i = 0; i < 60'000; ++i) out.varint(0);
  };
  EXPECT_TRUE(decoder_.open(list(1, 3, 17, wide)));
  EXPECT_FALSE(decoder_.open(list(2, 3, 1, wide)));

  const std::string megabyte(std::size_t{1} << 20, 'x');
  const Fill large = [&](ByteWriter& out) {
    for (int i = 0; i < 3; ++i) out.text(megabyte);
  };
  EXPECT_TRUE(decoder_.open(list(0, 0, 5, large)));
  EXPECT_FALSE(decoder_.open(list(1, 0, 1, large)));
}

TEST_F(HostileChain, AnyChangedBytesAreReadOrRefused) {
  std::vector<std::string> payloads;
  for (int i = 0; i < 4; ++i) payloads.push_back(encoded(rows_at(40 * i, 91.07, 5)));
  std::mt19937_64 random(11);
  for (int round = 0; round < 4'000; ++round) {
    std::vector<std::string> changed = payloads;
    std::string& one = changed[random() % changed.size()];
    for (std::uint64_t n = 1 + random() % 4; n > 0; --n) {
      one[random() % one.size()] = static_cast<char>(random());
    }
    if (random() % 4 == 0) one.resize(random() % one.size());
    for (const std::string& payload : changed) {
      if (!decoder_.open(payload)) continue;
      std::uint64_t count = 0;
      for (LogEntry entry; decoder_.next(entry);) {
        count += entry.points ? entry.points->points.size() : entry.count;
        for (const Point& p : entry.points ? entry.points->points : std::vector<Point>{}) {
          ASSERT_LE(p.first_value + p.value_count, entry.points->values.size());
          ASSERT_LE(std::size_t{p.json.offset} + p.json.length, entry.points->text.size());
        }
      }
      ASSERT_LE(count, decoder_.count());
    }
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
