#include "window/statistics.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "base/check.h"

namespace slipstream {
namespace {

constexpr std::size_t kBlock = PointValues::kBlock;

/// Windows are small: a table saves most of the divisions.
double reciprocal(std::uint64_t n) {
  static constexpr auto kTable = [] {
    std::array<double, 256> table{};
    for (std::size_t i = 1; i < table.size(); ++i) table[i] = 1.0 / static_cast<double>(i);
    return table;
  }();
  return n < kTable.size() ? kTable[n] : 1.0 / static_cast<double>(n);
}

}  // namespace

void Statistics::add(const PointValues& point) {
  const auto fields = point.fields();
  if (fields_.empty() && common_.count == 0) {
    widen(fields.size());
    for (const FieldId field : fields) find_or_add(field);
  }
  if (even_) {
    if (has_fields_of(point)) return add_to_all(point);
    even_ = false;
    extents_.assign(fields_.size(), common_);
  }
  for (std::size_t i = 0; i < fields.size(); ++i) {
    add_to(find_or_add(fields[i]), point.numbers()[i], point.event_ns());
  }
}

bool Statistics::has_fields_of(const PointValues& point) const {
  const auto fields = point.fields();
  return fields.size() == fields_.size() && !fields.empty() &&
         std::memcmp(fields.data(), fields_.data(), fields.size_bytes()) == 0;
}

void Statistics::add_to_all(const PointValues& point) {
  const double* const __restrict xs = point.numbers();
  const double share = reciprocal(++common_.count);
  double* const __restrict sum = column(kSum);
  double* const __restrict mean = column(kMean);
  double* const __restrict m2 = column(kM2);
  double* const __restrict min = column(kMin);
  double* const __restrict max = column(kMax);
  CHECK(width_ < fields_.size() + kBlock, "a column has room for whole blocks of its fields");
  for (std::size_t block = 0; block < width_; block += kBlock) {
    for (std::size_t i = block; i < block + kBlock; ++i) {
      const double x = xs[i];
      const double distance = x - mean[i];
      sum[i] += x;
      mean[i] += distance * share;
      m2[i] += distance * (x - mean[i]);
      min[i] = x < min[i] ? x : min[i];
      max[i] = x > max[i] ? x : max[i];
    }
  }
  const std::int64_t event_ns = point.event_ns();
  if (event_ns < common_.first_ns) {
    common_.first_ns = event_ns;
    std::copy_n(xs, fields_.size(), column(kFirst));
  }
  if (event_ns >= common_.last_ns) {
    common_.last_ns = event_ns;
    std::copy_n(xs, fields_.size(), column(kLast));
  }
  for (std::size_t i = 0; i < sketches_.size(); ++i) sketches_[i].add(xs[i]);
}

void Statistics::add_to(std::size_t field, double x, std::int64_t event_ns) {
  const auto at = [&](Column c) -> double& { return column(c)[field]; };
  Extent& extent = extents_[field];
  const double distance = x - at(kMean);
  at(kSum) += x;
  at(kMean) += distance * reciprocal(++extent.count);
  at(kM2) += distance * (x - at(kMean));
  at(kMin) = std::min(at(kMin), x);
  at(kMax) = std::max(at(kMax), x);
  if (event_ns < extent.first_ns) {
    extent.first_ns = event_ns;
    at(kFirst) = x;
  }
  if (event_ns >= extent.last_ns) {
    extent.last_ns = event_ns;
    at(kLast) = x;
  }
  if (with_quantiles_) sketches_[field].add(x);
}

std::size_t Statistics::find_or_add(FieldId field) {
  const auto known = std::ranges::find(fields_, field);
  const auto number = static_cast<std::size_t>(known - fields_.begin());
  if (known != fields_.end()) return number;
  if (number == width_) widen(number + 1);
  fields_.push_back(field);
  column(kMin)[number] = std::numeric_limits<double>::infinity();
  column(kMax)[number] = -std::numeric_limits<double>::infinity();
  if (!even_) extents_.emplace_back();
  if (with_quantiles_) sketches_.emplace_back();
  return number;
}

void Statistics::clear(bool with_quantiles) {
  with_quantiles_ = with_quantiles;
  fields_.clear();
  width_ = 0;
  cells_.clear();
  even_ = true;
  common_ = {};
  extents_.clear();
  sketches_.clear();
}

/// Room for so many fields or more, in whole blocks; what the columns hold stays.
void Statistics::widen(std::size_t fields) {
  const std::size_t width = (fields + kBlock - 1) / kBlock * kBlock;
  if (width_ == 0) {
    cells_.assign(kColumnCount * width, 0);
    width_ = width;
    return;
  }
  std::vector<double> cells(kColumnCount * width);
  for (std::size_t c = 0; c < kColumnCount; ++c) {
    std::copy_n(cells_.begin() + static_cast<std::ptrdiff_t>(c * width_), width_,
                cells.begin() + static_cast<std::ptrdiff_t>(c * width));
  }
  cells_ = std::move(cells);
  width_ = width;
}

std::vector<FieldFigures> Statistics::figures() const {
  std::vector<FieldFigures> all;
  all.reserve(fields_.size());
  for (std::size_t i = 0; i < fields_.size(); ++i) {
    const std::uint64_t count = extent(i).count;
    const auto n = static_cast<double>(count);
    const double sum = column(kSum)[i];
    const double m2 = column(kM2)[i];
    auto& f = all.emplace_back(FieldFigures{.field = fields_[i],
                                            .count = count,
                                            .avg = std::isfinite(sum) ? sum / n : column(kMean)[i],
                                            .min = column(kMin)[i],
                                            .max = column(kMax)[i],
                                            .std = m2 < 0 ? 0 : std::sqrt(m2 / n),
                                            .first = column(kFirst)[i],
                                            .last = column(kLast)[i]});
    if (with_quantiles_) {
      // The sketch's error reaches beyond what was seen.
      const auto within = [&](double q) {
        return std::clamp(sketches_[i].quantile(q), f.min, f.max);
      };
      f.p50 = within(0.50);
      f.p95 = within(0.95);
      f.p99 = within(0.99);
    }
  }
  return all;
}

}  // namespace slipstream
