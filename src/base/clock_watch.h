#pragma once
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <optional>

#include "base/clock.h"
#include "base/counters.h"

namespace slipstream {

/// Notices that the wall clock was set, by comparing it with the steady one: forward also when the
/// machine slept, since the steady clock stands still meanwhile. Small and slow corrections, as
/// time servers make them, are none. Nothing of the server waits for the wall clock, but event
/// times are compared with it, so that people are to know.
/// Threads: look() on one, about every second; the getters from any.
class ClockWatch {
 public:
  static constexpr std::int64_t kStepNs = kNsPerSecond;  ///< what is told

  explicit ClockWatch(const Clock& clock) : clock_(clock), before_(clock.moment()) {}

  /// By how many nanoseconds the wall clock was set since the call before, forward or (negative)
  /// back; nothing where that was less than kStepNs.
  std::optional<std::int64_t> look() {
    const Moment now = clock_.moment();
    const std::int64_t step_ns = (now.wall.ns - before_.wall.ns) - (now.steady - before_.steady);
    before_ = now;
    if (std::abs(step_ns) < kStepNs) return std::nullopt;
    steps_.add();
    last_step_ns_.store(step_ns, std::memory_order_relaxed);
    last_step_at_.store(now.wall.ns, std::memory_order_relaxed);
    return step_ns;
  }

  std::uint64_t steps() const { return steps_.value(); }
  /// Of the last one; meaningless while there was none.
  std::int64_t last_step_ns() const { return last_step_ns_.load(std::memory_order_relaxed); }
  /// Where the wall clock stood behind it.
  ArrivalTime last_step_at() const { return {last_step_at_.load(std::memory_order_relaxed)}; }

 private:
  const Clock& clock_;
  Moment before_;
  Counter steps_;
  std::atomic<std::int64_t> last_step_ns_{0};
  std::atomic<std::int64_t> last_step_at_{0};
};

}  // namespace slipstream
