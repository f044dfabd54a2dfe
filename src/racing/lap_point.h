#pragma once
#include <cmath>
#include <cstdint>
#include <limits>

#include "base/clock.h"
#include "racing/crossing.h"

namespace slipstream {

/// What laps follow from, of one point. NaN: it does not tell.
struct LapPoint {
  static constexpr double kAbsent = std::numeric_limits<double>::quiet_NaN();
  static constexpr double kRacing = 2;    ///< result_status of a car that is driving its race
  static constexpr double kFinished = 3;  ///< of one that has seen the flag

  EventTime when = {};
  std::int64_t arrival_ms = 0;  ///< not a part of states
  bool has_id = false;
  std::uint64_t id = 0;  ///< its frame, or its sequence
  std::int32_t lap = 0;
  std::int32_t sector = -1;
  double lapdist_m = kAbsent;
  double speed_kmh = kAbsent;
  double frame = kAbsent;
  double session_time_s = kAbsent;
  double lap_time_s = kAbsent;  ///< since the line
  double last_lap_s = kAbsent;
  double sector1_s = kAbsent;
  double sector2_s = kAbsent;
  double pit_status = kAbsent;
  double lap_invalid = kAbsent;
  double result_status = kAbsent;
  double session_number = kAbsent;  ///< where the source's name of it is one; not a part of states
  double total_laps = kAbsent;      ///< of the race; not a part of states
  bool is_resumed = false;          ///< the game stood still before it
  bool has_more = true;  ///< it may tell more than its place and speed; not a part of states

  bool has_distance() const { return std::isfinite(lapdist_m); }
  bool is_racing() const { return std::isnan(result_status) || result_status == kRacing; }
  /// A source without a status tells by a lap beyond the last one that it has seen the flag.
  void see_end_of_race() {
    if (std::isnan(result_status) && total_laps > 0 && lap > total_laps) result_status = kFinished;
  }
  /// It belongs to frames of a session that has a clock, which flashbacks go by.
  bool has_frame() const { return frame >= 0 && std::isfinite(session_time_s); }
  Fix fix() const { return {when, lapdist_m, speed_kmh, sector}; }

  template <typename Archive>
  void keep(Archive& archive) {
    archive(when, has_id, id, lap, sector, lapdist_m, speed_kmh, frame, session_time_s, lap_time_s,
            last_lap_s, sector1_s, sector2_s, pit_status, lap_invalid, result_status, is_resumed);
  }
};

/// In a machine's order: by number where they have some.
inline bool comes_before(const LapPoint& a, const LapPoint& b) {
  return a.has_id && b.has_id ? a.id < b.id : a.when < b.when;
}

}  // namespace slipstream
