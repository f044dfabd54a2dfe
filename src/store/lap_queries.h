#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/stored_laps.h"
#include "store/sqlite.h"

namespace slipstream {

/// A page of laps, the newest by their beginning first. kRefused: the cursor is no page's.
Result<LapPage> query_laps(Database& database, const LapQuery& query);
/// By its id, or one that it had before its session was joined to another. Nothing: unknown.
Result<std::optional<StoredLap>> find_lap(Database& database, std::string_view id);
/// Closed laps in the order of commits, behind a cursor.
Result<StoredLaps> read_stored_laps(Database& database, const StoredEventsQuery& query);
/// All of them behind that row.
Result<std::vector<StoredLap>> closed_laps_behind(Database& database, LapRow row);
/// Of the newest closed lap's row.
Result<LapCursor> newest_lap(Database& database);
/// The line that was kept last under that name.
Result<std::optional<std::string>> track_line(Database& database, std::string_view name);

}  // namespace slipstream
