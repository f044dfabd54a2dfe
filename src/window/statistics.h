#pragma once
#include <array>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "model/point.h"
#include "model/rollup.h"
#include "window/quantile_sketch.h"
#include "window/state_bytes.h"

namespace slipstream {

/// A point's values with their fields, each in a column: made once for all windows that the point
/// is added to. One thread.
class PointValues {
 public:
  /// Fields that are added to together.
  static constexpr std::size_t kBlock = 4;

  void take(const PointBatch& batch, const Point& point) {
    event_ns_ = point.event_time.ns;
    count_ = point.value_count;
    const Value* const values = batch.values_begin(point);
    for (std::size_t i = 0; i < count_; ++i) {
      fields_[i] = values[i].field;
      numbers_[i] = values[i].value;
    }
    for (std::size_t i = count_; i % kBlock != 0; ++i) numbers_[i] = 0;
  }
  std::int64_t event_ns() const { return event_ns_; }
  std::span<const FieldId> fields() const { return {fields_.data(), count_}; }
  /// As many as fields, and zeros up to a whole block.
  const double* numbers() const { return numbers_.data(); }

 private:
  static_assert(Schema::kMaxFieldsPerPoint % kBlock == 0);

  std::int64_t event_ns_ = 0;
  std::size_t count_ = 0;
  std::array<FieldId, Schema::kMaxFieldsPerPoint> fields_;
  std::array<double, Schema::kMaxFieldsPerPoint> numbers_;
};

/// Figures of all fields of a window: count, sum, mean, variance (Welford's recurrence: B. P.
/// Welford, "Note on a Method for Calculating Corrected Sums of Squares and Products",
/// Technometrics 4(3), 1962), extremes, and the first and last values by event time, of equal times
/// by arrival. Kept in columns, a field beside the next, so that a point is added to several fields
/// at once. One thread.
class Statistics {
 public:
  explicit Statistics(bool with_quantiles = false) : with_quantiles_(with_quantiles) {}

  void add(const PointValues& point);
  /// As new, with the memory that it has.
  void clear(bool with_quantiles);
  /// Whether that is little enough to be kept for another window.
  bool is_worth_keeping() const {
    return cells_.capacity() <= kColumnCount * Schema::kMaxFieldsPerPoint;
  }
  std::vector<FieldFigures> figures() const;

  void save(StateWriter& out) const;
  /// False when the bytes make no sense; the statistics are then of no use. To the last bit, what
  /// is added afterwards gives the figures it would have given before.
  bool restore(StateReader& in);

 private:
  enum Column : std::size_t { kSum, kMean, kM2, kMin, kMax, kFirst, kLast, kColumnCount };
  /// Of the points that carry a field.
  struct Extent {
    std::uint64_t count = 0;
    std::int64_t first_ns = std::numeric_limits<std::int64_t>::max();
    std::int64_t last_ns = std::numeric_limits<std::int64_t>::min();

    void save(ByteWriter& out) const;
    void restore(ByteReader& in);
  };

  double* column(Column c) { return cells_.data() + c * width_; }
  const double* column(Column c) const { return cells_.data() + c * width_; }
  const Extent& extent(std::size_t field) const { return even_ ? common_ : extents_[field]; }

  bool has_fields_of(const PointValues& point) const;
  void add_to_all(const PointValues& point);
  void add_to(std::size_t field, double x, std::int64_t event_ns);
  std::size_t find_or_add(FieldId field);
  void widen(std::size_t fields);

  bool with_quantiles_;
  std::vector<FieldId> fields_;
  std::size_t width_ = 0;  ///< of a column: room for fields, in whole blocks
  std::vector<double> cells_;
  bool even_ = true;             ///< every point has had the same fields
  Extent common_;                ///< of all fields, while even
  std::vector<Extent> extents_;  ///< of each field, else
  std::vector<QuantileSketch> sketches_;
};

}  // namespace slipstream
