#pragma once
#include <string_view>
#include <vector>

#include "model/rollup_outbox.h"
#include "ops/config.h"
#include "redis_streams/stream_options.h"

namespace slipstream {

/// What is wrong with the [redis] settings, as far as can be told without asking a server.
std::vector<ConfigFault> check_streams(const Config& config);

/// How streams are read and written. Each call makes another instance's name.
StreamOptions stream_options(const Config& config);

/// What Redis's streams of aggregates are called as a destination. Stores have rows of that name.
inline constexpr std::string_view kAggregatesOutput = "redis";
/// What they get: the embedded log's rollups.
RollupDestination aggregates_destination(const Config& config);

}  // namespace slipstream
