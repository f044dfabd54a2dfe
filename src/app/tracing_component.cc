#include "app/tracing_component.h"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "app/instance_id.h"
#include "app/span_export.h"

namespace slipstream {
namespace {

constexpr std::chrono::milliseconds kLastExportLimit{1'000};

struct DropReason {
  std::string_view name;
  const Counter& spans;
};

/// Why spans do not get to the collector.
std::array<DropReason, 4> drop_reasons(const TracerStats& tracer,
                                       const SpanExporterStats& exporter) {
  return {{{"queue_full", tracer.dropped_queue_full},
           {"too_many", tracer.dropped_too_many},
           {"refused", exporter.dropped_refused},
           {"unreachable", exporter.dropped_unreachable}}};
}

}  // namespace

Result<std::unique_ptr<TracingComponent>> TracingComponent::open(DurableParts& durable) {
  auto opened = open_span_export(durable.config, durable.clock,
                                 known_instance_id(durable.files, durable.config.store.data_dir));
  if (!opened) return std::unexpected(opened.error());
  durable.tracer = std::move(opened->tracer);
  return std::unique_ptr<TracingComponent>(
      new TracingComponent(durable.tracer.get(), std::move(opened->exporter)));
}

void TracingComponent::start() {
  if (exporter_) exporter_->start();
}

bool TracingComponent::stop() {
  if (exporter_) exporter_->stop(kLastExportLimit);
  return true;
}

void TracingComponent::health(HealthPage& page) const {
  auto traces = page.object("traces");
  traces.flag("enabled", tracer_ != nullptr);
  if (tracer_ == nullptr) return;
  const auto& exporter = *exporter_;
  const auto& stats = exporter.stats();
  const std::string to = exporter.url().server();
  if (stats.failing.value() != 0) {
    page.notice(fmt::format("traces: spans cannot be sent to {}: {}", to, exporter.last_error()));
  }
  traces.text("endpoint", to);
  traces.text("sampler", tracer_->sampler().options().name);
  traces.number("exported", stats.exported.value());
  traces.number("waiting", tracer_->waiting());
  {
    ObjectWriter dropped(traces.key("dropped"));
    for (const auto& [reason, spans] : drop_reasons(tracer_->stats(), stats)) {
      dropped.number(reason, spans.value());
    }
  }
  traces.number("failures", stats.failures.value());
  traces.text("breaker", to_text(exporter.breaker().state()));
  traces.number("traceparentsIgnored", tracer_->stats().bad_parents.value());
  traces.text("lastError", exporter.last_error());
}

void TracingComponent::metrics(MetricsPage& page) const {
  if (tracer_ == nullptr) return;
  const auto& stats = exporter_->stats();
  page.counter("spans_exported_total", "Spans that the collector has taken",
               real(stats.exported.value()));
  for (const auto& [reason, spans] : drop_reasons(tracer_->stats(), stats)) {
    page.counter("spans_dropped_total", "Spans that the collector does not get, by reason",
                 real(spans.value()), {{"reason", std::string(reason)}});
  }
  page.gauge("spans_waiting", "Spans to be exported", real(tracer_->waiting()));
  page.counter("span_export_failures_total", "Exports of spans that failed",
               real(stats.failures.value()));
  page.counter("traceparents_ignored_total", "Values of traceparent that are none",
               real(tracer_->stats().bad_parents.value()));
}

}  // namespace slipstream
