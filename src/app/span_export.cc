#include "app/span_export.h"

#include <algorithm>
#include <utility>

#include "ops/logging.h"
#include "ops/tracing_settings.h"

namespace slipstream {

Result<SpanExport> open_span_export(const Config& config, const Clock& clock,
                                    const std::string& instance) {
  if (!is_tracing(config)) return SpanExport{};
  auto setup = tracing_setup(config);
  if (!setup) return fail("[tracing]: " + setup.error().message, setup.error().code);
  ResourceAttributes resource = std::move(setup->resource);
  const auto add = [&resource](const char* name, const std::string& value) {
    const bool is_told = std::ranges::any_of(
        resource, [&](const auto& attribute) { return attribute.first == name; });
    if (!is_told && !value.empty()) resource.emplace_back(name, value);
  };
  add("service.version", SLIPSTREAM_VERSION);
  add("service.instance.id", instance);
  SpanExport opened;
  opened.tracer = std::make_unique<Tracer>(setup->sampler, clock);
  auto exporter =
      SpanExporter::make(*opened.tracer,
                         {.url = std::move(setup->url),
                          .headers = std::move(setup->headers),
                          .resource = std::move(resource),
                          .compresses = config.tracing.compression == "gzip",
                          .timeout = std::chrono::milliseconds(config.tracing.timeout_ms),
                          .ca_file = config.tracing.ca_file},
                         clock, [](const std::string& text) { log_warn(text); });
  if (!exporter) return fail("[tracing] ca_file: " + exporter.error().message);
  opened.exporter = std::move(*exporter);
  return opened;
}

}  // namespace slipstream
