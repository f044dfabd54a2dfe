#pragma once
#include "app/parts.h"
#include "base/error.h"
#include "ops/config.h"

namespace slipstream {

/// What is wrong with the [redis] settings, as far as can be told without asking a server.
std::vector<ConfigFault> check_streams(const Config& config);

/// Where the embedded log's rollups wait for Redis; without a URL there is no such place.
OutboxOptions outbox_options(const Config& config);

/// Makes the parts that speak to Redis, if a URL is set; no network yet. `stored`: where the store
/// has got to.
Result<void> build_streams(Parts& parts, const StoredState& stored);

}  // namespace slipstream
