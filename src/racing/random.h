#pragma once
#include <cstdint>

namespace slipstream {

/// Random numbers that are the same for a seed on every machine and standard library (SplitMix64).
/// Threads: one.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}

  std::uint64_t next() {
    std::uint64_t z = (state_ += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
  }
  /// In [0, 1).
  double uniform() { return static_cast<double>(next() >> 11) * 0x1p-53; }
  /// Bell-shaped about 0 with deviation 1, never beyond 3: the sum of nine uniform numbers is near
  /// enough to normal, and bounded.
  double bell() {
    double sum = -4.5;
    for (int i = 0; i < 9; ++i) sum += uniform();
    const double deviations = sum / 0.8660254037844386;
    return deviations < -3 ? -3 : deviations > 3 ? 3 : deviations;
  }

 private:
  std::uint64_t state_;
};

}  // namespace slipstream
