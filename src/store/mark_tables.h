#pragma once
#include "model/outputs.h"
#include "model/stored_marks.h"
#include "store/sqlite.h"

namespace slipstream {

/// Writes marks, as part of a transaction that the caller has begun. One thread.
class MarkInserter {
 public:
  static Result<MarkInserter> prepare(Database& database);

  /// The row that it got; 0: the store had it, by its place in the log and its arrival.
  Result<MarkRow> put(const PlacedMark& placed);

 private:
  MarkInserter(Database& database, Statement insert)
      : database_(&database), insert_(std::move(insert)) {}

  Database* database_;
  Statement insert_;
};

/// A page of marks, the newest by their time first. kRefused: the cursor is no page's.
Result<MarkPage> query_marks(Database& database, const MarkQuery& query);
/// Marks in the order of commits, behind a cursor.
Result<StoredMarks> read_stored_marks(Database& database, const StoredEventsQuery& query);
/// Of the newest row.
Result<MarkCursor> newest_mark(Database& database);

}  // namespace slipstream
