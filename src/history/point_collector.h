#pragma once
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "codec/point_log_decoder.h"
#include "history/machine_points.h"
#include "history/point_query.h"
#include "model/mark.h"

namespace slipstream {

/// What one answer may take. What is beyond is refused, never cut.
struct ReadLimits {
  std::size_t max_points = 1'000'000;
  std::size_t max_values = 8'000'000;
  std::int64_t max_ns = 10 * kNsPerSecond;
};

/// Gathers a machine's points out of payloads of the log, which it is given in the log's order. One
/// query; threads: one.
class PointCollector {
 public:
  PointCollector(const PointQuery& query, const ReadLimits& limits);

  /// Errors: kCorrupt, the payload is none (it is counted as lost); kRefused, beyond the limits.
  Result<void> take(std::string_view payload, std::uint32_t count);
  void lose(std::uint64_t entries) { points_.lost += entries; }
  MachinePoints finish();

 private:
  struct Row {
    EventTime time;
    std::uint64_t sequence;
    double frame;
    double session_time_s;
    bool has_sequence;
    bool is_gone;
  };
  static constexpr std::size_t kNoColumn = std::numeric_limits<std::size_t>::max();

  Result<void> take_points(const PointBatch& batch);
  Result<void> add(const PointBatch& batch, const Point& point);
  std::size_t column_of(FieldId field);
  void take_back(const Mark& mark);
  void drop_duplicates();

  const PointQuery query_;
  const ReadLimits limits_;
  const std::uint64_t hash_;
  Schema schema_;
  BatchPool pool_;
  PointLogDecoder decoder_;
  const std::optional<FieldId> frame_;
  const std::optional<FieldId> session_time_;
  std::vector<std::size_t> column_by_field_;
  std::vector<bool> is_wanted_;  ///< by field, where some are asked for
  std::vector<bool> is_seen_;    ///< by field
  std::vector<Row> rows_;
  std::size_t values_ = 0;
  MachinePoints points_;
};

}  // namespace slipstream
