#pragma once
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/fault.h"
#include "codec/mark_json.h"
#include "codec/point_log_encoder.h"
#include "history/point_reader.h"
#include "log/segment_log.h"
#include "log/testing.h"

namespace slipstream::history_testing {

inline constexpr const char* kLogFolder = "/log";
inline constexpr std::int64_t kStartNs = 1'757'032'100 * kNsPerSecond;

/// A time that many seconds after the beginning.
inline EventTime at(double seconds) {
  return {kStartNs + std::llround(seconds * 1e9)};
}

struct TestPoint {
  std::string chassis = "GR86-01";
  double time_s = 0;
  std::vector<std::pair<std::string, double>> values = {};
  std::optional<std::uint64_t> sequence = {};
  std::string session = {};
  std::string track = "barber";
  std::int16_t lap = 1;
};

/// A log on a file system in memory, with a reader of it.
class HistoryLog {
 public:
  explicit HistoryLog(SegmentLogOptions options = {}) : options_(options) {
    auto opened = SegmentLog::open(files, kLogFolder, options_);
    EXPECT_TRUE(opened);
    log = std::move(*opened);
    encoder_ = std::make_unique<PointLogEncoder>(schema.fields());
  }

  /// One block.
  void add(const std::vector<TestPoint>& points, const std::vector<Mark>& marks = {}) {
    PointBatch batch;
    const auto text = [&](std::string_view piece) {
      batch.text += piece;
      return TextRef{static_cast<std::uint32_t>(batch.text.size() - piece.size()),
                     static_cast<std::uint32_t>(piece.size())};
    };
    for (const TestPoint& given : points) {
      Point& p = batch.points.emplace_back();
      p.track = text(given.track);
      p.chassis = text(given.chassis);
      p.series_hash = series_hash(given.track, given.chassis);
      p.event_time = at(given.time_s);
      p.arrival_time = {p.event_time.ns};
      p.lap = given.lap;
      p.has_sequence = given.sequence.has_value();
      p.sequence = given.sequence.value_or(0);
      p.has_texts = !given.session.empty();
      if (p.has_texts) p.json = text(R"({"session":")" + given.session + R"("})");
      p.first_value = static_cast<std::uint32_t>(batch.values.size());
      for (const auto& [name, value] : given.values) {
        batch.values.push_back({value, schema.fields().intern(name).value()});
      }
      p.value_count = static_cast<std::uint16_t>(given.values.size());
    }
    LogRows rows;
    if (!points.empty()) rows.add_points(batch, 0);
    for (const Mark& mark : marks) {
      std::string json;
      append_mark_json(json, mark);
      rows.add_mark({mark.time.ns}, json);
    }
    append(rows);
  }
  void add(const PointBatch& batch) {
    LogRows rows;
    rows.add_points(batch, 0);
    append(rows);
  }
  void append(const LogRows& rows) {
    std::string payload;
    encoder_->encode(rows, payload, log->may_lean());
    const auto appended = log->append({.base_offset = log->next_offset(),
                                       .count = rows.count(),
                                       .min_time_ns = rows.min_event_time().ns,
                                       .max_time_ns = rows.max_event_time().ns,
                                       .payload = payload,
                                       .leans = encoder_->leans()});
    ASSERT_TRUE(appended) << appended.error().message;
    ASSERT_TRUE(log->sync());
  }

  PointReader reader(ReadLimits limits = {}) {
    return PointReader(
        files, kLogFolder, [this] { return log->synced_segments(); }, indexes, system_clock(),
        limits);
  }
  MachinePoints read(const PointQuery& query) {
    auto points = reader().read(query);
    EXPECT_TRUE(points) << points.error().message;
    return points ? std::move(*points) : MachinePoints{};
  }
  /// Makes all indexes; returns how many.
  int index_all() {
    for (int made = 0;; ++made) {
      const auto done = indexes.tend(log->synced_segments(), {});
      EXPECT_TRUE(done);
      if (!done || !*done) return made;
    }
  }
  void seal() {
    // A segment is sealed when the next one begins.
    add({{.chassis = "other", .time_s = 0, .values = {{"speed_kmh", 1}}}});
  }

  log_testing::FaultyFileSystem files;
  Schema schema;
  std::unique_ptr<SegmentLog> log;
  SegmentIndexes indexes{files, kLogFolder};

 private:
  const SegmentLogOptions options_;
  std::unique_ptr<PointLogEncoder> encoder_;
};

inline PointQuery query_of(double from_s, double to_s, std::vector<std::string> fields = {},
                           std::string chassis = "GR86-01") {
  return {.track = "barber",
          .chassis = std::move(chassis),
          .from = at(from_s),
          .to = at(to_s),
          .fields = std::move(fields)};
}

inline std::vector<double> seconds_of(const MachinePoints& points) {
  std::vector<double> seconds;
  for (const EventTime time : points.times) {
    seconds.push_back(static_cast<double>(time.ns - kStartNs) / 1e9);
  }
  return seconds;
}

}  // namespace slipstream::history_testing
