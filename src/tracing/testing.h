#pragma once
#include <string>
#include <vector>

#include "tracing/tracer.h"

namespace slipstream::tracing_testing {

/// A tracer that records all, and what it has recorded.
class RecordedSpans {
 public:
  explicit RecordedSpans(const Clock& clock)
      : tracer_(SamplerOptions::parse("always_on", "").value(), clock) {}

  Tracer& tracer() { return tracer_; }
  /// All up to now, in their order.
  const std::vector<TraceSpan>& spans() {
    tracer_.take(spans_, Tracer::kMostWaiting);
    return spans_;
  }
  std::vector<std::string> names() {
    std::vector<std::string> names;
    for (const TraceSpan& span : spans()) names.emplace_back(span.name);
    return names;
  }

 private:
  Tracer tracer_;
  std::vector<TraceSpan> spans_;
};

}  // namespace slipstream::tracing_testing
