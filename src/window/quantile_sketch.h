#pragma once
#include <cstdint>
#include <map>

#include "base/bytes.h"

namespace slipstream {

/// Quantiles of a stream with a relative error of 1%, of bounded size.
/// Source: C. Masson, J. E. Rim, H. K. Lee, "DDSketch: A Fast and Fully-Mergeable Quantile Sketch
/// with Relative-Error Guarantees", PVLDB 12(12), 2019.
class QuantileSketch {
 public:
  static constexpr double kRelativeError = 0.01;
  static constexpr std::size_t kMaxBuckets = 2048;  ///< a sign; beyond, the smallest are joined

  void add(double value);
  /// The value at rank floor(q * (count - 1)), within 1%; 0 when empty. q in [0, 1].
  double quantile(double q) const;
  std::uint64_t count() const { return count_; }

  void save(ByteWriter& out) const;
  /// False when the bytes make no sense; the sketch is then of no use.
  bool restore(ByteReader& in);

 private:
  using Buckets = std::map<std::int32_t, std::uint64_t>;
  static void collapse(Buckets& buckets);
  static void save(const Buckets& buckets, ByteWriter& out);
  static bool restore(Buckets& buckets, ByteReader& in);

  Buckets positive_;
  Buckets negative_;  ///< by magnitude
  std::uint64_t zeros_ = 0;
  std::uint64_t count_ = 0;
};

}  // namespace slipstream
