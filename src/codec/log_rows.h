#pragma once
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "model/point.h"

namespace slipstream {

/// What takes an offset in the log: a point, or a control entry.
enum class LogEntryKind : std::uint8_t {
  kPoints,
  kTick,
  kClose,
  kDefinitions,
  kKey,
  kVoid,  ///< stands for entries that the log refused, so that those behind them keep their places
  kMark,  ///< of the points behind it (model/mark.h); for all partitions
};
inline constexpr std::size_t kLogEntryKindCount = 7;

/// Entries gathered for a block of the log, in order, as copies of their own: so a batch may go on
/// to be folded, and changed, while its block is encoded on another thread. Copying takes some tens
/// of nanoseconds a point; filled again after clear(), it allocates nothing. One thread at a time.
class LogRows {
 public:
  /// One control entry, points of one partition that follow each other, or a void.
  struct Run {
    LogEntryKind kind = LogEntryKind::kPoints;
    std::uint32_t partition = 0;  ///< kPoints
    std::uint32_t count = 1;      ///< of entries, each with an offset of its own; kPoints, kVoid
    std::uint16_t status = 0;     ///< kKey
    ArrivalTime time = {};        ///< kTick, kClose, kKey, kMark
    TextRef key = {};             ///< kKey
    TextRef text = {};            ///< kDefinitions, kKey: the answer, kMark
  };
  /// A longer run is cut, so that a batch read back is no larger than one that is received.
  static constexpr std::uint32_t kMaxRun = 1'024;

  static constexpr std::size_t kNoLimit = std::numeric_limits<std::size_t>::max();

  /// Adds points of the batch, from the first-th on, until bytes() has passed the limit or the
  /// batch ends; one at least. Returns the place behind the last that was added.
  std::size_t add_points(const PointBatch& batch, std::uint32_t partition, std::size_t first = 0,
                         std::size_t max_bytes = kNoLimit);
  void add_tick(ArrivalTime time) { add_control({.kind = LogEntryKind::kTick, .time = time}); }
  void add_close(ArrivalTime time) { add_control({.kind = LogEntryKind::kClose, .time = time}); }
  void add_definitions(std::string_view text);
  void add_key(std::string_view key, ArrivalTime time, std::uint16_t status,
               std::string_view answer);
  /// `text`: as codec/mark_json.h writes it.
  void add_mark(ArrivalTime arrival, std::string_view text);
  void add_void(std::uint32_t count) { add_control({.kind = LogEntryKind::kVoid, .count = count}); }
  void clear();

  bool empty() const { return count_ == 0; }
  bool has_marks() const { return has_marks_; }
  std::uint32_t count() const { return count_; }
  /// Of memory in use. A payload is smaller, but for the names of fields and a few bytes a value.
  std::size_t bytes() const {
    return points_.size() * sizeof(Point) + values_.size() * sizeof(Value) + text_.size() +
           runs_.size() * sizeof(Run);
  }
  /// Of the points; min above max where there is none.
  EventTime min_event_time() const { return min_event_time_; }
  EventTime max_event_time() const { return max_event_time_; }

  const std::vector<Run>& runs() const { return runs_; }
  /// Of all runs, in order. Their `json` is kept only where `has_texts`.
  const std::vector<Point>& points() const { return points_; }
  const std::vector<Value>& values() const { return values_; }
  std::string_view str(TextRef ref) const { return {text_.data() + ref.offset, ref.length}; }

 private:
  void add_slice(const PointBatch& batch, std::uint32_t partition, std::size_t first,
                 std::size_t end);
  void add_control(const Run& run);
  void add_runs(std::uint32_t partition, std::size_t count);
  TextRef add_text(std::string_view text);

  std::vector<Run> runs_;
  std::vector<Point> points_;
  std::vector<Value> values_;
  std::string text_;
  std::uint32_t count_ = 0;
  bool has_marks_ = false;
  EventTime min_event_time_{std::numeric_limits<std::int64_t>::max()};
  EventTime max_event_time_{std::numeric_limits<std::int64_t>::min()};
};

}  // namespace slipstream
