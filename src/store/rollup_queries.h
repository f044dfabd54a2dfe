#pragma once
#include "codec/rollup_json.h"
#include "model/stored_rollups.h"
#include "store/rollup_tables.h"

namespace slipstream {

/// What is asked of the stored rollups. Each reads its answer whole before it returns; the
/// transaction and the connection are the caller's, one thread at a time.

/// A page, newest event time first. Errors: kRefused, of a cursor that no page gave.
Result<RollupPage> query_rollups(RollupTables& tables, const RollupQuery& query);
/// One, as JSON, by its row; there must be one: an index told of it.
Result<std::string> read_rollup(RollupTables& tables, std::int64_t id);
/// Rollups in the order of commits, behind a cursor.
Result<StoredRollups> read_stored_rollups(RollupTables& tables, const StoredRollupsQuery& query);
/// The newest row of all.
Result<RollupCursor> newest_rollup(RollupTables& tables);

}  // namespace slipstream
