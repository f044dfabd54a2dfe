#include "window/quantile_sketch.h"

#include <cmath>

namespace slipstream {
namespace {

constexpr double kGamma =
    (1 + QuantileSketch::kRelativeError) / (1 - QuantileSketch::kRelativeError);
constexpr std::int64_t kFarthestBucket = 100'000;  ///< none is, of any double
constexpr double kSmallest = 1e-12;                ///< magnitudes below count as zero

std::int32_t bucket_of(double magnitude) {
  static const double inverse_log_gamma = 1.0 / std::log(kGamma);
  return static_cast<std::int32_t>(std::ceil(std::log(magnitude) * inverse_log_gamma));
}

double middle_of(std::int32_t bucket) {
  return 2 * std::pow(kGamma, bucket) / (kGamma + 1);
}

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

void QuantileSketch::save(const Buckets& buckets, ByteWriter& out) {
  out.varint(buckets.size());
  std::int64_t before = 0;
  for (const auto& [bucket, n] : buckets) {
    out.zigzag(bucket - before);
    out.varint(n);
    before = bucket;
  }
}

bool QuantileSketch::restore(Buckets& buckets, ByteReader& in) {
  buckets.clear();
  const std::uint64_t size = in.varint();
  if (size > kMaxBuckets) return false;
  std::int64_t before = 0;
  for (std::uint64_t i = 0; i < size; ++i) {
    const std::int64_t step = in.zigzag();
    const std::uint64_t n = in.varint();
    if (step < -kFarthestBucket || step > 2 * kFarthestBucket || (i > 0 && step <= 0)) return false;
    before += step;
    if (before > kFarthestBucket) return false;
    buckets.emplace_hint(buckets.end(), static_cast<std::int32_t>(before), n);
  }
  return in.ok();
}

void QuantileSketch::save(ByteWriter& out) const {
  out.varint(count_);
  out.varint(zeros_);
  save(positive_, out);
  save(negative_, out);
}

bool QuantileSketch::restore(ByteReader& in) {
  count_ = in.varint();
  zeros_ = in.varint();
  if (!restore(positive_, in) || !restore(negative_, in)) return false;
  std::uint64_t sum = zeros_;
  for (const auto* buckets : {&positive_, &negative_}) {
    for (const auto& [bucket, n] : *buckets) sum += n;
  }
  return sum == count_;
}

}  // namespace slipstream
