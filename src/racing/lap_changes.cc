// What changes laps behind their time: points that come late, flashbacks, and the end.
#include <algorithm>
#include <cmath>
#include <utility>

#include "racing/lap_builder.h"
#include "racing/motion.h"

namespace slipstream {
namespace {

bool is_same(const LineGap& a, const LineGap& b) {
  return a.ids == b.ids && a.ns == b.ns && a.share == b.share;
}

}  // namespace

LapBuilder::Taken LapBuilder::take_late(const LapPoint& point, const FieldSet& fields,
                                        const LapTrack& track, std::int64_t late_ns) {
  if (!point.is_racing()) return Taken::kCounted;
  if (!held_.empty() && comes_before(laps_.back().last, point)) return held_late(point);
  const auto at = lap_of_late(point);
  if (!at) return Taken::kLate;
  BuiltLap& lap = laps_[*at];
  if (lap.is_closed() && ns_between(lap.ended_at(), newest_when_) > late_ns) return Taken::kLate;
  // Its number is of that lap, and its time is not: the source counts anew, on another clock.
  if (ns_between(point.when, lap.first.when) > late_ns) return Taken::kLate;
  switch (add(lap, point, track)) {
    case LapQuality::Outcome::kTooOld:
      return Taken::kLate;
    case LapQuality::Outcome::kDuplicate:
      touch(lap);
      return Taken::kDuplicate;
    case LapQuality::Outcome::kVoid: {
      for (auto* const laps : {&laps_, &vanished_}) {
        const auto own = std::ranges::find(*laps, point.lap, &BuiltLap::lap);
        if (own == laps->end()) continue;
        ++own->discarded;
        own->is_rewound = true;
        touch(*own);
        break;
      }
      return Taken::kCounted;
    }
    case LapQuality::Outcome::kNew:
      break;
  }
  lap.channels.add(fields);
  touch(lap);
  if (*at > 0) settle(*at - 1);
  settle(*at);
  return Taken::kCounted;
}

/// Among those that wait for the next distance.
LapBuilder::Taken LapBuilder::held_late(const LapPoint& point) {
  const auto place = std::ranges::find_if_not(
      held_, [&](const LapPoint& held) { return comes_before(held, point); });
  if (place != held_.end() && !comes_before(point, *place)) {
    ++laps_.back().duplicates;
    touch(laps_.back());
    return Taken::kDuplicate;
  }
  if (held_.size() == kMostHeld) return Taken::kLate;
  held_.insert(place, point);
  return Taken::kCounted;
}

std::optional<std::size_t> LapBuilder::lap_of_late(const LapPoint& point) const {
  for (std::size_t i = laps_.size(); i-- > 0;) {
    const BuiltLap& lap = laps_[i];
    if (comes_before(point, lap.first)) continue;
    const bool is_behind = i + 1 < laps_.size() && comes_before(lap.last, point);
    if (!is_behind) return i;
    const bool is_next = lap.ended ? point.when >= *lap.ended : point.lap > lap.lap;
    return is_next ? i + 1 : i;
  }
  if (laps_.empty() || point.lap != laps_.front().lap) return std::nullopt;
  return 0;
}

void LapBuilder::settle(std::size_t at) {
  if (at + 1 >= laps_.size()) return;
  BuiltLap& ended = laps_[at];
  BuiltLap& next = laps_[at + 1];
  const auto ended_before = ended.ended;
  const LineGap gap_before = ended.gap_behind;  // which also says whether it was seen to begin
  if (next.entry && ended.after && next.entry->when < ended.after->when) ended.after = next.entry;
  time_line(ended, &next);
  settle_gap(ended, &next);
  if (ended.ended == ended_before && is_same(ended.gap_behind, gap_before)) return;
  touch(ended);
  touch(next);
}

void LapBuilder::close(BuiltLap& lap, LapEnd end, std::uint64_t id) {
  lap.end = end;
  lap.end_id = id;
  ++lap.revision;
  lap.is_dirty = is_dirty_ = true;
}

void LapBuilder::vanish_last() {
  BuiltLap lap = std::move(laps_.back());
  laps_.pop_back();
  const std::uint64_t taken = lap.quality.points();
  lap.discarded += taken;
  lap.is_rewound = lap.is_rewound || taken > 0;
  lap.vanish();
  touch(lap);
  const auto start = std::ranges::find(starts_, lap.lap, &Starts::value_type::first);
  if (start != starts_.end()) starts_.erase(start);
  vanished_.push_front(std::move(lap));
  if (vanished_.size() > kMostLaps) vanished_.pop_back();
}

/// It is being driven again, from that point on.
void LapBuilder::reopen(BuiltLap& lap, std::uint64_t from) {
  lap.speed.take_back(from);
  std::erase_if(lap.sectors, [&](const SectorBegin& begin) { return begin.id >= from; });
  if (lap.last.id >= from) lap.last_is_known = false;
  if (lap.is_closed()) touch(lap);
  lap.end = LapEnd::kRunning;
  lap.official_s.reset();
  lap.ended.reset();
  lap.after.reset();
  lap.gap_behind = {};
}

void LapBuilder::take_back(std::uint64_t from, std::uint64_t until) {
  release_held({});
  from += base_;
  until = std::max(until + base_, newest_id_);
  for (Gone& gone : gone_) {
    if (gone.last_id < from) continue;
    ++gone.revision;
    gone.is_dirty = is_dirty_ = true;
  }
  while (!laps_.empty() && laps_.back().first.id >= from) vanish_last();
  newest_id_ = std::max(newest_id_, until);
  at_.reset();
  wrap_.reset();
  flipped_at_.reset();
  ahead_ = 0;
  has_middle_ = true;
  if (laps_.empty()) {
    is_driving_ = false;
    raw_lap_ = 0;
    return;
  }
  BuiltLap& lap = laps_.back();
  if (lap.is_closed() && lap.end_id < from) return;  // retired, or finished, before
  const std::uint64_t taken = lap.quality.take_back(from, until);
  lap.discarded += taken;
  lap.is_rewound = lap.is_rewound || taken > 0;
  reopen(lap, from);
  is_driving_ = true;
  raw_lap_ = lap.lap;
}

void LapBuilder::lose_track(double session_time_s) {
  for (BuiltLap& lap : laps_) {
    if (!(lap.last.session_time_s >= session_time_s)) continue;
    lap.is_lost = lap.is_rewound = true;
    touch(lap);
  }
}

void LapBuilder::end() {
  if (is_driving_) {
    release_held({});
    close(laps_.back(), LapEnd::kStopped, newest_id_);
    is_driving_ = false;
  }
  for (BuiltLap& lap : vanished_) {
    if (lap.revision == 0) close(lap, LapEnd::kStopped, newest_id_);
  }
}

void LapBuilder::go_on_from(Starts starts) {
  starts_before_ = std::move(starts);
  if (laps_.empty() || !gone_.empty()) return;
  BuiltLap& first = laps_.front();
  const auto start = std::ranges::find(starts_before_, first.lap, &Starts::value_type::first);
  if (start == starts_before_.end() || first.began_in_pit == start->second) return;
  first.began_in_pit = start->second;
  touch(first);
}

/// Of laps that are as old as nothing comes any more, three stay all the same: a flashback may go
/// over the line.
void LapBuilder::let_go(std::int64_t late_ns) {
  constexpr std::size_t kStay = 3;
  for (BuiltLap& lap : laps_) {
    if (!lap.is_closed() || ns_between(lap.ended_at(), newest_when_) <= late_ns) break;
    lap.quality.settle();
  }
  while (laps_.size() > kStay) {
    const BuiltLap& oldest = laps_.front();
    const bool is_old = ns_between(oldest.ended_at(), newest_when_) > late_ns;
    if (!is_old && laps_.size() <= kMostLaps) return;
    gone_.push_back({.lap = oldest.lap,
                     .repeat = oldest.repeat,
                     .revision = oldest.revision,
                     .last_id = oldest.last.id,
                     .began = oldest.began.value_or(oldest.first.when),
                     .ended = oldest.ended_at()});
    if (gone_.size() > kMostGone) gone_.pop_front();
    if (oldest.is_dirty) leaving_.push_back(std::move(laps_.front()));
    laps_.pop_front();
  }
}

void LapBuilder::take_told(std::vector<LapPtr>& into, const ActivityKey& activity,
                           const FieldTable& fields, bool with_running) {
  is_dirty_ = false;
  for (Gone& gone : gone_) {
    if (!std::exchange(gone.is_dirty, false)) continue;
    Lap lost;
    lost.activity = activity;
    lost.lap = gone.lap;
    lost.repeat = gone.repeat;
    lost.revision = gone.revision;
    lost.began = gone.began;
    lost.ended = gone.ended;
    lost.is_rewound = true;
    into.push_back(std::make_shared<const Lap>(std::move(lost)));
  }
  with_running = with_running && !may_be_renamed();
  for (auto* const laps : {&leaving_, &laps_, &vanished_}) {
    for (BuiltLap& lap : *laps) {
      const bool is_told = lap.revision > 0 || laps == &vanished_ ? lap.is_dirty : with_running;
      if (!is_told) continue;
      lap.is_dirty = false;
      into.push_back(std::make_shared<const Lap>(told_of(lap, activity, fields)));
    }
  }
  leaving_.clear();
}

/// Points whose lap is not told yet are so far the running one's.
Lap LapBuilder::told_of(const BuiltLap& lap, const ActivityKey& activity,
                        const FieldTable& fields) const {
  if (held_.empty() || &lap != &laps_.back()) return lap.told(activity, fields);
  BuiltLap with_held = lap;
  for (const LapPoint& point : held_) add(with_held, point, {});
  return with_held.told(activity, fields);
}

std::vector<TimedLap> LapBuilder::timed_laps(std::size_t most) const {
  std::vector<TimedLap> timed;
  const std::size_t first = laps_.size() - std::min(laps_.size(), most);
  for (std::size_t at = first; at < laps_.size(); ++at) timed.push_back(laps_[at].timed());
  return timed;
}

void LapBuilder::see_channels(FieldSet& into) const {
  for (const auto* const laps : {&laps_, &vanished_}) {
    for (const BuiltLap& lap : *laps) into.add(lap.channels);
  }
}

void LapBuilder::rename_fields(const std::vector<std::optional<FieldId>>& to) {
  for (auto* const laps : {&laps_, &vanished_}) {
    for (BuiltLap& lap : *laps) {
      lap.channels = lap.channels.renamed(to);
    }
  }
}

}  // namespace slipstream
