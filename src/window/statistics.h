#pragma once
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <vector>

#include "model/point.h"
#include "model/rollup.h"
#include "window/quantile_sketch.h"

namespace slipstream {

/// Figures of one field. Mergeable. Variance by Welford's recurrence and Chan, Golub and LeVeque's
/// merge ("Updating Formulae and a Pairwise Algorithm for Computing Sample Variances", 1979).
/// `first` and `last` go by event time, of equal times by arrival.
struct FieldStatistics {
  FieldId field = 0;
  std::uint64_t count = 0;
  double sum = 0;
  double mean = 0;
  double m2 = 0;  ///< sum of squared distances from the mean
  double min = std::numeric_limits<double>::infinity();
  double max = -std::numeric_limits<double>::infinity();
  double first = 0;
  double last = 0;
  std::int64_t first_ns = std::numeric_limits<std::int64_t>::max();
  std::int64_t last_ns = std::numeric_limits<std::int64_t>::min();
  std::unique_ptr<QuantileSketch> sketch;  ///< only where the definition asks for quantiles

  void add(double x, std::int64_t event_ns) {
    ++count;
    sum += x;
    const double distance = x - mean;
    mean += distance * reciprocal(count);
    m2 += distance * (x - mean);
    min = x < min ? x : min;
    max = x > max ? x : max;
    if (event_ns < first_ns) {
      first = x;
      first_ns = event_ns;
    }
    if (event_ns >= last_ns) {
      last = x;
      last_ns = event_ns;
    }
    if (sketch) sketch->add(x);
  }
  void merge(const FieldStatistics& other);
  FieldFigures figures() const;

 private:
  /// Windows are small: a table saves most of the divisions.
  static double reciprocal(std::uint64_t n);
};

/// Figures of all fields of a window.
class Statistics {
 public:
  explicit Statistics(bool with_quantiles = false) : with_quantiles_(with_quantiles) {}

  void add(const PointBatch& batch, const Point& point) {
    const Value* value = batch.values_begin(point);
    for (std::size_t i = 0; i < point.value_count; ++i, ++value) {
      // A sender's points carry their fields in one order, mostly.
      FieldStatistics& s = i < fields_.size() && fields_[i].field == value->field
                               ? fields_[i]
                               : find_or_add(value->field);
      s.add(value->value, point.event_time.ns);
    }
  }
  std::vector<FieldFigures> figures() const;
  const std::vector<FieldStatistics>& fields() const { return fields_; }

 private:
  FieldStatistics& find_or_add(FieldId field);

  bool with_quantiles_;
  std::vector<FieldStatistics> fields_;
};

}  // namespace slipstream
