#pragma once
#include <memory>
#include <string>

#include "app/span_exporter.h"
#include "ops/config.h"
#include "tracing/tracer.h"

namespace slipstream {

/// A tracer, and what exports its spans, as the settings ask for; neither where they name no
/// collector.
struct SpanExport {
  std::unique_ptr<Tracer> tracer = {};
  std::unique_ptr<SpanExporter> exporter = {};
};

/// `instance`: what we are told from others by; may be empty. Errors: a setting that cannot be.
Result<SpanExport> open_span_export(const Config& config, const Clock& clock,
                                    const std::string& instance);

}  // namespace slipstream
