#pragma once
#include <string>
#include <vector>

#include "base/error.h"
#include "store/sqlite.h"

namespace slipstream {

struct StoreView {
  std::string name;
  std::string sql;
};
/// The views of a store of this version, in the order in which they are made: `rollup_rows`, which
/// the others stand on, `rollups`, `rollup_fields` (a row a rollup and field, a column a statistic:
/// null where the rollup's window does not tell it), `sectors`, `seconds` and, where there are
/// tables of them, `marks`, `sessions` and `laps`. `has_unpacked`: rows of an older version still
/// wait to be packed.
std::vector<StoreView> store_views(bool has_unpacked, bool has_marks, bool has_laps,
                                   bool has_alerts);

/// Makes the views anew where they are others: in a file of another version, for statistics that
/// came since, and when the last row is packed. `database` may write; part of a transaction of the
/// caller's.
Result<void> bring_views_up_to_date(Database& database);
Result<void> drop_views(Database& database);
/// Drops the views that somebody else made; returns their definitions, to be made again as they
/// were. SQLite would refuse to rename what they name, or write the new name into them.
Result<std::vector<std::string>> take_foreign_views(Database& database);

/// Makes the tables of a version, and its views where it is of this kind, in an empty database; the
/// table of what is not packed yet only where it is asked for.
Result<void> make_store_schema(Database& database, std::int64_t version, bool has_unpacked);

/// Whether rows of an older version still wait to be packed.
Result<bool> has_unpacked_rollups(Database& database);

}  // namespace slipstream
