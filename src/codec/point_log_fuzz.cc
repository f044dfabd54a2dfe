#include <cstdlib>

#include "codec/fuzzing.h"
#include "codec/point_json.h"
#include "codec/point_log_testing.h"

namespace slipstream {
namespace {

using point_log_testing::describe;
using point_log_testing::read_back;

struct Ignored final : RejectionSink {
  void rejected(std::size_t, const Rejection&, std::string_view) override {}
};

/// What came back must come back again, from both forms.
void check_payload(std::string_view payload) {
  Schema schema;
  const auto entries = read_back(payload, schema);
  if (!entries) return;
  LogRows rows;
  std::vector<std::string> first;
  for (const LogEntry& entry : *entries) {
    describe(entry, schema, first);
    add_entry(rows, entry);
  }
  std::string again;
  PointLogEncoder encoder(schema.fields());
  for (const bool in_columns : {true, false}) {
    if (in_columns) {
      encoder.encode_columns(rows, again);
    } else {
      encoder.encode(rows, again);
    }
    const auto second_entries = read_back(again, schema);
    if (!second_entries) std::abort();
    std::vector<std::string> second;
    for (const LogEntry& entry : *second_entries) describe(entry, schema, second);
    if (second != first) std::abort();
  }
}

/// Payloads of a chain, each behind its size in two bytes: what came back must come back again from
/// another chain.
void check_chain(std::string_view input) {
  Schema schema;
  BatchPool pool;
  PointLogDecoder decoder(schema.fields(), pool);
  PointLogDecoder again(schema.fields(), pool);
  PointLogEncoder encoder(schema.fields());
  bool may_lean = false;
  ByteReader reader(input);
  while (reader.left() > 0) {
    const std::string_view payload = reader.bytes(reader.fixed<std::uint16_t>());
    if (!reader.ok() || !decoder.open(payload)) return;
    LogRows rows;
    std::vector<std::string> first;
    for (LogEntry entry; decoder.next(entry);) {
      describe(entry, schema, first);
      add_entry(rows, entry);
    }
    std::string written;
    encoder.encode(rows, written, may_lean);
    may_lean = true;
    if (!again.open(written)) std::abort();
    std::vector<std::string> second;
    for (LogEntry entry; again.next(entry);) describe(entry, schema, second);
    if (second != first) std::abort();
  }
}

/// Points of a text are the same after the log, and after JSON written from their members.
void check_text(std::string_view input) {
  constexpr TextOrigin kOrigin{.arrival = {1'757'000'000'000'000'000}};
  Schema schema{{.sequence = "seq"}};
  IngestStats stats;
  BatchPool pool;
  BatchWriter writer(3, pool);
  PointDecoder decoder(schema, stats, writer);
  Ignored rejections;
  const auto decode = [&](std::string text) {
    text.reserve(text.size() + JsonDecoder::kPadding);
    decoder.decode(text, kOrigin, rejections);
  };
  decode(std::string(input));

  LogRows rows;
  std::vector<std::string> before;
  std::vector<std::string> after;
  std::vector<PointBatchPtr> batches;
  for (auto& open : writer.open()) {
    if (!open) continue;
    LogEntry entry{.partition = open->partition, .points = std::move(open)};
    rows.add_points(*entry.points, entry.partition);
    describe(entry, schema, before);
    batches.push_back(std::move(entry.points));
  }
  std::string payload;
  PointLogEncoder(schema.fields()).encode(rows, payload);
  const auto entries = read_back(payload, schema);
  if (!entries) std::abort();
  for (const LogEntry& entry : *entries) describe(entry, schema, after);
  if (before != after) std::abort();

  for (const auto& batch : batches) {
    for (const Point& point : batch->points) {
      std::string json;
      append_point_json(json, *batch, point, schema);
      if (json.size() > schema.options().max_point_bytes) continue;
      decode(json);
      PointBatchPtr& open = writer.open().at(point.series_hash % 3);
      if (!open || open->points.size() != 1) std::abort();
      if (describe(*open, open->points[0], schema) != describe(*batch, point, schema)) std::abort();
      open.reset();
    }
  }
}

}  // namespace
}  // namespace slipstream

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  slipstream::check_payload(input);
  slipstream::check_chain(input);
  slipstream::check_text(input);
  return 0;
}
