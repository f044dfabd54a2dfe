#pragma once
#include <memory>
#include <string_view>
#include <utility>

#include "app/component.h"
#include "app/durable_parts.h"
#include "app/span_exporter.h"

namespace slipstream {

/// Traces for an OpenTelemetry collector, where the settings name one: the tracer is among the
/// durable parts, since it outlives all that records.
class TracingComponent final : public Component {
 public:
  /// The data directory is ours by then. Errors: a setting that cannot be.
  static Result<std::unique_ptr<TracingComponent>> open(DurableParts& durable);

  std::string_view name() const override { return "tracing"; }
  void start() override;
  /// Sends what waits, for about a second.
  bool stop() override;
  void health(HealthPage& page) const override;
  void metrics(MetricsPage& page) const override;

 private:
  TracingComponent(const Tracer* tracer, std::unique_ptr<SpanExporter> exporter)
      : tracer_(tracer), exporter_(std::move(exporter)) {}

  const Tracer* const tracer_;  ///< nullptr: nothing is traced, and nothing exported
  const std::unique_ptr<SpanExporter> exporter_;
};

}  // namespace slipstream
