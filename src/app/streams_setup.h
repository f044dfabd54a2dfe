#pragma once
#include "app/parts.h"
#include "base/error.h"
#include "ops/config.h"

namespace slipstream {

/// What is wrong with the [redis] settings, as far as can be told without asking a server.
std::vector<ConfigFault> check_streams(const Config& config);

/// What gets rollups beside the store: Redis, if a URL is set.
std::vector<RollupDestination> destinations(const Config& config);

/// Makes the parts that speak to Redis, if a URL is set; no network yet. `stored`: where the store
/// has got to.
Result<void> build_streams(Parts& parts, const StoredState& stored);

}  // namespace slipstream
