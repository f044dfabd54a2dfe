#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zstd.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "codec/point_json.h"
#include "codec/point_log_testing.h"
#include "codec/testing.h"

namespace slipstream {
namespace {

using codec_testing::Points;
using point_log_testing::describe;
using point_log_testing::read_back;

constexpr std::int64_t kNow = 1'757'000'000'123'456'789;

PointBatchPtr decoded(Points& points, std::initializer_list<const char*> texts) {
  for (const char* text : texts) points.add(text, {kNow});
  return points.take();
}

std::string payload_of(const Schema& schema, const LogRows& rows) {
  std::string payload;
  PointLogEncoder(schema.fields()).encode(rows, payload);
  return payload;
}

TEST(PointLog, APointComesBackWithoutItsText) {
  Points points({.sequence = "seq"});
  const auto batch = decoded(
      points,
      {R"({"meta_time":"2025-09-04T15:33:20.123456789Z","track":"cota","chassis":"GR86-01","lap":3,)"
       R"("sector":2,"speed_kmh":91.07,"gear":4,"seq":18446744073709551615})"});
  LogRows rows;
  rows.add_points(*batch, 7);
  const std::string payload = payload_of(points.schema(), rows);

  Schema schema;  // of another process: it has other numbers for the fields
  schema.fields().intern("one more");
  BatchPool pool;
  PointLogDecoder decoder(schema.fields(), pool);
  ASSERT_TRUE(decoder.open(payload));
  LogEntry entry;
  ASSERT_TRUE(decoder.next(entry));
  EXPECT_EQ(entry.kind, LogEntryKind::kPoints);
  EXPECT_EQ(entry.partition, 7u);
  ASSERT_TRUE(entry.points);
  const PointBatch& back = *entry.points;
  ASSERT_EQ(back.points.size(), 1u);
  const Point& p = back.points[0];
  EXPECT_EQ(back.track(p), "cota");
  EXPECT_EQ(back.chassis(p), "GR86-01");
  EXPECT_EQ(p.series_hash, series_hash("cota", "GR86-01"));
  EXPECT_EQ(p.event_time.ns, 1'757'000'000'123'456'789);
  EXPECT_EQ(p.arrival_time.ns, 1'757'000'000'123'000'000);
  EXPECT_EQ(p.lap, 3);
  EXPECT_EQ(p.sector, 2);
  EXPECT_TRUE(p.has_sequence);
  EXPECT_EQ(p.sequence, 18'446'744'073'709'551'615u);
  EXPECT_EQ(p.json.length, 0u);
  EXPECT_FALSE(p.has_texts);
  EXPECT_EQ(back.value_or_nan(p, field::kSpeedKmh), 91.07);
  EXPECT_EQ(back.value_or_nan(p, schema.fields().intern("gear").value()), 4);
  EXPECT_FALSE(decoder.next(entry));
}

TEST(PointLog, APointWithTextsKeepsItsJsonAndWhereItsLapStands) {
  Points points;
  const std::string text =
      R"({"track":"cota","note":"wet","chassis":"GR86-01","lap":32768,"meta_time":"2025-09-04T15:33:20Z"})";
  const auto batch = decoded(points, {R"({"track":"a","chassis":"b"})", text.c_str()});
  LogRows rows;
  rows.add_points(*batch, 0);
  const auto entries = read_back(payload_of(points.schema(), rows), points.schema());
  ASSERT_TRUE(entries);
  const PointBatch& back = *entries->at(0).points;
  const Point& p = back.points.at(1);
  EXPECT_EQ(back.json(p), text);
  EXPECT_TRUE(p.lap_is_fault);
  EXPECT_EQ(back.str(p.lap_literal), "32768");
  EXPECT_GE(back.text.size(), p.json.offset + p.json.length + PointBatch::kTextSpare);
}

TEST(PointLog, ControlEntriesStandWhereTheyWereAdded) {
  Points points;
  const auto batch =
      decoded(points, {R"({"track":"a","chassis":"b"})", R"({"track":"a","chassis":"c","rpm":1})"});
  LogRows rows;
  rows.add_definitions("every = 1s");
  rows.add_points(*batch, 3);
  rows.add_tick({kNow});
  rows.add_points(*batch, 3);
  rows.add_points(*batch, 4);
  rows.add_key("key", {kNow + 1}, 202, R"({"accepted":2})");
  rows.add_close({-1});
  EXPECT_EQ(rows.count(), 10u);
  const std::string payload = payload_of(points.schema(), rows);
  const auto entries = read_back(payload, points.schema());
  ASSERT_TRUE(entries);
  ASSERT_EQ(entries->size(), 7u);
  const LogEntry& key = entries->at(5);
  EXPECT_EQ(entries->at(0).text, "every = 1s");
  EXPECT_EQ(entries->at(1).index, 1u);
  EXPECT_EQ(entries->at(1).count, 2u);
  EXPECT_EQ(entries->at(2).kind, LogEntryKind::kTick);
  EXPECT_EQ(entries->at(2).time.ns, kNow);
  EXPECT_EQ(entries->at(4).partition, 4u);
  EXPECT_EQ(entries->at(4).index, 6u);
  EXPECT_EQ(key.key, "key");
  EXPECT_EQ(key.time.ns, kNow + 1);
  EXPECT_EQ(key.status, 202);
  EXPECT_EQ(key.text, R"({"accepted":2})");
  EXPECT_EQ(key.index, 8u);
  EXPECT_EQ(entries->at(6).kind, LogEntryKind::kClose);
  EXPECT_EQ(entries->at(6).time.ns, -1);
}

TEST(PointLog, LongRunsAreCutToBatchesOfAKnownSize) {
  Points points;
  for (int i = 0; i < 2'500; ++i) points.add(R"({"track":"a","chassis":"b"})", {kNow});
  LogRows rows;
  rows.add_points(*points.take(), 0);
  const auto entries = read_back(payload_of(points.schema(), rows), points.schema());
  ASSERT_TRUE(entries);
  std::vector<std::uint32_t> counts;
  for (const auto& entry : *entries) counts.push_back(entry.count);
  EXPECT_THAT(counts, testing::ElementsAre(1'024u, 1'024u, 452u));
}

TEST(PointLog, EveryTruncationIsAnError) {
  Points points({.sequence = "seq"}, 1);
  const auto batch = decoded(
      points, {R"({"track":"a","chassis":"b","seq":1,"rpm":5000,"accx_can":0.1234567890123})",
               R"({"track":"a","chassis":"b","lap":32768,"sector":3,"rpm":5001,"note":"x"})",
               R"({"track":"a","chassis":"c","seq":9,"rpm":-0.0,"speed_kmh":91.07000000000001})"});
  LogRows rows;
  rows.add_definitions("d");
  rows.add_points(*batch, 0);
  rows.add_key("k", {kNow}, 200, "a");
  const std::string payload = payload_of(points.schema(), rows);
  ASSERT_TRUE(read_back(payload, points.schema()));
  for (std::size_t size = 0; size < payload.size(); ++size) {
    EXPECT_FALSE(read_back(payload.substr(0, size), points.schema())) << size;
  }
  EXPECT_FALSE(read_back(payload + '\0', points.schema()));
}

std::vector<SourceKind> sources_of(std::string_view payload, Schema& schema) {
  std::vector<SourceKind> sources;
  const auto entries = read_back(payload, schema);
  EXPECT_TRUE(entries);
  if (!entries) return sources;
  for (const auto& entry : *entries) {
    for (const Point& p : entry.points->points) sources.push_back(p.source);
  }
  return sources;
}

TEST(PointLog, SourcesAreToldByTheirNames) {
  Points points;
  constexpr SourceKind kAll[] = {SourceKind::kWebSocket, SourceKind::kUdp,   SourceKind::kHttp,
                                 SourceKind::kWebSocket, SourceKind::kRedis, SourceKind::kReplay};
  for (const auto source : kAll) points.add(R"({"track":"a","chassis":"b"})", {kNow}, source);
  LogRows rows;
  rows.add_points(*points.take(), 0);
  std::string payload = payload_of(points.schema(), rows);
  EXPECT_THAT(sources_of(payload, points.schema()), testing::ElementsAreArray(kAll));

  const auto at = payload.find("http");
  ASSERT_NE(at, std::string::npos);
  payload.replace(at, 4, "pigeon", 4);  // of a version to come
  EXPECT_EQ(sources_of(payload, points.schema())[2], SourceKind::kReplay);
}

/// Where it has none a program of before reads it; where it has some that says what it lacks.
TEST(PointLog, MarksStandAmongPointsInPayloadsOfAVersionOfTheirOwn) {
  Points points;
  const auto batch = decoded(points, {R"({"track":"a","chassis":"b","rpm":1})"});
  PointLogEncoder encoder(points.schema().fields());
  std::string payload;
  for (const bool in_columns : {false, true}) {
    LogRows rows;
    for (const bool has_marks : {false, true, false}) {
      rows.clear();
      rows.add_points(*batch, 3);
      if (has_marks) rows.add_mark({kNow}, R"({"type":"mark"})");
      rows.add_points(*batch, 3);
      in_columns ? encoder.encode_columns(rows, payload) : encoder.encode(rows, payload);
      EXPECT_EQ(payload[0], in_columns ? (has_marks ? 4 : 2) : (has_marks ? 5 : 3));
      const auto entries = read_back(payload, points.schema());
      ASSERT_TRUE(entries);
      if (!has_marks) continue;
      ASSERT_EQ(entries->size(), 3u);
      const LogEntry& mark = entries->at(1);
      EXPECT_EQ(mark.kind, LogEntryKind::kMark);
      EXPECT_EQ(mark.index, 1u);
      EXPECT_EQ(mark.time.ns, kNow);
      EXPECT_EQ(mark.text, R"({"type":"mark"})");
      EXPECT_EQ(entries->at(2).index, 2u);
      for (std::size_t size = 0; size < payload.size(); ++size) {
        EXPECT_FALSE(read_back(payload.substr(0, size), points.schema())) << size;
      }
      --payload[0];  // a version that knows none, but for columns: 3 is the other form
      EXPECT_FALSE(read_back(payload, points.schema()));
    }
  }
}

class OldPayload : public testing::TestWithParam<std::pair<const char*, int>> {};

TEST_P(OldPayload, IsReadAndWrittenAnew) {
  std::ifstream in(std::string(SLIPSTREAM_SOURCE_DIR "/tests/corpus/point_log/") + GetParam().first,
                   std::ios::binary);
  const std::string old{std::istreambuf_iterator<char>(in), {}};
  ASSERT_FALSE(old.empty());
  ASSERT_EQ(old[0], GetParam().second);
  Schema schema;
  const auto entries = read_back(old, schema);
  ASSERT_TRUE(entries);
  LogRows rows;
  std::vector<std::string> before;
  for (const auto& entry : *entries) {
    if (entry.kind != LogEntryKind::kPoints) continue;
    describe(entry, schema, before);
    rows.add_points(*entry.points, entry.partition);
  }
  ASSERT_FALSE(before.empty());
  const std::string payload = payload_of(schema, rows);
  EXPECT_EQ(payload[0], 3);
  const auto again = read_back(payload, schema);
  ASSERT_TRUE(again);
  std::vector<std::string> after;
  for (const auto& entry : *again) describe(entry, schema, after);
  EXPECT_EQ(after, before);
}

INSTANTIATE_TEST_SUITE_P(PointLog, OldPayload,
                         testing::Values(std::pair{"mixed", 1}, std::pair{"columns", 2}));

TEST(PointLog, WhatAFullFieldTableCannotNameIsLeftOutAndCounted) {
  Points points;
  const auto batch = decoded(points, {R"({"track":"a","chassis":"b","new":1,"rpm":2})"});
  LogRows rows;
  rows.add_points(*batch, 0);
  const std::string payload = payload_of(points.schema(), rows);
  Schema full;
  for (std::size_t i = 0; full.fields().intern("f" + std::to_string(i)); ++i) {
  }
  BatchPool pool;
  PointLogDecoder decoder(full.fields(), pool);
  ASSERT_TRUE(decoder.open(payload));
  LogEntry entry;
  ASSERT_TRUE(decoder.next(entry));
  EXPECT_EQ(entry.points->points[0].value_count, 1);
  EXPECT_EQ(entry.points->value_or_nan(entry.points->points[0], field::kRpm), 2);
  EXPECT_EQ(decoder.values_dropped(), 1u);
}

TEST(PointJson, GivesTheSamePointWhenItIsReadAgain) {
  Points points({.sequence = "seq"});
  const auto batch = decoded(
      points,
      {R"({"meta_time":"2025-09-04T15:33:20.123456789Z","track":"a\"b","chassis":"ü","lap":32768,)"
       R"("sector":2,"seq":7,"speed_kmh":91.07000000000001,"gear":-0.0})",
       R"({"meta_time":1757000000,"track":"a","chassis":"b","note":"kept"})"});
  std::string json;
  append_point_json(json, *batch, batch->points[0], points.schema());
  EXPECT_EQ(json, R"({"meta_time":"2025-09-04T15:33:20.123456789Z","track":"a\"b","chassis":"ü",)"
                  R"("lap":32768,"sector":2,"seq":7,"speed_kmh":91.07000000000001,"gear":-0})");
  json.clear();
  append_point_json(json, *batch, batch->points[1], points.schema());
  EXPECT_EQ(
      json,
      R"({"meta_time":"2025-09-04T15:33:20Z","track":"a","chassis":"b","note":"kept","lap":0})");
}

TEST(PointLog, FieldsThatAreNotAskedForArePassedOverInColumns) {
  Points points;
  for (int i = 0; i < 300; ++i) {
    // Decimals with exceptions, products, 32-bit floats, whole numbers, any number; not in each.
    std::string text = fmt::format(
        R"({{"meta_time":{},"track":"cota","chassis":"c{}","lap":1,"decimals":{},"products":{},)"
        R"("floats":{},"whole":{})",
        1'757'000'000'000 + i, i % 3, i % 40 == 7 ? "1e-300" : fmt::format("{:.2f}", i * 0.37),
        346 * 0.001 * i, static_cast<double>(0.1F * static_cast<float>(i)), i);
    if (i % 2 == 0) text += fmt::format(R"(,"sparse":{})", 1.0 / (i + 3));
    points.add(text + "}", {kNow});
  }
  const auto batch = points.take();
  LogRows rows;
  rows.add_points(*batch, 0);
  std::string payload;
  PointLogEncoder(points.schema().fields()).encode_columns(rows, payload);

  for (const char* const name : {"decimals", "products", "floats", "whole", "sparse"}) {
    const FieldId asked = points.schema().fields().intern(name).value();
    std::vector<bool> wanted(FieldTable::kMaxFields);
    wanted[asked] = true;
    BatchPool pool;
    PointLogDecoder decoder(points.schema().fields(), pool);
    decoder.read_only(&wanted);
    ASSERT_TRUE(decoder.open(payload)) << name;
    std::size_t next = 0;
    for (LogEntry entry; decoder.next(entry);) {
      for (const Point& p : entry.points->points) {
        const Point& original = batch->points[next++];
        ASSERT_EQ(p.value_count, original.value_count);
        for (std::size_t v = 0; v < p.value_count; ++v) {
          const Value& found = entry.points->values_begin(p)[v];
          const Value& expected = batch->values_begin(original)[v];
          ASSERT_EQ(found.field, expected.field);
          if (found.field == asked) {
            EXPECT_EQ(found.value, expected.value) << name;
          } else {
            EXPECT_TRUE(std::isnan(found.value)) << name;
          }
        }
      }
    }
    EXPECT_EQ(next, batch->points.size());
    EXPECT_FALSE(decoder.open(payload.substr(0, payload.size() - 1))) << name;
  }
}

TEST(PointLogSize, ARealLapTakesAtMostTwentyFiveBytesAPoint) {
  const char* given = std::getenv("SLIPSTREAM_TEST_DATA");
  const std::filesystem::path file =
      std::filesystem::path(given != nullptr ? given : SLIPSTREAM_SOURCE_DIR "/../shared/data") /
      "gr86_barber_r1.csv";
  if (!std::filesystem::exists(file)) {
    GTEST_SKIP() << "SLIPSTREAM_TEST_DATA has no gr86_barber_r1.csv";
  }
  constexpr std::size_t kBlockHeader = 64;
  for (const std::size_t most : {std::size_t{100}, std::size_t{4'000}}) {
    Points points;
    points.add_export(file.string(), most);
    const auto batch = points.take();
    LogRows rows;
    rows.add_points(*batch, 0);
    const std::string payload = payload_of(points.schema(), rows);
    std::string block(ZSTD_compressBound(payload.size()), '\0');
    const std::size_t size =
        ZSTD_compress(block.data(), block.size(), payload.data(), payload.size(), 1);
    const double bytes = static_cast<double>(size + kBlockHeader) / rows.count();
    RecordProperty("bytes_a_point_" + std::to_string(rows.count()), std::to_string(bytes));
    EXPECT_LE(bytes, 25) << "in a block of " << rows.count();

    std::vector<std::string> expected;
    std::vector<std::string> found;
    for (const Point& p : batch->points) expected.push_back(describe(*batch, p, points.schema()));
    const auto entries = read_back(payload, points.schema());
    ASSERT_TRUE(entries);
    for (const LogEntry& entry : *entries) {
      for (const Point& p : entry.points->points) {
        found.push_back(describe(*entry.points, p, points.schema()));
      }
    }
    EXPECT_EQ(found, expected);
  }
}

}  // namespace
}  // namespace slipstream
