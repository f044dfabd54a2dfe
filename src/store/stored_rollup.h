#pragma once
#include <string>
#include <string_view>

#include "store/sqlite.h"

namespace slipstream {

/// What to select of a rollup for stored_rollup_json(). The first is its id, the tenth its last_ns.
inline constexpr std::string_view kStoredRollupColumns =
    "id, window, window_id, track, chassis, lap, sector, count, first_ns, last_ns, late, stats";

/// The row that the statement stands on, as JSON.
std::string stored_rollup_json(const Statement& row);

}  // namespace slipstream
