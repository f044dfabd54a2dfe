#pragma once
#include "store/sqlite.h"
#include "store/store_file.h"

namespace slipstream {

/// Copies the marks that can be read of a damaged store into a new one that has their table: each
/// keeps its row, none of which is given out twice. A row that is no mark is left out, so that the
/// log can give it again. Within a transaction of `fresh`, that the caller has begun. One thread.
/// Errors: the new one cannot be written.
Result<SalvagedMarks> salvage_marks(Database& damaged, Database& fresh);

}  // namespace slipstream
