#pragma once
#include "app/parts.h"
#include "base/error.h"
#include "ops/config.h"

namespace slipstream {

/// What is wrong with the [redis] settings, as far as can be told without asking a server.
std::vector<ConfigFault> check_streams(const Config& config);

/// What Redis's streams of aggregates are called as a destination. Stores have rows of that name.
inline constexpr std::string_view kAggregatesOutput = "redis";
/// What they get: the embedded log's rollups.
RollupDestination aggregates_destination(const Config& config);

/// Makes the client of Redis, if a URL is set; no network yet.
Result<void> build_redis(Parts& parts);
/// Makes the parts that read and write Redis's streams, if a URL is set; no network yet. `stored`:
/// where the store has got to.
Result<void> build_streams(Parts& parts, const StoredState& stored);

}  // namespace slipstream
