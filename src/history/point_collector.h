#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "codec/point_log_decoder.h"
#include "derive/derived_fields.h"
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
  /// `derived`: a schema whose derived fields a point tells alone; they are put in.
  PointCollector(const PointQuery& query, const ReadLimits& limits, const SchemaOptions& derived);

  /// Asked within payloads: an error ends the reading with it.
  using GoOn = std::function<Result<void>()>;

  /// Errors: kCorrupt, the payload is none (it is counted as lost); kRefused, beyond the limits;
  /// those of `go_on`.
  Result<void> take(std::string_view payload, std::uint32_t count, const GoOn& go_on);
  void lose(std::uint64_t entries) { points_.lost += entries; }
  /// What the log had before that time it does not have any more.
  void begins(EventTime at) { points_.gone_before = at; }
  MachinePoints finish();

 private:
  struct Row {
    EventTime time;
    std::uint64_t sequence;
    double frame;
    double session_time_s;
    std::uint32_t session;  ///< its number
    bool has_sequence;
    bool is_gone;
  };
  /// A mark that takes points back, which stands behind so many rows.
  struct Rewind {
    std::size_t rows;
    std::uint32_t session;
    EventTime time;
    double to_session_time_s;
  };
  static constexpr std::size_t kMostSessions = 4'096;
  static constexpr std::size_t kNoColumn = std::numeric_limits<std::size_t>::max();

  /// Whether derived fields are asked for; what they are made of is to be read then.
  bool is_to_derive();
  Result<void> take_points(PointBatch& batch);
  Result<void> add(const PointBatch& batch, const Point& point);
  std::size_t column_of(FieldId field);
  std::uint32_t session_number(std::string_view session);
  Result<void> take_mark(const Mark& mark);
  void take_back();
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
  std::vector<Rewind> rewinds_;
  std::vector<std::string> sessions_;       ///< by number; at most kMostSessions
  std::unique_ptr<DerivedFields> derived_;  ///< nullptr: none is asked for
  FunctionMemories nothing_;                ///< that they remember
  std::uint32_t session_ = 0;  ///< of the point before: one that says none is of it, too
  std::size_t values_ = 0;
  MachinePoints points_;
};

}  // namespace slipstream
