#pragma once
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <random>

namespace slipstream {

/// How long to wait before the next try: doubles from `first` to `limit`, and each wait is drawn
/// from the upper half of its step, so that many clients do not come back at once.
/// Threads: one.
class Backoff {
 public:
  struct Options {
    std::chrono::milliseconds first{100};
    std::chrono::milliseconds limit{10'000};
  };
  explicit Backoff(Options options, std::uint64_t seed = std::random_device{}())
      : options_(options), step_(options.first), random_(seed) {}
  Backoff() : Backoff(Options{}) {}

  /// The wait before the next try, first <= wait <= limit.
  std::chrono::milliseconds next() {
    const auto most = step_.count();
    const auto least = std::max(options_.first.count(), most / 2);
    step_ = std::min(step_ * 2, options_.limit);
    return std::chrono::milliseconds(
        std::uniform_int_distribution<std::int64_t>(least, std::max(least, most))(random_));
  }
  /// After a success.
  void reset() { step_ = options_.first; }

 private:
  const Options options_;
  std::chrono::milliseconds step_;
  std::mt19937_64 random_;
};

}  // namespace slipstream
