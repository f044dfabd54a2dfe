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
      "IS NOT 0 AND b.lap_time_s IS NOT NULL ORDER BY b.lap_time_s, b.began_ns, b.chassis, b.lap "
      "LIMIT 1)",
      more);
}
/// The order of pages: the newest by their beginning first; of those that began together by what
/// they are, not by their rows. Indexes have it.
inline constexpr std::string_view kLapOrder =
    "l.began_ns DESC, l.machine DESC, l.lap DESC, l.repeat DESC, l.track DESC, l.activity DESC";
inline constexpr std::string_view kOfSameMachine = " AND b.chassis = l.chassis";

}  // namespace slipstream
