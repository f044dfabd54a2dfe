#include "racing/lap_builder.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <utility>

#include "racing/motion.h"

namespace slipstream {
namespace {

/// A distance that falls by more began anew, or somebody went back.
constexpr double kAnewM = 50;
/// A lap number and the distance disagree at the line no longer than this.
constexpr std::int64_t kMostWaitNs = 2 * kNsPerSecond;
/// A car that crosses the line drives; one that begins anew stands.
constexpr double kDrivingKmh = 18;
/// Two crossings tell the same length of a track but for this share.
constexpr double kLengthsDiffer = 0.05;

bool began_anew(double before_m, double after_m) {
  return before_m - after_m > kAnewM && after_m < before_m / 2;
}

bool is_kept(std::int32_t sector) {
  return sector >= 0 && static_cast<std::size_t>(sector) < BuiltLap::kMostSectors;
}

constexpr std::int64_t kSilenceNs = kNsPerSecond;
/// A game's clock that goes on by no more of a silence stood still in it.
constexpr double kPausedShare = 0.1;
/// Places that are by more off the way that the speeds tell give no time at the line.
constexpr double kMostNoiseM = 1.5;

/// Member by member: a copy of a fix that was made just now would wait for its parts.
void put(std::optional<Fix>& at, const LapPoint& point) {
  if (!at) at.emplace();
  at->when = point.when;
  at->lapdist_m = point.lapdist_m;
  at->speed_kmh = point.speed_kmh;
  at->sector = point.sector;
}

/// The speed of a machine that tells none.
double approach_mps(const Fix& before, const LapPoint& point) {
  const double approach =
      (point.lapdist_m - before.lapdist_m) / seconds_between(before.when, point.when);
  return approach > 0 && std::isfinite(approach) ? approach : LapPoint::kAbsent;
}

/// Of each figure the newest: channels of a machine come at rates of their own.
void keep_newest(LapPoint& last, const LapPoint& point) {
  static constexpr double LapPoint::* kFigures[] = {
      &LapPoint::session_time_s, &LapPoint::lap_time_s, &LapPoint::last_lap_s, &LapPoint::sector1_s,
      &LapPoint::sector2_s,      &LapPoint::pit_status, &LapPoint::lap_invalid};
  last.when = point.when;
  last.has_id = point.has_id;
  last.id = point.id;
  if (!point.has_more) return;
  for (const auto figure : kFigures) {
    if (!std::isnan(point.*figure)) last.*figure = point.*figure;
  }
}

}  // namespace

BuiltLap* LapBuilder::running() {
  return is_driving_ && !laps_.empty() ? &laps_.back() : nullptr;
}

LapBuilder::Taken LapBuilder::take(LapPoint& point, const FieldSet& fields, const LapTrack& track,
                                   std::int64_t late_ns) {
  if (goes_on(point)) {
    if (point.has_id) point.id += base_;
    BuiltLap& lap = laps_.back();
    look_at_way(lap, point);
    drive_on(lap, point, fields, track);
    see_newest(point);
    return Taken::kCounted;
  }
  if (is_newest(point)) {
    if (is_resumed(point)) {
      point.is_resumed = true;
      if (is_driving_) laps_.back().is_cut = true;  // its points' clock went on
      // Numbers that a game counted while it stood still are no points.
      if (point.has_id && has_newest_id_) {
        const std::uint64_t paused = point.id - newest_id_ - 1;
        base_ -= paused;
        point.id -= paused;
      }
    }
    const Taken taken = take_forward(point, fields, track, late_ns);
    see_newest(point);
    return taken;
  }
  const Taken taken = take_late(point, fields, track, late_ns);
  if (taken != Taken::kLate) return taken;
  if (older_in_row_++ == 0) older_since_ms_ = point.arrival_ms;
  const bool is_set_back =
      older_in_row_ > kMostOlder && point.arrival_ms - older_since_ms_ >= kMostOlderMs;
  return is_set_back ? Taken::kBeginsAnew : taken;
}

void LapBuilder::see_newest(const LapPoint& point) {
  older_in_row_ = 0;
  if (point.has_id) {
    newest_id_ = point.id;
    has_newest_id_ = true;
  }
  newest_when_ = has_newest_ ? std::max(newest_when_, point.when) : point.when;
  has_newest_ = true;
}

/// What is added to its number, where the source began to count anew.
std::uint64_t LapBuilder::base_of(const LapPoint& point) const {
  if (!has_newest_id_) return point.id > kMostFirstId ? kMostFirstId - point.id : base_;
  const std::uint64_t id = point.id + base_;
  const bool fell = id <= newest_id_ && newest_id_ - id >= kFewestFallen &&
                    ns_between(newest_when_, point.when) > kNsPerSecond;
  const bool jumped = id > newest_id_ && id - newest_id_ > kMostMissing;
  return fell || jumped ? newest_id_ + 1 - point.id : base_;
}

/// Among points of which some have a number and some have none, the time says it.
bool LapBuilder::is_ahead(const LapPoint& point, std::uint64_t base) const {
  if (point.has_id && has_newest_id_) return point.id + base > newest_id_;
  return !has_newest_ || point.when > newest_when_;
}

bool LapBuilder::is_resumed(const LapPoint& point) const {
  if (!has_newest_ || laps_.empty()) return false;
  if (ns_between(newest_when_, point.when) <= kSilenceNs) return false;
  const double silence_s = seconds_between(newest_when_, point.when);
  const BuiltLap& lap = laps_.back();
  const bool has_clock = !point.has_frame() && lap.last.lap_time_s > lap.first.lap_time_s;
  const double own_s = point.lap_time_s - lap.last.lap_time_s;
  return has_clock && own_s >= 0 && own_s < kPausedShare * silence_s;
}

/// Also gives the point its number among all of them.
bool LapBuilder::is_newest(LapPoint& point) {
  if (!point.has_id) return is_ahead(point, base_);
  base_ = base_of(point);
  const bool is_newest = is_ahead(point, base_);
  point.id += base_;
  return is_newest;
}

LapBuilder::Taken LapBuilder::take_forward(const LapPoint& point, const FieldSet& fields,
                                           const LapTrack& track, std::int64_t late_ns) {
  if (!point.is_racing()) {
    take_stopped(point);
    return Taken::kCounted;
  }
  if (!is_driving_) {
    ahead_ = 0;
    begin_lap(point, point.lap);
  } else {
    look_at_clock(point);
    if (is_back_over_line(point)) {
      cut_line();
      LapPoint placeless = point;
      placeless.lapdist_m = LapPoint::kAbsent;
      placeless.sector = -1;
      return take_forward(placeless, fields, track, late_ns);
    }
    const bool waits =
        !point.has_distance() && at_ && ns_between(at_->when, point.when) <= crossing::kMostApartNs;
    if (waits) {
      if (held_.size() == kMostHeld) release_held(track);
      held_.push_back(point);
      laps_.back().channels.add(fields);
      return Taken::kCounted;
    }
    const Line line = line_before(point);
    if (line == Line::kNone) {
      release_held(track);
      look_at_way(laps_.back(), point);
    } else {
      cross(point, line, track);
      let_go(late_ns);
    }
  }
  drive_on(laps_.back(), point, fields, track);
  return Taken::kCounted;
}

bool LapBuilder::goes_on(const LapPoint& point) const {
  const bool was_odd = !is_driving_ || !at_ || flipped_at_ || wrap_ || !held_.empty() ||
                       (raw_lap_ == 0 && zeros_ < kFewestZeros);
  if (was_odd || point.lap != raw_lap_ || !point.is_racing() || !point.has_distance()) return false;
  if (began_anew(at_->lapdist_m, point.lapdist_m)) return false;
  if (!has_middle_ && is_back_over_line(point)) return false;
  if (point.when <= newest_when_) return false;
  if (ns_between(at_->when, point.when) > crossing::kMostApartNs) return false;
  if (!point.has_id) return true;
  const std::uint64_t id = point.id + base_;
  return has_newest_id_ && id > newest_id_ && id - newest_id_ <= kMostMissing;
}

/// It is of the lap that is being driven.
void LapBuilder::drive_on(BuiltLap& lap, const LapPoint& point, const FieldSet& fields,
                          const LapTrack& track) {
  lap.channels.add(fields);
  add(lap, point, track);
  if (point.last_lap_s > 0 && laps_.size() > 1) {
    take_official(laps_[laps_.size() - 2], point, false);
  }
  if (!point.has_distance()) return;
  lap.approach_mps =
      at_ && !std::isfinite(point.speed_kmh) ? approach_mps(*at_, point) : LapPoint::kAbsent;
  see_place(point);
  put(at_, point);
}

/// It has seen the flag, or retired: what it drives from now on is no lap.
void LapBuilder::take_stopped(const LapPoint& point) {
  raw_lap_ = point.lap;
  if (laps_.empty()) return;
  BuiltLap& lap = laps_.back();
  if (!is_driving_) {
    if (lap.end == LapEnd::kFlag) take_official(lap, point, false);
    return;
  }
  release_held({});
  is_driving_ = false;
  close(lap, point.result_status == LapPoint::kFinished ? LapEnd::kFlag : LapEnd::kStopped,
        point.id);
  if (lap.end == LapEnd::kFlag) {
    if (point.has_distance()) lap.after = point.fix();
    time_line(lap, nullptr);
    take_official(lap, point, true);
  }
  settle_gap(lap, nullptr, point);
  at_.reset();
}

void LapBuilder::see_number(const LapPoint& point) {
  if (flipped_at_ && point.lap == raw_before_) {
    // It rose for some points, and nothing else said so.
    raw_lap_ = raw_before_;
    flipped_at_.reset();
  }
  if (may_be_renamed() && point.lap > 0) {
    // What came before did not tell its lap.
    laps_.back().lap = raw_lap_ = point.lap;
  }
  if (point.lap <= raw_lap_) {
    zeros_ += raw_lap_ == 0 && zeros_ < kFewestZeros ? 1 : 0;
    counts_from_zero_ = counts_from_zero_ || zeros_ == kFewestZeros;
    return;
  }
  std::int32_t rise = point.lap - raw_lap_;
  if (!flipped_at_) raw_before_ = raw_lap_;
  raw_lap_ = point.lap;
  // What the distance told is caught up with, or was told wrongly.
  rise -= std::min(rise, std::exchange(ahead_, 0));
  has_risen_ = true;
  if (rise > 0 && !flipped_at_) flipped_at_ = point.when;
}

bool LapBuilder::is_odd_lap(const LapPoint& point) const {
  if (laps_.empty() || !point.is_racing()) return false;
  if (!is_ahead(point, point.has_id ? base_of(point) : base_)) return false;
  if (!is_driving_) return point.lap < raw_lap_;
  if (flipped_at_ && point.lap == raw_before_) return false;
  if (may_be_renamed()) return false;
  // A rise by one is said by the distance too, where there is one.
  const bool tells_distance = at_ || point.has_distance();
  return point.lap < raw_lap_ || point.lap > raw_lap_ + 1 || !tells_distance;
}

/// Whether the line lies before this point.
LapBuilder::Line LapBuilder::line_before(const LapPoint& point) {
  see_number(point);
  const bool is_near = at_ && ns_between(at_->when, point.when) <= crossing::kMostApartNs;
  const bool anew = at_ && point.has_distance() && began_anew(at_->lapdist_m, point.lapdist_m);
  if (anew) {
    if (flipped_at_) return Line::kHere;
    if (is_over_line(*at_, point.fix())) {
      ++ahead_;
      return Line::kHere;
    }
    wrap_ = {*at_, point.fix()};
    return Line::kNone;
  }
  if (wrap_ && ns_between(wrap_->after.when, point.when) > kMostWaitNs) {
    // It is no crossing: the car was put somewhere else.
    laps_.back().is_cut = true;
    wrap_.reset();
  }
  if (!flipped_at_) return Line::kNone;
  if (wrap_) return Line::kAtWrap;
  const bool waits =
      is_near && point.has_distance() && ns_between(*flipped_at_, point.when) <= kMostWaitNs;
  return waits ? Line::kNone : Line::kUntimed;
}

/// The distance began anew while the number did not rise: whether that was the line.
bool LapBuilder::is_over_line(const Fix& before, const Fix& after) const {
  if (ns_between(before.when, after.when) > crossing::kMostApartNs) return false;
  if (!(before.speed_kmh > kDrivingKmh && after.speed_kmh > kDrivingKmh)) return false;
  const double driven = driven_m(before, after);
  if (after.lapdist_m < 0 || after.lapdist_m > driven * 1.25 + 5) return false;
  const double length = before.lapdist_m + driven - after.lapdist_m;
  return track_m_ <= 0 || std::abs(length - track_m_) <= kLengthsDiffer * track_m_;
}

void LapBuilder::begin_lap(const LapPoint& point, std::int32_t number) {
  const bool is_first = laps_.empty() && vanished_.empty();
  const std::int32_t before = laps_.empty() ? 0 : laps_.back().lap;
  const std::uint32_t repeat = !laps_.empty() && before == number ? laps_.back().repeat + 1 : 0;
  const bool goes_on = is_driving_ && number == before + 1;
  const auto again = std::ranges::find(vanished_, number, &BuiltLap::lap);
  BuiltLap lap;
  if (again != vanished_.end()) {
    lap = std::move(*again);
    vanished_.erase(again);
  } else {
    lap.lap = number;
    lap.repeat = repeat;
  }
  lap.first = lap.last = point;
  lap.last_is_known = true;
  lap.begun_here = goes_on || (!is_driving_ && laps_.empty() && point.lapdist_m < 0);
  if (!std::isnan(point.pit_status)) lap.began_in_pit = point.pit_status > 0;
  if (is_first) {
    const auto start = std::ranges::find(starts_before_, number, &Starts::value_type::first);
    if (start != starts_before_.end()) lap.began_in_pit = start->second;
  }
  if (!laps_.empty()) lap.compound = laps_.back().compound;
  if (lap.began_in_pit) {
    starts_.emplace_back(number, *lap.began_in_pit);
    if (starts_.size() > kMostStarts) starts_.erase(starts_.begin());
  }
  laps_.push_back(std::move(lap));
  is_driving_ = true;
  raw_lap_ = point.lap;
  if (is_first) {
    zeros_ = point.lap == 0 ? 1 : 0;
    counts_from_zero_ = false;
  }
}

void LapBuilder::learn_length(const Fix& before, const Fix& after) {
  if (ns_between(before.when, after.when) > crossing::kMostApartNs) return;
  const double length = before.lapdist_m + driven_m(before, after) - after.lapdist_m;
  if (length > 0 && std::isfinite(length)) track_m_ = length;
}

void LapBuilder::cross(const LapPoint& point, Line line, const LapTrack& track) {
  const std::int32_t ended_lap = laps_.back().lap;
  const std::int32_t number = std::max(ended_lap + 1, raw_lap_ + ahead_);
  {
    BuiltLap& ended = laps_.back();
    close(ended, LapEnd::kLine, point.id);
    if (line == Line::kHere && point.has_distance()) {
      ended.after = point.fix();
      learn_length(*at_, point.fix());
    } else if (line == Line::kAtWrap) {
      ended.exit = wrap_->before;
      ended.after = wrap_->after;
    }
    take_official(ended, point, true);
  }
  const std::vector<LapPoint> held = std::exchange(held_, {});
  begin_lap(point, number);
  BuiltLap& ended = laps_[laps_.size() - 2];
  BuiltLap& next = laps_.back();
  time_line(ended, &next);
  for (const LapPoint& waited : held) {
    const bool is_behind = ended.ended ? waited.when >= *ended.ended : waited.lap > ended_lap;
    add(is_behind ? next : ended, waited, track);
  }
  settle_gap(ended, &next);
  wrap_.reset();
  flipped_at_.reset();
  has_middle_ = false;
  if (noise_m_ > kMostNoiseM) cut_line();
}

void LapBuilder::release_held(const LapTrack& track) {
  if (held_.empty()) return;
  for (const LapPoint& point : held_) add(laps_.back(), point, track);
  held_.clear();
}

LapQuality::Outcome LapBuilder::add(BuiltLap& lap, const LapPoint& point, const LapTrack& track) {
  const auto outcome = point.has_id ? lap.quality.add(point.id, point.when)
                                    : lap.quality.add(point.when, point.is_resumed);
  if (outcome == LapQuality::Outcome::kDuplicate) ++lap.duplicates;
  if (outcome != LapQuality::Outcome::kNew) return outcome;
  if (comes_before(point, lap.first)) lap.first = point;
  if (!lap.last_is_known || !comes_before(point, lap.last)) {
    keep_newest(lap.last, point);
    lap.last_is_known = true;
  }
  lap.speed.see(point.id, point.speed_kmh, point.has_id && point.has_frame());
  if (!point.has_distance()) return outcome;
  if (!lap.entry || !lap.exit) {
    put(lap.entry, point);
    if (!lap.exit) put(lap.exit, point);
    if (is_kept(point.sector)) lap.sectors.push_back({point.sector, point.id, std::nullopt});
  } else if (point.when > lap.exit->when) {
    const bool is_beyond =
        is_kept(point.sector) && (lap.sectors.empty() || point.sector > lap.sectors.back().sector);
    if (is_beyond) pass_sector(lap, point.fix(), point.id, track);
    put(lap.exit, point);
  } else if (point.when < lap.entry->when) {
    put(lap.entry, point);
  }
  return outcome;
}

void LapBuilder::pass_sector(BuiltLap& lap, const Fix& fix, std::uint64_t id,
                             const LapTrack& track) {
  const Fix& before = *lap.exit;
  SectorBegin& begin = lap.sectors.emplace_back(fix.sector, id, std::nullopt);
  if (before.sector + 1 != fix.sector) return;
  if (ns_between(before.when, fix.when) > crossing::kMostApartNs) return;
  std::optional<double> at_m;
  if (track.map != nullptr) at_m = crossing::sector_begin_m(*track.map, track.name, before, fix);
  if (!at_m && track.learned != nullptr) {
    track.learned->cross_sector(fix.sector, before.lapdist_m, fix.lapdist_m);
    // Half a millisecond off, at that speed.
    const double good_m = fix.speed_kmh * kMpsOfKmh * 0.0005;
    if (track.learned->sector_begin_within_m(fix.sector) <= good_m) {
      at_m = track.learned->sector_begin_m(fix.sector);
    }
  }
  if (at_m) begin.when = crossing::of_place(before, fix, *at_m);
}

}  // namespace slipstream
