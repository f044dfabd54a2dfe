#pragma once
#include <functional>
#include <string>

#include "base/error.h"
#include "net/http_client.h"
#include "ops/config.h"
#include "tracing/otlp_json.h"
#include "tracing/sampler.h"

namespace slipstream {

/// What [tracing] says, as its parts take it.
struct TracingSetup {
  HttpUrl url;  ///< of the collector, with the path that spans are sent to
  HttpClient::Headers headers;
  ResourceAttributes resource;  ///< as told; service.name stands first
  SamplerOptions sampler;
};

/// Whether spans are sent anywhere.
bool is_tracing(const Config& config);
/// Of one that is; of a configuration that was loaded there are no errors.
Result<TracingSetup> tracing_setup(const Config& config);
/// What is wrong with it.
void check_tracing(const Config& config,
                   const std::function<void(std::string where, std::string message)>& fault);

}  // namespace slipstream
