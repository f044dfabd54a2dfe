#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "app/parts.h"
#include "app/rates.h"

namespace slipstream {

/// What the live fan-out asks of the rest of the server: stored rollups are read on the queries
/// thread, what clients publish goes the way of HTTP bodies. Borrows `parts`.
FanoutParts fanout_parts(Parts& parts);
HubOptions hub_options(const Config& config);

/// What looks at each partition's points, for the insights that clients see.
std::function<std::unique_ptr<PointObserver>(std::uint32_t partition)> observer_factory(
    Parts& parts);

/// The message of the system channel: {"type":"system_update","data":{...}}, all that /api/health
/// says. I/O thread.
std::string system_message(const Parts& parts, const Rates& rates);

}  // namespace slipstream
