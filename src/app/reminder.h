#pragma once
#include "base/clock.h"

namespace slipstream {

/// For what is said at once, and again every minute for as long as there is something to say. One
/// thread.
class Reminder {
 public:
  static constexpr std::int64_t kEveryNs = 60 * kNsPerSecond;

  /// True: it is to be said now.
  bool is_due(bool has_something, SteadyTime now) {
    if (!has_something || now - said_ < kEveryNs) return false;
    said_ = now;
    return true;
  }

 private:
  SteadyTime said_ = kNever;
};

}  // namespace slipstream
