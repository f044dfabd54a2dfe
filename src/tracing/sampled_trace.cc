#include "tracing/sampled_trace.h"

#include <random>
#include <utility>

#include "tracing/tracer.h"

namespace slipstream {
namespace {

std::uint64_t random_bits() {
  // Two machines that begin at one moment must not tell of the same trace.
  static thread_local std::mt19937_64 source = [] {
    std::random_device device;
    std::seed_seq seed{device(), device(), device(), device(), device(), device(), device()};
    return std::mt19937_64(seed);
  }();
  return source();
}

}  // namespace

TraceId new_trace_id() {
  TraceId id;
  while (!id.is_valid()) id = {random_bits(), random_bits()};
  return id;
}

SpanId new_span_id() {
  SpanId id;
  while (!id.is_valid()) id.value = random_bits();
  return id;
}

void SampledTrace::child(std::string_view name, SpanTimes times, SpanAttributes attributes,
                         std::string error) const {
  if (spans_.fetch_add(1, std::memory_order_relaxed) >= kMostSpans) return left_out();
  tracer_.record({.trace = root_.trace,
                  .id = new_span_id(),
                  .parent = root_.span,
                  .name = name,
                  .times = times,
                  .attributes = std::move(attributes),
                  .error = std::move(error)});
}

void SampledTrace::left_out() const {
  tracer_.stats().dropped_too_many.add();
}

void SampledTrace::root(std::string_view name, SpanKind kind, SpanTimes times,
                        SpanAttributes attributes, std::string error) const {
  tracer_.record({.trace = root_.trace,
                  .id = root_.span,
                  .parent = parent_,
                  .name = name,
                  .kind = kind,
                  .times = times,
                  .attributes = std::move(attributes),
                  .error = std::move(error)});
}

std::int64_t SampledTrace::now() const {
  return tracer_.clock().now().ns;
}

SpanTimes SampledTrace::since(SteadyTime begin) const {
  const Moment now = tracer_.clock().moment();
  return {now.wall.ns - (now.steady - begin), now.wall.ns};
}

}  // namespace slipstream
