#include "pipeline/live_points.h"

#include <utility>

namespace slipstream {

namespace {

PartitionObservers without_state(PartitionObservers observers) {
  std::erase_if(observers, [](const auto& observer) { return observer->state() != nullptr; });
  return observers;
}

}  // namespace

LivePoints::LivePoints(const LiveParts& parts, PartitionObservers observers)
    : parts_(parts),
      observers_(without_state(std::move(observers))),
      completer_(parts.max_series, parts.schema, parts.ingest) {}

LivePoints::~LivePoints() {
  parts_.stats.series.add(-published_series_);
}

void LivePoints::take(PointBatchPtr batch) {
  const SteadyTime begin = parts_.clock.steady();
  for (Point& point : batch->points) {
    completer_.number(*batch, point, evicted_);
    for (const std::uint32_t series : evicted_) observers_.forget(series);
    evicted_.clear();
    completer_.complete(*batch, point);
    completer_.check_sequence(point, true);
  }
  const auto series = static_cast<std::int64_t>(completer_.size());
  parts_.stats.series.add(series - std::exchange(published_series_, series));
  parts_.stats.folded_points.add(batch->points.size());
  observers_.accepted(*batch);
  parts_.stats.batches.add();
  const SampledTracePtr sampled = batch->sampled;
  parts_.accepted.accept(std::move(batch));
  const std::int64_t took_ns = parts_.clock.steady() - begin;
  parts_.stats.processing.observe_ns(took_ns);
  if (sampled) parts_.stats.processing.exemplify(took_ns, sampled->id(), sampled->now());
}

void LivePoints::tick() {
  const SteadyTime now = parts_.clock.steady();
  if (now - last_tick_ < kTickNs) return;
  last_tick_ = now;
  observers_.tick(now);
}

}  // namespace slipstream
