#pragma once
#include <string>
#include <string_view>

#include "store/sqlite.h"

namespace slipstream {

/// What to select of a rollup for stored_rollup_json(), and where its place in the order of event
/// time stands among it.
inline constexpr std::string_view kStoredRollupColumns =
    "id, window, window_id, track, chassis, lap, sector, count, first_ns, last_ns, late, stats, "
    "tags";
inline constexpr int kTrackColumn = 3;
inline constexpr int kChassisColumn = 4;
inline constexpr int kTagsColumn = 12;
inline constexpr int kIdColumn = 0;
inline constexpr int kLastNsColumn = 9;

/// The row that the statement stands on, as JSON.
std::string stored_rollup_json(const Statement& row);

}  // namespace slipstream
