#pragma once
#include "store/sqlite.h"
#include "store/store_file.h"

namespace slipstream {

/// Copies the laps, activities, sessions and track lines that can be read of a damaged store into a
/// new one that has their tables. Laps keep their rows, none of which is given out twice; one whose
/// activity is gone goes with it, so that the log can give both again. The next start books the
/// sessions anew, of which a person's names are copied. Within a transaction of `fresh`, that the
/// caller has begun. One thread. Errors: the new one cannot be written.
Result<SalvagedLaps> salvage_laps(Database& damaged, Database& fresh);

}  // namespace slipstream
