#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "model/stored_alerts.h"
#include "store/sqlite.h"

namespace slipstream {

/// Writes what alerts were raised and cleared, as part of a transaction that the caller has begun.
/// One thread.
class AlertInserter {
 public:
  /// So many rows stay, and those of alerts that are active; the oldest of the others go.
  static constexpr std::int64_t kMostKept = 1'000'000;

  static Result<AlertInserter> prepare(Database& database);

  /// The row that it got; 0: the store had it, by its occurrence and whether it was raised.
  Result<AlertRow> put(const Alert& alert);
  Result<void> prune();

 private:
  AlertInserter(Database& database, Statement insert, Statement settle)
      : database_(&database), insert_(std::move(insert)), settle_(std::move(settle)) {}

  Database* database_;
  Statement insert_;
  Statement settle_;
};

/// A page of what was raised and cleared, the newest by its time first. kRefused: the cursor is no
/// page's.
Result<AlertPage> query_alerts(Database& database, const AlertQuery& query);
/// Likewise in the order of commits, behind a cursor.
Result<StoredAlerts> read_stored_alerts(Database& database, const StoredEventsQuery& query);
/// Of the newest row.
Result<AlertCursor> newest_alert(Database& database);
/// Those that are active.
Result<std::vector<Alert>> active_alerts(Database& database);

}  // namespace slipstream
