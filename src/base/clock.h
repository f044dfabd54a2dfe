#pragma once
#include <atomic>
#include <chrono>
#include <compare>
#include <cstdint>

namespace slipstream {

/// Nanoseconds since 1970-01-01T00:00:00Z. Event time (the sender's clock) and arrival time (ours)
/// are different types, so that neither can be taken for the other by mistake.
template <typename Tag>
struct Instant {
  std::int64_t ns = 0;
  friend auto operator<=>(const Instant&, const Instant&) = default;
};
using EventTime = Instant<struct EventTimeTag>;
using ArrivalTime = Instant<struct ArrivalTimeTag>;

/// What `value` has beyond a whole number of steps is taken off.
constexpr std::int64_t floor_to(std::int64_t value, std::int64_t step) {
  const std::int64_t rest = value % step;
  return value - (rest < 0 ? rest + step : rest);
}

inline constexpr std::int64_t kNsPerUs = 1'000;
inline constexpr std::int64_t kNsPerMs = 1'000'000;
inline constexpr std::int64_t kNsPerSecond = 1'000'000'000;

/// The log keeps arrival times in whole milliseconds: what decides anything must not know more.
constexpr ArrivalTime floor_to_ms(ArrivalTime at) {
  return {floor_to(at.ns, kNsPerMs)};
}

/// Where the time comes from; passed in, so that tests can turn it. Callable from any thread.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual ArrivalTime now() const = 0;
};

class SystemClock final : public Clock {
 public:
  ArrivalTime now() const override {
    return {std::chrono::duration_cast<std::chrono::nanoseconds>(
                std::chrono::system_clock::now().time_since_epoch())
                .count()};
  }
};

inline const Clock& system_clock() {
  static const SystemClock clock;
  return clock;
}

class ManualClock final : public Clock {
 public:
  explicit ManualClock(std::int64_t start_ns = 0) : ns_(start_ns) {}
  ArrivalTime now() const override { return {ns_.load(std::memory_order_relaxed)}; }
  void set(std::int64_t ns) { ns_.store(ns, std::memory_order_relaxed); }
  void advance(std::int64_t ns) { ns_.fetch_add(ns, std::memory_order_relaxed); }

 private:
  std::atomic<std::int64_t> ns_;
};

}  // namespace slipstream
