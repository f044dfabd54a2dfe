#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "tracing/span.h"

namespace slipstream {

class Tracer;

/// A trace that is recorded: what belongs to it carries this, and whoever does a step of its work
/// records a span. One of the spans, the root, is the parent of all others; of a trace that began
/// in another instance it is that one's, and not recorded here. Bounded: kMostSpans. Threads: any.
class SampledTrace {
 public:
  static constexpr int kMostSpans = 256;

  /// `root` as others are told of it; `parent`: of the root; not valid: it has none.
  SampledTrace(Tracer& tracer, const TraceContext& root, SpanId parent)
      : tracer_(tracer), root_(root), parent_(parent) {}

  /// A step that is done. `error`: why it failed; empty: it did not.
  void child(std::string_view name, SpanTimes times, SpanAttributes attributes = {},
             std::string error = {}) const;
  /// The root is done. Once, by who began the trace.
  void root(std::string_view name, SpanKind kind, SpanTimes times, SpanAttributes attributes = {},
            std::string error = {}) const;

  /// A step that will not be recorded, since too many are: it is counted.
  void left_out() const;

  /// What goes to others, whose spans are the root's children.
  std::string traceparent() const { return to_traceparent(root_); }
  std::string id() const { return root_.trace.text(); }
  /// By the wall clock.
  std::int64_t now() const;
  /// From `begin` until now.
  SpanTimes since(SteadyTime begin) const;

 private:
  Tracer& tracer_;
  const TraceContext root_;
  const SpanId parent_;
  mutable std::atomic<int> spans_{0};
};

/// nullptr: it is not sampled, as nearly all is.
using SampledTracePtr = std::shared_ptr<const SampledTrace>;

/// Another one with each call, from a source of its own on each thread.
SpanId new_span_id();
TraceId new_trace_id();

}  // namespace slipstream
