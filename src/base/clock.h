#pragma once
#include <algorithm>
#include <atomic>
#include <chrono>
#include <compare>
#include <cstdint>
#include <limits>

namespace slipstream {

/// A point on one of three clocks, in nanoseconds. Each clock has a type of its own, so that none
/// can be taken for another by mistake.
template <typename Tag>
struct Instant {
  std::int64_t ns = 0;
  friend auto operator<=>(const Instant&, const Instant&) = default;
};
/// The sender's clock, since 1970-01-01T00:00:00Z.
using EventTime = Instant<struct EventTimeTag>;
/// Our wall clock, since 1970-01-01T00:00:00Z. It may be set forward or back at any moment: it is
/// for stamps, never for how long something took or when something is due.
using ArrivalTime = Instant<struct ArrivalTimeTag>;
/// The machine's steady clock, which knows no date and only grows: for intervals and deadlines.
/// Comparable within one process alone.
using SteadyTime = Instant<struct SteadyTimeTag>;

/// Before any moment, and still fit to be subtracted from one: what has never happened.
inline constexpr SteadyTime kNever{std::numeric_limits<std::int64_t>::min() / 2};
/// Likewise after any moment: what is not to happen.
inline constexpr SteadyTime kForever{std::numeric_limits<std::int64_t>::max() / 2};

/// Nanoseconds from `b` to `a`. Of the other clocks there is no such operator on purpose.
constexpr std::int64_t operator-(SteadyTime a, SteadyTime b) {
  return a.ns - b.ns;
}
constexpr SteadyTime operator+(SteadyTime a, std::int64_t ns) {
  return {a.ns + ns};
}

/// One moment on both of our clocks, for who needs a stamp and an interval.
struct Moment {
  ArrivalTime wall;
  SteadyTime steady;
};

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
  virtual SteadyTime steady() const = 0;
  Moment moment() const { return {now(), steady()}; }
};

class SystemClock final : public Clock {
 public:
  ArrivalTime now() const override {
    return {ns_of(std::chrono::system_clock::now().time_since_epoch())};
  }
  SteadyTime steady() const override {
    return {ns_of(std::chrono::steady_clock::now().time_since_epoch())};
  }

 private:
  template <typename Duration>
  static std::int64_t ns_of(Duration duration) {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(duration).count();
  }
};

inline const Clock& system_clock() {
  static const SystemClock clock;
  return clock;
}

/// The wall clock for what removes things by their age. One that is set forward (or stood still
/// while the machine slept) makes nothing old at once: it is believed after an hour in which it was
/// not set again. One that is set back is believed at once. One thread.
class AgeClock {
 public:
  static constexpr std::int64_t kDoubtNs = 3'600 * kNsPerSecond;

  explicit AgeClock(const Clock& clock) : clock_(clock), believed_ns_(ahead_ns(clock.moment())) {}

  ArrivalTime now() {
    const Moment now = clock_.moment();
    const std::int64_t ahead = ahead_ns(now);
    if (ahead <= believed_ns_ + kNsPerSecond) {
      believed_ns_ = ahead;
    } else if (ahead > doubted_ns_ + kNsPerSecond || ahead < doubted_ns_ - kNsPerSecond) {
      doubted_ns_ = ahead;
      doubted_since_ = now.steady;
    } else if (now.steady - doubted_since_ >= kDoubtNs) {
      believed_ns_ = ahead;
    }
    return {now.steady.ns + believed_ns_};
  }

 private:
  static std::int64_t ahead_ns(Moment now) { return now.wall.ns - now.steady.ns; }

  const Clock& clock_;
  std::int64_t believed_ns_;  ///< of the wall clock, ahead of the steady one
  std::int64_t doubted_ns_ = 0;
  SteadyTime doubted_since_ = kNever;
};

/// The wall clock as it would be had nobody set it since `begun`: stamps whose distances are true
/// within a run.
inline ArrivalTime unset_since(Moment begun, SteadyTime now) {
  return {begun.wall.ns + (now - begun.steady)};
}

/// A clock that tests turn. Its steady time passes with advance() and with set() to a later time;
/// step() is what an administrator or a time server does: it sets the wall clock alone.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(std::int64_t start_ns = 0) : wall_ns_(start_ns) {}
  ArrivalTime now() const override { return {wall_ns_.load(std::memory_order_relaxed)}; }
  SteadyTime steady() const override { return {steady_ns_.load(std::memory_order_relaxed)}; }
  void set(std::int64_t ns) { advance(ns - wall_ns_.load(std::memory_order_relaxed)); }
  void advance(std::int64_t ns) {
    wall_ns_.fetch_add(ns, std::memory_order_relaxed);
    if (ns > 0) steady_ns_.fetch_add(ns, std::memory_order_relaxed);
  }
  void step(std::int64_t ns) { wall_ns_.fetch_add(ns, std::memory_order_relaxed); }

 private:
  std::atomic<std::int64_t> wall_ns_;
  std::atomic<std::int64_t> steady_ns_{0};
};

}  // namespace slipstream
