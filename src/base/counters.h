#pragma once
#include <array>
#include <atomic>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <utility>

namespace slipstream {

/// A number that only grows. Any thread; relaxed, since nothing is ordered by it.
class Counter {
 public:
  void add(std::uint64_t n = 1) { value_.fetch_add(n, std::memory_order_relaxed); }
  std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

/// A number that goes up and down. Any thread.
class Gauge {
 public:
  void set(std::int64_t v) { value_.store(v, std::memory_order_relaxed); }
  void add(std::int64_t n) { value_.fetch_add(n, std::memory_order_relaxed); }
  std::int64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::int64_t> value_{0};
};

/// One observation of a histogram that can be looked at: its trace was recorded.
struct Exemplar {
  std::string trace_id;
  double seconds = 0;  ///< observed
  double at = 0;       ///< when, in seconds since 1970
};

/// A histogram of durations with fixed bounds, in seconds, as Prometheus counts them; with the
/// newest exemplar of each bucket. Any thread.
class LatencyHistogram {
 public:
  static constexpr std::array<double, 14> kBoundsSeconds = {
      0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0};

  void observe_ns(std::int64_t ns, std::uint64_t times = 1) {
    counts_[bucket_of(seconds_of(ns))].add(times);
    sum_ns_.add(static_cast<std::uint64_t>(ns < 0 ? 0 : ns) * times);
  }
  /// Of what was observed, where its trace is recorded: takes a lock.
  void exemplify(std::int64_t ns, std::string trace_id, std::int64_t at_ns) {
    const double seconds = seconds_of(ns);
    const std::lock_guard lock(exemplars_mutex_);
    if (!exemplars_) exemplars_ = std::make_unique<Exemplars>();
    (*exemplars_)[bucket_of(seconds)] =
        Exemplar{std::move(trace_id), seconds, static_cast<double>(at_ns) * 1e-9};
  }
  /// The newest of that bucket.
  std::optional<Exemplar> exemplar(std::size_t bucket) const {
    const std::lock_guard lock(exemplars_mutex_);
    return exemplars_ ? (*exemplars_)[bucket] : std::nullopt;
  }
  /// Not cumulative; the last one is "above every bound".
  std::uint64_t bucket_count(std::size_t i) const { return counts_[i].value(); }
  double sum_seconds() const { return static_cast<double>(sum_ns_.value()) * 1e-9; }
  std::uint64_t count() const {
    std::uint64_t n = 0;
    for (const auto& c : counts_) n += c.value();
    return n;
  }

 private:
  using Exemplars = std::array<std::optional<Exemplar>, kBoundsSeconds.size() + 1>;

  static double seconds_of(std::int64_t ns) { return static_cast<double>(ns < 0 ? 0 : ns) * 1e-9; }
  static std::size_t bucket_of(double seconds) {
    std::size_t bucket = 0;
    while (bucket < kBoundsSeconds.size() && seconds > kBoundsSeconds[bucket]) ++bucket;
    return bucket;
  }

  std::array<Counter, kBoundsSeconds.size() + 1> counts_;
  Counter sum_ns_;
  mutable std::mutex exemplars_mutex_;  // guards exemplars_
  std::unique_ptr<Exemplars> exemplars_;
};

}  // namespace slipstream
