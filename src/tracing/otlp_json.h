#pragma once
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "tracing/span.h"

namespace slipstream {

/// Who tells of the spans, by OpenTelemetry's names: service.name, service.version ...
using ResourceAttributes = std::vector<std::pair<std::string, std::string>>;

/// The body of an ExportTraceServiceRequest as OTLP writes it in JSON: ids in hex, whole numbers of
/// 64 bits as strings.
std::string otlp_json(const ResourceAttributes& resource, std::span<const TraceSpan> spans);

}  // namespace slipstream
