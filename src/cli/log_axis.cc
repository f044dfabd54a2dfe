#include "cli/log_axis.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "history/lap_history.h"

namespace slipstream {
namespace {

constexpr double kSameTimeS = 1;

double seconds_between(EventTime from, EventTime to) {
  return static_cast<double>(to.ns - from.ns) / static_cast<double>(kNsPerSecond);
}

/// Points [from, to), with the session's time alone.
MachinePoints slice_of(const MachinePoints& points, std::size_t from, std::size_t to,
                       const std::string& session_time) {
  const auto part = [&]<typename T>(const std::vector<T>& all) {
    return std::vector<T>(all.begin() + static_cast<std::ptrdiff_t>(from),
                          all.begin() + static_cast<std::ptrdiff_t>(to));
  };
  MachinePoints slice;
  slice.times = part(points.times);
  if (const auto* const values = points.find(session_time)) {
    slice.columns.push_back({.name = session_time, .values = part(*values)});
  }
  return slice;
}

/// Lays points and laps on the axis, in their order.
class AxisMaker {
 public:
  AxisMaker(const MachinePoints& points, const std::string& session_time)
      : points_(points), session_time_(session_time) {}

  LogAxis make(std::span<const StoredLap> laps) {
    axis_.began = points_.times.front();
    if (!laps.empty()) axis_.began = std::min(axis_.began, laps.front().lap->began);
    here_ = axis_.began;
    for (const StoredLap& lap : laps) add(*lap.lap);
    while (next_ < points_.size()) add_between(points_.times[next_]);
    axis_.duration_s = std::max(here_s_, axis_.seconds.empty() ? 0 : axis_.seconds.back());
    return std::move(axis_);
  }

 private:
  void place(double seconds) {
    axis_.seconds.push_back(axis_.seconds.empty() ? seconds
                                                  : std::max(seconds, axis_.seconds.back()));
    ++next_;
  }
  void add_between(EventTime time) { place(here_s_ + seconds_between(here_, time)); }

  void add(const Lap& lap) {
    while (next_ < points_.size() && points_.times[next_] < lap.began) {
      add_between(points_.times[next_]);
    }
    here_s_ += std::max(0.0, seconds_between(here_, lap.began));
    here_ = std::max(here_, lap.began);
    const EventTime last = points_of_lap(lap).to;
    std::size_t end = next_;
    while (end < points_.size() && points_.times[end] <= last) ++end;
    const MachinePoints own = slice_of(points_, next_, end, session_time_);
    const bool has_points = own.size() > 0;
    const auto seconds = has_points ? lap_seconds(own, lap, session_time_) : std::vector<double>();
    double lasts_s = seconds_between(lap.began, lap.ended);
    if (has_points) {
      lasts_s = seconds.back() + std::max(0.0, seconds_between(own.times.back(), lap.ended));
    }
    // What its time leaves of the first lap is the wait on the grid.
    double wait_s = 0;
    if (lap.is_complete && lap.lap_time_s && lap.begun_here) {
      const double more_s = lasts_s - *lap.lap_time_s;
      if (std::abs(more_s) <= kSameTimeS) {
        lasts_s = *lap.lap_time_s;
      } else if (more_s > 0 && axis_.laps.empty()) {
        wait_s = more_s;
      }
    }
    axis_.laps.push_back({.number = lap.lap,
                          .from_s = here_s_ + wait_s,
                          .to_s = here_s_ + lasts_s,
                          .lap_time_s = counts(lap) ? lap.lap_time_s : std::nullopt,
                          .begins_at_line = lap.begun_here,
                          .ends_at_line = lap.is_complete});
    for (const double s : seconds) place(here_s_ + std::clamp(s, 0.0, lasts_s));
    here_s_ += lasts_s;
    here_ = std::max(here_, has_points ? std::max(lap.ended, own.times.back()) : lap.ended);
  }
  static bool counts(const Lap& lap) { return lap.is_complete && lap.is_valid.value_or(true); }

  const MachinePoints& points_;
  const std::string& session_time_;
  LogAxis axis_;
  std::size_t next_ = 0;  ///< point
  EventTime here_;        ///< up to here the axis is made
  double here_s_ = 0;
};

}  // namespace

LogAxis make_log_axis(const MachinePoints& points, std::span<const StoredLap> laps,
                      const std::string& session_time) {
  if (points.size() == 0) return {};
  return AxisMaker(points, session_time).make(laps);
}

}  // namespace slipstream
