// Whatever is gathered for a block of the log comes back from its payload; whatever is done to a
// payload, reading it ends well.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <limits>

#include "codec/point_log_testing.h"

namespace slipstream {
namespace {

using point_log_testing::describe;
using point_log_testing::read_back;

struct AnyPoint {
  std::string track, chassis, tags, json;
  std::int64_t event_ns, arrival_ns;
  std::uint64_t sequence;
  std::int32_t sector;
  std::int16_t lap;
  int source;
  bool lap_is_fault, has_sequence, has_texts, sector_derived;
  std::vector<std::pair<std::string, double>> values;
};

struct AnyEntry {
  LogEntryKind kind;
  std::uint32_t partition;
  std::vector<AnyPoint> points;
  std::int64_t time;
  std::string key, text;
  std::uint16_t status;
};

rc::Gen<double> any_value() {
  using Limits = std::numeric_limits<double>;
  return rc::gen::weightedOneOf<double>({
      {6, rc::gen::map(rc::gen::inRange(-100'000, 100'000), [](int i) { return i / 1e3; })},
      {3, rc::gen::map(rc::gen::inRange(-1'000, 1'000), [](int i) { return i * 0.001; })},
      {3, rc::gen::map(rc::gen::inRange(-1'000, 1'000), [](int i) { return double(i); })},
      {2, rc::gen::map(rc::gen::inRange(0, 1'000),
                       [](int i) { return double(33 + static_cast<float>(i) * 1e-5f); })},
      {1, rc::gen::element(-0.0, 0.0, Limits::denorm_min(), -Limits::denorm_min(), Limits::max(),
                           Limits::lowest(), Limits::min(), Limits::epsilon(), 0x1p51, -0x1p51,
                           0x1p51 - 1, 0x1p53, 0x1p63, -0x1p63, 1e9, 1e-9, 0.1 + 0.2)},
      {1, rc::gen::suchThat(rc::gen::map(rc::gen::arbitrary<std::uint64_t>(),
                                         [](auto bits) { return std::bit_cast<double>(bits); }),
                            [](double v) { return std::isfinite(v); })},
  });
}

rc::Gen<std::int64_t> any_time() {
  const auto near = [](std::int64_t unit) {
    return rc::gen::map(rc::gen::inRange<std::int64_t>(-5'000, 5'000),
                        [unit](std::int64_t i) { return 1'757'000'000'000'000'000 + i * unit; });
  };
  return rc::gen::oneOf(near(kNsPerMs), near(kNsPerMs), near(kNsPerUs), near(1),
                        rc::gen::arbitrary<std::int64_t>());
}

rc::Gen<std::string> any_name() {
  return rc::gen::element<std::string>("a", "barber", "GR86-002", "Nürburgring", "鈴鹿", "b\"c",
                                       std::string(128, 'x'));
}

rc::Gen<AnyPoint> any_point() {
  return rc::gen::build<AnyPoint>(
      rc::gen::set(&AnyPoint::track, any_name()), rc::gen::set(&AnyPoint::chassis, any_name()),
      rc::gen::set(&AnyPoint::tags,
                   rc::gen::element<std::string>("", "", R"("a":"b")", R"("a":"c","b":"x")")),
      rc::gen::set(&AnyPoint::json, rc::gen::arbitrary<std::string>()),
      rc::gen::set(&AnyPoint::event_ns, any_time()),
      rc::gen::set(&AnyPoint::arrival_ns, any_time()), rc::gen::set(&AnyPoint::sequence),
      rc::gen::set(&AnyPoint::sector,
                   rc::gen::oneOf(rc::gen::inRange(-1, 4), rc::gen::inRange(0, 1'000'001))),
      rc::gen::set(&AnyPoint::lap), rc::gen::set(&AnyPoint::source, rc::gen::inRange(0, 5)),
      rc::gen::set(&AnyPoint::lap_is_fault), rc::gen::set(&AnyPoint::has_sequence),
      rc::gen::set(&AnyPoint::has_texts), rc::gen::set(&AnyPoint::sector_derived),
      rc::gen::set(
          &AnyPoint::values,
          rc::gen::container<std::vector<std::pair<std::string, double>>>(rc::gen::pair(
              rc::gen::element<std::string>("rpm", "gear", "Öl", "x", "y"), any_value()))));
}

rc::Gen<AnyEntry> any_entry() {
  return rc::gen::build<AnyEntry>(
      rc::gen::set(&AnyEntry::kind, rc::gen::element(LogEntryKind::kPoints, LogEntryKind::kPoints,
                                                     LogEntryKind::kTick, LogEntryKind::kClose,
                                                     LogEntryKind::kDefinitions, LogEntryKind::kKey,
                                                     LogEntryKind::kVoid, LogEntryKind::kMark)),
      rc::gen::set(&AnyEntry::partition, rc::gen::element(0u, 1u, 2u, 4'294'967'295u)),
      rc::gen::set(&AnyEntry::points, rc::gen::container<std::vector<AnyPoint>>(any_point())),
      rc::gen::set(&AnyEntry::time, any_time()), rc::gen::set(&AnyEntry::key),
      rc::gen::set(&AnyEntry::text), rc::gen::set(&AnyEntry::status));
}

/// Of a size that leaves the tests time for many.
rc::Gen<std::vector<AnyEntry>> any_entries() {
  return rc::gen::scale(0.4, rc::gen::container<std::vector<AnyEntry>>(any_entry()));
}

TextRef append(std::string& text, std::string_view piece) {
  text += piece;
  return {static_cast<std::uint32_t>(text.size() - piece.size()),
          static_cast<std::uint32_t>(piece.size())};
}

PointBatch batch_of(const std::vector<AnyPoint>& points, Schema& schema) {
  PointBatch batch;
  for (const AnyPoint& any : points) {
    Point& p = batch.points.emplace_back();
    p.track = append(batch.text, any.track);
    p.chassis = append(batch.text, any.chassis);
    p.tags = append(batch.text, any.tags);
    p.series_hash = series_hash(any.track, any.chassis);
    p.json = append(batch.text, any.json);
    p.event_time = {any.event_ns};
    p.arrival_time = {any.arrival_ns};
    p.sequence = any.has_sequence ? any.sequence : 0;
    p.sector = any.sector;
    p.lap = any.lap;
    p.source = static_cast<SourceKind>(any.source);
    p.lap_is_fault = any.lap_is_fault;
    p.has_sequence = any.has_sequence;
    p.has_texts = any.has_texts;
    p.sector_derived = any.sector_derived;
    if (any.lap_is_fault && p.json.length > 2) p.lap_literal = {p.json.offset + 1, 2};
    p.first_value = static_cast<std::uint32_t>(batch.values.size());
    for (const auto& [name, value] : any.values) {
      batch.values.push_back({value, schema.fields().intern(name).value()});
    }
    p.value_count = static_cast<std::uint16_t>(any.values.size());
  }
  return batch;
}

void add(const AnyEntry& any, Schema& schema, LogRows& rows, std::vector<std::string>& expected) {
  LogEntry entry{.kind = any.kind, .partition = any.partition};
  switch (any.kind) {
    case LogEntryKind::kPoints:
      entry.points = std::make_unique<PointBatch>(batch_of(any.points, schema));
      rows.add_points(*entry.points, any.partition);
      break;
    case LogEntryKind::kTick:
      entry.time = {any.time};
      rows.add_tick(entry.time);
      break;
    case LogEntryKind::kClose:
      entry.time = {any.time};
      rows.add_close(entry.time);
      break;
    case LogEntryKind::kDefinitions:
      entry.text = any.text;
      rows.add_definitions(any.text);
      break;
    case LogEntryKind::kKey:
      entry.time = {any.time};
      entry.text = any.text;
      entry.key = any.key;
      entry.status = any.status;
      rows.add_key(any.key, entry.time, any.status, any.text);
      break;
    case LogEntryKind::kVoid:
      entry.count = any.status + 1u;
      rows.add_void(entry.count);
      break;
    case LogEntryKind::kMark:
      entry.time = {any.time};
      entry.text = any.text;
      rows.add_mark(entry.time, any.text);
      break;
  }
  describe(entry, schema, expected);
}

RC_GTEST_PROP(PointLogProperty, WhateverIsGatheredComesBack, ()) {
  const auto gathered = *any_entries();
  Schema schema;
  PointLogEncoder encoder(schema.fields());
  LogRows rows;
  std::string payload;
  for (int round = 0; round < 4; ++round) {  // some in the memory of those before
    std::vector<std::string> expected;
    std::vector<std::string> found;
    rows.clear();
    for (const AnyEntry& any : gathered) add(any, schema, rows, expected);
    if (round < 2) {
      encoder.encode_columns(rows, payload);
    } else {
      encoder.encode(rows, payload);
    }

    const auto entries = read_back(payload, schema);
    RC_ASSERT(entries.has_value());
    std::uint32_t offset = 0;
    for (const LogEntry& entry : *entries) {
      RC_ASSERT(entry.index == offset);
      offset += entry.count;
      const std::size_t before = found.size();
      describe(entry, schema, found);
      const bool is_void = entry.kind == LogEntryKind::kVoid;
      RC_ASSERT(found.size() - before == (is_void ? 1 : entry.count));
    }
    RC_ASSERT(rows.count() == offset);
    RC_ASSERT(found == expected);
  }
}

RC_GTEST_PROP(PointLogProperty, DamageIsAnErrorOrOtherEntriesAndNothingWorse, ()) {
  const auto gathered = *any_entries();
  Schema schema;
  LogRows rows;
  std::vector<std::string> described;
  for (const AnyEntry& any : gathered) add(any, schema, rows, described);
  std::string payload;
  PointLogEncoder(schema.fields()).encode_columns(rows, payload);
  const auto at = *rc::gen::inRange<std::size_t>(0, payload.size());
  payload[at] = static_cast<char>(payload[at] ^ *rc::gen::inRange(1, 256));
  if (const auto entries = read_back(payload, schema)) {
    for (const LogEntry& entry : *entries) describe(entry, schema, described);
  }
  const auto end = *rc::gen::inRange<std::size_t>(0, payload.size());
  if (const auto entries = read_back(std::string_view(payload).substr(0, end), schema)) {
    RC_ASSERT(end > at);  // what is whole up to its end was damaged into a shorter payload
  }
}

RC_GTEST_PROP(PointLogProperty, WhateverIsGatheredComesBackFromAChain, ()) {
  const auto blocks = *rc::gen::scale(0.5, rc::gen::container<std::vector<std::vector<AnyEntry>>>(
                                               rc::gen::scale(0.5, any_entries())));
  Schema schema;
  BatchPool pool;
  PointLogEncoder encoder(schema.fields());
  PointLogDecoder decoder(schema.fields(), pool);
  std::string payload;
  bool may_lean = true;
  for (const auto& gathered : blocks) {
    LogRows rows;
    std::vector<std::string> expected;
    std::vector<std::string> found;
    for (const AnyEntry& any : gathered) add(any, schema, rows, expected);
    encoder.encode(rows, payload, may_lean);
    RC_ASSERT(may_lean || !encoder.leans());
    RC_ASSERT(decoder.open(payload).has_value());
    RC_ASSERT(decoder.count() == rows.count());
    for (LogEntry entry; decoder.next(entry);) describe(entry, schema, found);
    RC_ASSERT(found == expected);
    may_lean = *rc::gen::weightedElement<bool>({{9, true}, {1, false}});
  }
}

RC_GTEST_PROP(PointLogProperty, DamageInAChainIsAnErrorOrOtherEntriesAndNothingWorse, ()) {
  const auto blocks = *rc::gen::scale(0.5, rc::gen::container<std::vector<std::vector<AnyEntry>>>(
                                               rc::gen::scale(0.5, any_entries())));
  Schema schema;
  BatchPool pool;
  PointLogEncoder encoder(schema.fields());
  PointLogDecoder decoder(schema.fields(), pool);
  std::vector<std::string> described;
  std::string payload;
  for (const auto& gathered : blocks) {
    LogRows rows;
    for (const AnyEntry& any : gathered) add(any, schema, rows, described);
    encoder.encode(rows, payload, true);
    if (*rc::gen::inRange(0, 3) == 0) {
      const auto at = *rc::gen::inRange<std::size_t>(0, payload.size());
      payload[at] = static_cast<char>(payload[at] ^ *rc::gen::inRange(1, 256));
    }
    if (!decoder.open(payload)) continue;
    for (LogEntry entry; decoder.next(entry);) describe(entry, schema, described);
  }
}

}  // namespace
}  // namespace slipstream
