#pragma once
#include <fmt/format.h>

#include <string>
#include <string_view>

namespace slipstream {

/// The row of the best lap of `l`'s session (SQL), among those that count: complete, and not called
/// invalid. Indexes have them in this order. `more`: of fewer.
inline std::string best_lap_sql(std::string_view more) {
  return fmt::format(
      "(SELECT b.id FROM stored_laps b WHERE b.session = l.session{} AND b.complete = 1 AND "
      "b.valid "
      "IS NOT 0 AND b.lap_time_s IS NOT NULL ORDER BY b.lap_time_s, b.began_ns, b.chassis, b.lap, "
      "b.nth "
      "LIMIT 1)",
      more);
}
/// The row of the lap that rollup `r`'s first point is of (SQL): of its machine, by its number and
/// its time. Of a machine's laps only the newest that had begun by then are looked through, since a
/// rollup may be of no lap: several where machines of other tracks have the same name.
inline constexpr std::string_view kLapOfRollup =
    "(SELECT o.id FROM (SELECT b.id, b.lap, b.track FROM stored_laps b INDEXED BY "
    "stored_laps_by_chassis WHERE b.chassis = r.chassis AND b.began_ns <= r.first_ns ORDER BY "
    "b.began_ns DESC LIMIT 32) o WHERE o.lap = r.lap AND o.track = r.track AND (SELECT e.ended_ns "
    "FROM stored_laps e WHERE e.id = o.id) >= r.first_ns LIMIT 1)";
/// The order of pages: the newest by their beginning first; of those that began together by what
/// they are, not by their rows. Indexes have it.
inline constexpr std::string_view kLapOrder =
    "l.began_ns DESC, l.machine DESC, l.lap DESC, l.repeat DESC, l.track DESC, l.activity DESC";
inline constexpr std::string_view kOfSameMachine = " AND b.chassis = l.chassis";

/// The laps of a machine and number in a session, in the order in which their ids count them. Left
/// to itself SQLite would look at all laps of that number.
inline constexpr const char* kLapGroup =
    "SELECT l.id, l.nth FROM stored_laps l INDEXED BY stored_laps_by_number "
    "CROSS JOIN activities a ON a.number = l.activity "
    "WHERE l.session = ?1 AND l.machine = ?2 AND l.lap = ?3 "
    "ORDER BY l.began_ns, a.first_ns, a.chassis, a.source_session, l.repeat";

}  // namespace slipstream
