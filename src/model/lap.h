#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"

namespace slipstream {

/// Which activity of a machine: names it for good, in whatever order points came.
struct ActivityKey {
  std::string track = {};
  std::string chassis = {};
  std::string source_session = {};  ///< what the source calls the session; empty: nothing
  EventTime first = {};             ///< event time of its first point in the order of the log

  friend auto operator<=>(const ActivityKey&, const ActivityKey&) = default;
};

/// A machine's points on a track without a pause as long as a session's gap, and without laps that
/// begin anew: what sessions are made of. It grows: the newest that was told holds.
struct Activity {
  ActivityKey key = {};
  EventTime began = {};  ///< event time of its earliest point
  EventTime ended = {};  ///< of its latest so far
  std::uint64_t points = 0;
  /// Its laps begin anew, though the machine was heard of just before: another run.
  bool begins_anew = false;
  /// A save was loaded: the session of the source that this one goes on from. Empty: none.
  std::string goes_on_from = {};

  friend bool operator==(const Activity&, const Activity&) = default;
};

/// A lap of a machine, as its points and marks tell it: what is driven until the line is crossed
/// again, or until the flag, a retirement or the end of the session. Times are the interpolated
/// crossings of the line, or what the source tells (is_official). What is not known is absent.
struct Lap {
  ActivityKey activity = {};
  std::int32_t lap = 0;
  std::uint32_t repeat = 0;  ///< so many of that number the activity had before it
  /// 0: it is being driven. Counts up, from 1, with all that changes it after it has closed.
  std::uint32_t revision = 0;

  EventTime began = {};      ///< its crossing of the line, or its first point
  EventTime ended = {};      ///< the next crossing, or its last point
  bool begun_here = false;   ///< it was seen from its beginning
  bool is_complete = false;  ///< seen from line to line, or told by the source as a whole
  bool is_official = false;
  std::optional<double> lap_time_s = {};
  std::vector<std::optional<double>> sector_times_s = {};
  std::optional<bool> is_valid = {};
  std::optional<bool> pit_in = {};   ///< it ended in the pit lane
  std::optional<bool> pit_out = {};  ///< it began there
  std::string compound = {};

  /// That count: not taken back, each once. Of a source with frames, all frames of the lap, those
  /// that are missing among them.
  std::uint64_t points = 0;
  std::uint64_t missing = 0;
  std::uint64_t duplicates = 0;
  std::uint64_t discarded = 0;  ///< taken back, as by a flashback
  bool is_rewound = false;      ///< some of it was driven twice
  double longest_gap_s = 0;     ///< between two points that follow each other
  std::optional<double> max_speed_kmh = {};
  std::vector<std::string> channels = {};  ///< names of the fields that its points have, sorted
};
using LapPtr = std::shared_ptr<const Lap>;

/// What observers have to be committed beside rollups. What is told again after a restart is known
/// by its key: of a lap the higher revision holds, of a lap that is being driven, and of an
/// activity, what was told last.
struct ToldLaps {
  std::vector<Activity> activities = {};
  std::vector<LapPtr> laps = {};

  bool empty() const { return activities.empty() && laps.empty(); }
  std::size_t bytes() const;
};

}  // namespace slipstream
