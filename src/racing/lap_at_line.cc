// What is known of laps where one ends and the next begins: their times, and what is missing there.
#include <algorithm>
#include <cmath>

#include "racing/lap_builder.h"
#include "racing/motion.h"

namespace slipstream {
namespace {

/// The clocks of a source's lap and of its points differ by no more.
constexpr double kClocksDifferS = 0.25;
/// A source tells a lap's time no later behind the line.
constexpr std::int64_t kMostOfficialWaitNs = 5 * kNsPerSecond;

}  // namespace

/// The time that the source tells of a lap that has ended. One that is still that of the lap before
/// is known by the lap's own clock.
void LapBuilder::take_official(BuiltLap& ended, const LapPoint& point, bool is_end) {
  const double told = point.last_lap_s;
  if (!(told > 0) || !(told <= kLongestLapS) || ended.is_official() || !ended.is_closed()) return;
  if (ended.end == LapEnd::kStopped) return;
  if (ns_between(ended.last.when, point.when) > kMostOfficialWaitNs) return;
  if (told == ended.last.last_lap_s) {
    const double until = ended.last.lap_time_s;
    const double apart = seconds_between(ended.last.when, point.when);
    const bool fits = told >= until - kClocksDifferS && told <= until + apart + kClocksDifferS;
    if (!fits || !ended.last_is_known) return;
  }
  ended.official_s = told;
  if (!is_end) touch(ended);
}

void LapBuilder::time_line(BuiltLap& ended, BuiltLap* next) {
  if (next != nullptr && next->lap != ended.lap + 1) return;
  if (!ended.exit || !ended.after) return;
  ended.ended = crossing::of_line(*ended.exit, *ended.after, ended.approach_mps);
  if (next != nullptr) next->began = ended.ended;
}

void LapBuilder::settle_gap(BuiltLap& ended, BuiltLap* next) const {
  if (next != nullptr) settle_gap(ended, next, next->first);
}

/// How long a car that was not seen for `apart_s` at the line was before it. NaN: nobody knows.
double LapBuilder::seconds_to_line(const BuiltLap& ended, const LapPoint& behind,
                                   double apart_s) const {
  if (!ended.entry || !ended.exit || !(behind.lapdist_m >= 0)) return LapPoint::kAbsent;
  const double behind_m = behind.lapdist_m;
  const double left_m = track_m_ - ended.exit->lapdist_m;
  if (track_m_ > 0 && left_m >= 0 && left_m + behind_m > 0) {
    return apart_s * left_m / (left_m + behind_m);
  }
  const double seen_s = seconds_between(ended.entry->when, ended.exit->when);
  const double seen_m = ended.exit->lapdist_m - ended.entry->lapdist_m;
  if (!(seen_s > 0) || !(seen_m > 0)) return LapPoint::kAbsent;
  return apart_s - behind_m * seen_s / seen_m;
}

/// `behind`: the first point behind the end.
void LapBuilder::settle_gap(BuiltLap& ended, BuiltLap* next, const LapPoint& behind) const {
  const LapPoint& last = ended.last;
  LineGap gap;
  if (behind.has_id && ended.quality.has_ids()) {
    const std::uint64_t from = ended.quality.last_id();
    if (behind.id > from) gap.ids = behind.id - from - 1;
  }
  if (!ended.quality.ends_void() && ended.last_is_known) {
    gap.ns = std::max<std::int64_t>(0, ns_between(last.when, behind.when));
  } else {
    gap.ids = 0;
  }
  // By the new lap's clock, else by the crossing, else by how far both sides are from it.
  double apart = behind.session_time_s - last.session_time_s;
  if (!std::isfinite(apart)) apart = seconds_between(last.when, behind.when);
  double until = LapPoint::kAbsent;
  if (std::isfinite(behind.lap_time_s)) {
    until = apart - behind.lap_time_s;
  } else if (ended.ended) {
    until = seconds_between(last.when, *ended.ended);
  } else if (next != nullptr) {
    until = seconds_to_line(ended, behind, apart);
  }
  if (next != nullptr && apart > 0 && std::isfinite(until)) {
    gap.share = std::clamp(until / apart, 0.0, 1.0);
  }
  ended.gap_behind = gap;
  if (next == nullptr) return;
  next->gap_before = gap;
  // Across a long silence nobody has seen it begin.
  next->begun_here = next->lap == ended.lap + 1 && gap.ns <= crossing::kMostApartNs;
}

}  // namespace slipstream
