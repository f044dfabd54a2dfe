#include "tracing/tracer.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace slipstream {

Tracer::Parent Tracer::parent_of(std::string_view traceparent) {
  if (traceparent.empty()) return {};
  const auto context = parse_traceparent(traceparent);
  if (!context) {
    stats_.bad_parents.add();
    return {};
  }
  return {true, *context};
}

SampledTracePtr Tracer::begin(std::string_view traceparent) {
  const Parent parent = parent_of(traceparent);
  const TraceId id = parent.is_there ? parent.context.trace : new_trace_id();
  if (!sampler_.wants(parent.is_there ? &parent.context : nullptr, id)) {
    return nullptr;
  }
  return std::make_shared<const SampledTrace>(*this, TraceContext{id, new_span_id(), true},
                                              parent.is_there ? parent.context.span : SpanId{});
}

SampledTracePtr Tracer::go_on(std::string_view traceparent) {
  const Parent parent = parent_of(traceparent);
  if (!parent.is_there || !sampler_.wants(&parent.context, parent.context.trace)) {
    return nullptr;
  }
  return std::make_shared<const SampledTrace>(*this, parent.context, SpanId{});
}

void Tracer::record(TraceSpan span) {
  bool are_many = false;
  {
    const std::lock_guard lock(mutex_);
    if (waiting_.size() >= kMostWaiting) {
      stats_.dropped_queue_full.add();
      return;
    }
    waiting_.push_back(std::move(span));
    are_many = waiting_.size() == kManyWaiting;
  }
  if (are_many && wake_) wake_();
}

void Tracer::take(std::vector<TraceSpan>& out, std::size_t limit) {
  const std::lock_guard lock(mutex_);
  const auto end = waiting_.begin() + static_cast<std::ptrdiff_t>(std::min(limit, waiting_.size()));
  std::move(waiting_.begin(), end, std::back_inserter(out));
  waiting_.erase(waiting_.begin(), end);
}

std::size_t Tracer::waiting() const {
  const std::lock_guard lock(mutex_);
  return waiting_.size();
}

}  // namespace slipstream
