#pragma once
#include <string>

#include "base/error.h"
#include "store/sqlite.h"

namespace slipstream {

/// SQL that creates the view `rollup_fields`: a row a rollup and field, a column a statistic (null
/// where the rollup's window does not tell it).
std::string statistics_view_sql();

/// Makes the view anew where it is not of today's statistics: a file of another version, or a
/// statistic that came since. `database` may write; in no transaction.
Result<void> bring_statistics_view_up_to_date(Database& database);

}  // namespace slipstream
