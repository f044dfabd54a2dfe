#pragma once
#include <cstdint>

#include "base/clock.h"

namespace slipstream {

/// Sums over all sources and windows at an instant. Each component adds what it knows.
struct Totals {
  SteadyTime at = kNever;
  std::uint64_t received = 0;
  std::uint64_t accepted = 0;
  std::uint64_t rejected = 0;
  std::uint64_t kernel_drops = 0;
  std::uint64_t rollups = 0;
  std::uint64_t batches = 0;
  double processing_seconds = 0;
  std::uint64_t broadcast = 0;   ///< points, once, however many clients
  std::uint64_t skipped = 0;     ///< messages that slow clients did not get
  std::int64_t clients = 0;      ///< now
  std::int64_t ring_points = 0;  ///< recent points that are kept now
};

/// What happened a second between two totals.
struct Rates {
  double received = 0;
  double rollups = 0;
  double rejected = 0;
  double skipped = 0;
  double kernel_drops = 0;
  double processing_ms = 0;  ///< mean, a batch
};

/// One thread; ask it at even distances.
class RateMeter {
 public:
  /// Rates since the call before.
  Rates advance(const Totals& now);

 private:
  Totals before_;
};

}  // namespace slipstream
