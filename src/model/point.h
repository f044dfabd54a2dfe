#pragma once
#include <cstdint>
#include <limits>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "model/schema.h"
#include "tracing/sampled_trace.h"

namespace slipstream {

enum class SourceKind : std::uint8_t { kUdp, kHttp, kWebSocket, kRedis, kReplay };
inline constexpr std::size_t kSourceKindCount = 5;
inline constexpr std::string_view kSourceNames[kSourceKindCount] = {"udp", "http", "ws", "redis",
                                                                    "replay"};

/// A slice of PointBatch::text.
struct TextRef {
  std::uint32_t offset = 0;
  std::uint32_t length = 0;
};

struct Value {
  double value;
  FieldId field;
};

/// One reading of one machine at one instant. Its strings and values live in its batch.
///
/// Its machine is (track, chassis): partitions, laps and insights go by that. Its series is the
/// machine and its further tags: windows go by that.
struct Point {
  static constexpr std::int32_t kNoSector = -1;
  static constexpr std::uint32_t kNoSeries = std::numeric_limits<std::uint32_t>::max();

  EventTime event_time;
  ArrivalTime arrival_time;   ///< the kernel's receipt where it tells, else ours
  std::uint64_t series_hash;  ///< of its machine (track, chassis); see series_hash()
  std::uint64_t sequence = 0;
  TextRef json;     ///< the point as JSON, complete; kTextSpare bytes after it are free
  TextRef track;    ///< unescaped
  TextRef chassis;  ///< unescaped
  TextRef tags;     ///< of its series beside the machine, as model/tags.h spells them
  std::uint32_t first_value = 0;
  std::uint32_t series = kNoSeries;   ///< the partition's number for it, once it is there
  std::uint32_t machine = kNoSeries;  ///< the number of its machine's series without tags
  std::int32_t sector = kNoSector;
  TextRef lap_literal;  ///< where the lap stands in `json`; set only when lap_is_fault
  std::int16_t lap = 0;
  std::uint16_t value_count = 0;
  SourceKind source = SourceKind::kUdp;
  bool lap_is_fault = false;  ///< the logger's fault value: to be repaired by the partition
  bool has_sequence = false;
  bool has_texts = false;  ///< carries members that are no numbers, beyond its dimensions, tags
  bool sector_derived = false;  ///< from the distance: not yet in `json`
  bool sector_unknown = false;  ///< 0, since nothing told of one in its lap
};

/// Points on their way, all for one partition, with what they refer to. Moved from owner to owner,
/// never shared while it changes; immutable once a partition has handed it to the broadcast.
struct PointBatch {
  static constexpr std::size_t kTextSpare = 32;
  static constexpr std::uint64_t kNoOffset = std::numeric_limits<std::uint64_t>::max();

  std::vector<Point> points;
  std::vector<Value> values;
  std::string text;
  std::uint32_t partition = 0;
  /// Of its first point in the log of this machine; the others follow. kNoOffset: they are in none.
  std::uint64_t log_offset = kNoOffset;
  /// Where spans of it are recorded; nullptr: nearly always.
  SampledTracePtr sampled = {};
  std::int64_t handed_on_ns = 0;  ///< where it is sampled: when the broadcast got it, wall clock

  std::string_view str(TextRef ref) const { return {text.data() + ref.offset, ref.length}; }
  std::string_view json(const Point& p) const { return str(p.json); }
  std::string_view track(const Point& p) const { return str(p.track); }
  std::string_view chassis(const Point& p) const { return str(p.chassis); }
  std::string_view tags(const Point& p) const { return str(p.tags); }
  const Value* values_begin(const Point& p) const { return values.data() + p.first_value; }
  const Value* values_end(const Point& p) const { return values_begin(p) + p.value_count; }
  /// NaN when the point lacks the field.
  double value_or_nan(const Point& p, FieldId id) const {
    for (auto v = values_begin(p); v != values_end(p); ++v) {
      if (v->field == id) return v->value;
    }
    return std::numeric_limits<double>::quiet_NaN();
  }

  std::size_t bytes() const {
    return points.size() * sizeof(Point) + values.size() * sizeof(Value) + text.size() +
           sizeof(PointBatch);
  }
  void clear() {
    points.clear();
    values.clear();
    text.clear();
    log_offset = kNoOffset;
    sampled.reset();
  }
};
using PointBatchPtr = std::unique_ptr<PointBatch>;

/// Of a machine. Decides a point's partition; equal on every machine and in every version.
std::uint64_t series_hash(std::string_view track, std::string_view chassis);
/// Of a series of that machine; without tags the machine's.
std::uint64_t series_hash(std::uint64_t machine_hash, std::string_view tags);

/// Used batches, kept to be filled again, so that a steady flow allocates nothing.
/// Threads: any. Bounded: beyond `max_idle` batches, or a batch grown past `max_batch_bytes`,
/// memory goes back to the allocator.
class BatchPool {
 public:
  explicit BatchPool(std::size_t max_idle = 64, std::size_t max_batch_bytes = std::size_t{1} << 20)
      : max_idle_(max_idle), max_batch_bytes_(max_batch_bytes) {}
  PointBatchPtr get();
  void put(PointBatchPtr batch);

 private:
  const std::size_t max_idle_;
  const std::size_t max_batch_bytes_;
  std::mutex mutex_;  // guards idle_
  std::vector<PointBatchPtr> idle_;
};

}  // namespace slipstream
