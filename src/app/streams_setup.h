#pragma once
#include <vector>

#include "ops/config.h"
#include "redis_streams/stream_options.h"
#include "store/outbox.h"

namespace slipstream {

/// What is wrong with the [redis] settings, as far as can be told without asking a server.
std::vector<ConfigFault> check_streams(const Config& config);

/// How streams are read and written. Each call makes another instance's name.
StreamOptions stream_options(const Config& config);

/// Where the embedded log's rollups wait for Redis; without a URL there is no such place.
OutboxOptions outbox_options(const Config& config);

}  // namespace slipstream
