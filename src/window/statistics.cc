#include "window/statistics.h"

#include <algorithm>
#include <array>

namespace slipstream {

double FieldStatistics::reciprocal(std::uint64_t n) {
  static constexpr auto kTable = [] {
    std::array<double, 256> table{};
    for (std::size_t i = 1; i < table.size(); ++i) table[i] = 1.0 / static_cast<double>(i);
    return table;
  }();
  return n < kTable.size() ? kTable[n] : 1.0 / static_cast<double>(n);
}

void FieldStatistics::merge(const FieldStatistics& other) {
  if (other.count == 0) return;
  const auto n = static_cast<double>(count);
  const auto m = static_cast<double>(other.count);
  const double distance = other.mean - mean;
  mean += distance * m / (n + m);
  m2 += other.m2 + distance * distance * n * m / (n + m);
  count += other.count;
  sum += other.sum;
  min = std::min(min, other.min);
  max = std::max(max, other.max);
  if (other.first_ns < first_ns) {
    first = other.first;
    first_ns = other.first_ns;
  }
  if (other.last_ns >= last_ns) {
    last = other.last;
    last_ns = other.last_ns;
  }
  if (sketch && other.sketch) sketch->merge(*other.sketch);
}

FieldFigures FieldStatistics::figures() const {
  const auto n = static_cast<double>(count);
  FieldFigures f{.field = field,
                 .count = count,
                 .avg = sum / n,
                 .min = min,
                 .max = max,
                 .std = std::sqrt(std::max(0.0, m2 / n)),
                 .first = first,
                 .last = last};
  if (sketch) {
    f.p50 = sketch->quantile(0.50);
    f.p95 = sketch->quantile(0.95);
    f.p99 = sketch->quantile(0.99);
  }
  return f;
}

std::vector<FieldFigures> Statistics::figures() const {
  std::vector<FieldFigures> all;
  all.reserve(fields_.size());
  for (const auto& field : fields_) all.push_back(field.figures());
  return all;
}

FieldStatistics& Statistics::find_or_add(FieldId field) {
  const auto known = std::ranges::find(fields_, field, &FieldStatistics::field);
  if (known != fields_.end()) return *known;
  auto& added = fields_.emplace_back();
  added.field = field;
  if (with_quantiles_) added.sketch = std::make_unique<QuantileSketch>();
  return added;
}

}  // namespace slipstream
