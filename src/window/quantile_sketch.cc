#include "window/quantile_sketch.h"

#include <cmath>

namespace slipstream {
namespace {

constexpr double kGamma = (1 + QuantileSketch::kRelativeError) / (1 - QuantileSketch::kRelativeError);
constexpr double kSmallest = 1e-12;  ///< magnitudes below count as zero

std::int32_t bucket_of(double magnitude) {
  static const double inverse_log_gamma = 1.0 / std::log(kGamma);
  return static_cast<std::int32_t>(std::ceil(std::log(magnitude) * inverse_log_gamma));
}

double middle_of(std::int32_t bucket) { return 2 * std::pow(kGamma, bucket) / (kGamma + 1); }

}  // namespace

void QuantileSketch::add(double value) {
  ++count_;
  const double magnitude = std::abs(value);
  if (magnitude < kSmallest) {
    ++zeros_;
    return;
  }
  Buckets& buckets = value > 0 ? positive_ : negative_;
  ++buckets[bucket_of(magnitude)];
  collapse(buckets);
}

void QuantileSketch::merge(const QuantileSketch& other) {
  count_ += other.count_;
  zeros_ += other.zeros_;
  for (const auto& [bucket, n] : other.positive_) positive_[bucket] += n;
  for (const auto& [bucket, n] : other.negative_) negative_[bucket] += n;
  collapse(positive_);
  collapse(negative_);
}

void QuantileSketch::collapse(Buckets& buckets) {
  while (buckets.size() > kMaxBuckets) {
    const auto smallest = buckets.begin();
    std::next(smallest)->second += smallest->second;
    buckets.erase(smallest);
  }
}

double QuantileSketch::quantile(double q) const {
  if (count_ == 0) return 0;
  auto rank = static_cast<std::uint64_t>(q * static_cast<double>(count_ - 1));
  for (auto it = negative_.rbegin(); it != negative_.rend(); ++it) {
    if (rank < it->second) return -middle_of(it->first);
    rank -= it->second;
  }
  if (rank < zeros_) return 0;
  rank -= zeros_;
  for (const auto& [bucket, n] : positive_) {
    if (rank < n) return middle_of(bucket);
    rank -= n;
  }
  return positive_.empty() ? 0 : middle_of(positive_.rbegin()->first);
}

}  // namespace slipstream
