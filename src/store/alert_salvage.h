#pragma once
#include "store/sqlite.h"

namespace slipstream {

/// Copies what can be read of the alerts of a damaged store into a new one that has their table:
/// each row keeps its number, none of which is given out twice. A row that makes no sense is left
/// out; the log gives it again where it reaches back so far. Whether all are there. Within a
/// transaction of `fresh`, that the caller has begun. One thread. Errors: the new one cannot be
/// written.
Result<bool> salvage_alerts(Database& damaged, Database& fresh);

}  // namespace slipstream
