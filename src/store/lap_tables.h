#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/counters.h"
#include "model/lap.h"
#include "model/stored_laps.h"
#include "store/session_tables.h"
#include "store/sqlite.h"

namespace slipstream {

/// Writes what observers told: activities, sessions, laps, track lines. A lap is known by its
/// activity, its number and which of that number it is there: a higher revision takes the place of
/// a lower one, in a new row; one that is being driven (revision 0) keeps its row; what came before
/// is dropped. Part of a transaction that the caller has begun. One thread.
class LapTables {
 public:
  static Result<LapTables> prepare(Database& database, std::int64_t session_gap_ns);

  /// Where the gap of sessions is another than the one before, all are booked anew.
  Result<void> follow_gap();
  Result<void> write(const ToldLaps& told, Counter& rows);
  Result<void> write_lines(std::span<const std::pair<std::string, std::string>> lines,
                           Counter& rows);
  /// The closed laps that the newest write() gave a row, in the order of rows.
  Result<std::vector<StoredLap>> newly_closed();

 private:
  LapTables(Database& database, SessionTables sessions)
      : database_(&database), sessions_(std::move(sessions)) {}

  struct Known {
    LapRow row = 0;
    std::uint32_t revision = 0;
  };
  Result<void> put(const Lap& lap);
  Result<std::optional<Known>> find(const Lap& lap, const SessionTables::Place& place);
  Result<void> insert(const Lap& lap, const SessionTables::Place& place, LapRow row);
  Result<std::int64_t> channels_of(const Lap& lap);
  Result<void> number_groups();

  Database* database_;
  SessionTables sessions_;
  LapRow newest_before_ = 0;
  std::set<LapGroup> groups_;  ///< that the transaction changed

  Statement newest_;
  Statement find_;
  Statement remove_;
  Statement insert_;
  Statement find_channels_;
  Statement add_channels_;
  Statement group_;
  Statement set_nth_;
  Statement put_line_;
};

}  // namespace slipstream
