#pragma once
#include <cstddef>
#include <functional>
#include <mutex>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/counters.h"
#include "tracing/sampled_trace.h"
#include "tracing/sampler.h"

namespace slipstream {

/// Any thread.
struct TracerStats {
  Counter dropped_queue_full;  ///< spans: too many wait to be exported
  Counter dropped_too_many;    ///< spans: beyond SampledTrace::kMostSpans
  Counter bad_parents;         ///< a `traceparent` that is none: passed over
};

/// Begins traces, and keeps their spans until they are exported. Bounded: kMostWaiting spans; what
/// is beyond is dropped and counted. It outlives all that records. Threads: any.
class Tracer {
 public:
  static constexpr std::size_t kMostWaiting = 4'096;
  static constexpr std::size_t kManyWaiting = 512;

  Tracer(SamplerOptions sampler, const Clock& clock) : sampler_(sampler, clock), clock_(clock) {}

  /// For something that came in; `traceparent`: of who sent it; empty: it came without.
  SampledTracePtr begin(std::string_view traceparent = {});
  /// Of what another instance has begun: its root is that one's.
  SampledTracePtr go_on(std::string_view traceparent);

  void record(TraceSpan span);
  /// The oldest, up to so many, to the end of `out`.
  void take(std::vector<TraceSpan>& out, std::size_t limit);
  std::size_t waiting() const;
  /// Called when kManyWaiting spans wait: it must not block. Before the first span.
  void when_many_wait(std::function<void()> wake) { wake_ = std::move(wake); }

  TracerStats& stats() { return stats_; }
  const TracerStats& stats() const { return stats_; }
  const Sampler& sampler() const { return sampler_; }
  const Clock& clock() const { return clock_; }

 private:
  struct Parent {
    bool is_there = false;
    TraceContext context = {};
  };
  Parent parent_of(std::string_view traceparent);

  Sampler sampler_;
  const Clock& clock_;
  std::function<void()> wake_;
  TracerStats stats_;
  mutable std::mutex mutex_;  // guards waiting_
  std::vector<TraceSpan> waiting_;
};

}  // namespace slipstream
