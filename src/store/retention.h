#pragma once
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "store/rollup_tables.h"

namespace slipstream {

/// How long rollups are kept.
struct RetentionOptions {
  std::int64_t hours = 0;     ///< all, by their last point's time; 0: for ever
  std::uint64_t rollups = 0;  ///< 0: any number
  /// Hours of single windows since they were stored, whatever their points' time: what is replayed
  /// is kept as long as what comes live. 0: for ever (or `hours`). They go before what the store's
  /// file says: one that 0.2 made keeps `second` for a week.
  std::map<std::string, std::int64_t> windows = {};
};

/// Removes rollups that are past their retention, the oldest first, and never the row that was
/// written last: SQLite gives out the row behind it, so that no row is given out twice. A series
/// goes with its last rollup. What is
/// removed leaves free pages in the file, which new rollups are written to; where there are more
/// than those need for long, the file is made shorter.
/// One thread, the connection's that writes; each call is short.
class Retention {
 public:
  static constexpr std::size_t kPiece = 1'000;

  Retention(RollupTables tables, RetentionOptions options)
      : tables_(std::move(tables)), options_(std::move(options)) {}

  /// The rows of the window ?3 behind ?1 and up to ?2, the first ?4 of them. `has_unpacked`: some
  /// are not packed yet.
  static std::string rows_of_window(bool has_unpacked);

  /// A piece, as a part of the caller's transaction. True: there is more.
  Result<bool> prune(ArrivalTime now);
  /// Gives a piece of the file's free end back, where much of it is free. False: nothing to do.
  Result<bool> shrink();

 private:
  /// By their points' time.
  Result<std::size_t> remove_oldest(std::int64_t before_ns, std::size_t most);
  /// Of a window, by their row. True: there is more.
  Result<bool> remove_stored_before(const std::string& window, std::int64_t hours,
                                    std::int64_t hour);
  Result<void> remove(const std::vector<std::int64_t>& rows);
  /// Removes those of the series that no rollup is of any more.
  Result<void> remove_series(const std::set<std::int64_t>& series);

  RollupTables tables_;
  const RetentionOptions options_;
  std::size_t excess_ = 0;  ///< of rollups, when they were last counted, less what went since
};

}  // namespace slipstream
