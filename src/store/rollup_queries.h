#pragma once
#include "codec/rollup_json.h"
#include "model/stored_rollups.h"
#include "store/sqlite.h"

namespace slipstream {

/// What is asked of the stored rollups. Each reads its answer whole before it returns, and holds
/// nothing of the database then; the connection is the caller's, one thread at a time.

/// A page, newest event time first. Errors: kRefused, of a cursor that no page gave.
Result<RollupPage> query_rollups(Database& reader, const RollupQuery& query);
/// Rollups in the order of commits, behind a cursor. In a transaction of the caller's.
Result<StoredRollups> read_stored_rollups(Database& reader, const StoredRollupsQuery& query);
/// The newest row of all.
Result<RollupCursor> newest_rollup(Database& reader);

}  // namespace slipstream
