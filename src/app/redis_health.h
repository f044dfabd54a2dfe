#pragma once
#include <string>
#include <vector>

#include "app/parts.h"
#include "ops/metrics.h"

namespace slipstream {

/// The "redis" member of /api/health: each connection with its breaker, the consumer group's
/// partitions, what waits to be written. Any thread.
void append_redis(std::string& out, const Parts& parts);
std::vector<std::string> redis_problems(const Parts& parts);
void add_redis_metrics(MetricsPage& page, const Parts& parts);

}  // namespace slipstream
