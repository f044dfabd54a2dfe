#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "model/lap.h"
#include "model/mark.h"
#include "model/point.h"

namespace slipstream {

/// Which points are asked for: of one machine, with event time in [from, to].
struct PointQuery {
  std::string track = {};
  std::string chassis = {};
  EventTime from = {};
  EventTime to = {};
  std::vector<std::string> fields = {};  ///< none: all
  std::string source_session = {};       ///< as the source calls it; empty: of any
  std::optional<std::int32_t> lap = {};  ///< without points that say they are of another one
  /// Of the points exactly at `to` those that say they are of that lap; where no line was crossed
  /// then, all that do not say they are of a later one. Nothing: all.
  std::optional<std::int32_t> end_lap = {};
  bool end_is_line = false;
  bool with_taken_back = false;  ///< points that a flashback took back, too
};

/// A lap's points, of all fields.
PointQuery points_of_lap(const Lap& lap);
/// Whoever asks of many points compares their Point::series_hash before, which is quick.
bool is_asked_for(const PointQuery& query, const PointBatch& batch, const Point& point);
/// The mark goes back in the session that is asked for: takes_back() tells which points, of those
/// that the log has before it, did not happen.
bool goes_back(const Mark& mark, const PointQuery& query);
/// `session_time_s`: the point's; NaN, it has none: such points are not told apart by one.
inline bool takes_back(const Mark& mark, EventTime time, double session_time_s) {
  return time <= mark.time && is_taken_back(session_time_s, *mark.to_session_time_s);
}

}  // namespace slipstream
