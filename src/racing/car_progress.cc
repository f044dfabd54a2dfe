#include "racing/car_progress.h"

#include <algorithm>
#include <cmath>

#include "racing/motion.h"

namespace slipstream {
namespace {

/// A car stands or is pushed back a little, and its distance has noise; further back is a place
/// that was gone back to.
constexpr double kBackM = 50;
/// Before cars have driven so far nothing is known of where the line is.
constexpr double kShortestTrackM = 200;

EventTime after(EventTime from, double seconds) {
  return {from.ns + std::llround(seconds * 1e9)};
}

}  // namespace

void keep_best(PerSector& best, std::int32_t sector, double seconds) {
  double& kept = figure_of(best, sector, seconds);
  kept = std::min(kept, seconds);
}

void CarProgress::begin_anew() {
  *this = {};
}

void CarProgress::observe(const ProgressSample& sample, TrackLength& track) {
  track.see(sample.lapdist_m);
  if (!newest_) {
    newest_ = sample;
    place_ = {sample.lap, sample.lapdist_m};
    keep_passage({place_, sample.when}, track.metres());
    return;
  }
  if (ns_between(sample.when, newest_->when) > kClockSetBackNs) {
    begin_anew();
    return observe(sample, track);
  }
  if (sample.when <= newest_->when) return;  // late: what it tells is known better

  const std::int32_t turn = turn_of(sample, track);
  const Place place{turn, sample.lapdist_m};
  const bool is_back =
      turn < place_.turn || (turn == place_.turn && place_.lapdist_m - sample.lapdist_m > kBackM);
  if (is_back) {
    go_back_to(place);
  } else {
    if (turn != place_.turn) cross_line(sample, turn, track);
    if (sample.sector != newest_->sector) cross_sector(sample, turn, track);
  }
  if (sample.lap_invalid > 0) invalid_turn_ = turn;
  take_official(sample, turn);
  newest_ = sample;
  place_ = place;
  keep_passage({place_, sample.when}, track.metres());
}

/// The distance is what tells where a car is, and the lap how often it has been around; at the
/// line one of the two may be some points behind the other.
std::int32_t CarProgress::turn_of(const ProgressSample& sample, const TrackLength& track) const {
  const double length = track.at_least_m();
  if (length < kShortestTrackM) return sample.lap;
  const double step = sample.lapdist_m - place_.lapdist_m;
  const double seconds = seconds_between(newest_->when, sample.when);
  const double fastest = std::isfinite(sample.speed_kmh) ? sample.speed_kmh * kMpsOfKmh : 100;
  // What lies between the samples if the line is between them, and what a car could drive.
  const double around = length + step;
  const double possible = 2 * fastest * seconds + 100;
  const bool went_around = step < -length / 2 && around < possible;
  // Before the length is known, a car that sets off is at the furthest place, and not at the line.
  const bool went_back_over = track.metres() > 0 && step > length / 2 && length - step < possible;
  const std::int32_t by_distance = place_.turn + (went_around ? 1 : went_back_over ? -1 : 0);
  if (by_distance == sample.lap) return sample.lap;
  // The lap has flipped, the distance not yet.
  if (by_distance == sample.lap - 1 && sample.lapdist_m > length * 0.9) return by_distance;
  // The distance began anew, and the lap has not flipped yet; that of a car behind the chequered
  // flag never does.
  const bool is_near = seconds * fastest < length / 2;
  if (by_distance == sample.lap + 1 && is_near && newest_->lap == sample.lap) return by_distance;
  return sample.lap;
}

void CarProgress::go_back_to(const Place& place) {
  while (!way_.empty() && way_.back().place >= place) way_.pop_back();
  while (!laps_.empty() && laps_.back().turn >= place.turn) laps_.pop_back();
  while (!sectors_.empty() && sectors_.back().turn >= place.turn) sectors_.pop_back();
  if (line_ && line_->turn > place.turn) line_.reset();
  if (invalid_turn_ && *invalid_turn_ >= place.turn) invalid_turn_.reset();
  sector_.reset();
  official_last_s_.reset();
}

void CarProgress::cross_line(const ProgressSample& sample, std::int32_t turn, TrackLength& track) {
  const ProgressSample& before = *newest_;
  const double apart = seconds_between(before.when, sample.when);
  const bool is_next = turn == place_.turn + 1;
  if (!is_next || ns_between(before.when, sample.when) > kMostApartNs) {
    line_.reset();
    return;
  }
  double metres = driven_m(before, sample);
  if (std::isfinite(metres)) {
    track.cross_line(before.lapdist_m, sample.lapdist_m, metres);
  } else if (track.metres() > 0) {
    metres = track.metres() - before.lapdist_m + sample.lapdist_m;
  }
  // What is behind the line is known; what is before it only where the length is.
  const double behind = sample.lapdist_m;
  const double length = track.metres();
  double share = 1;
  if (length > before.lapdist_m && length - before.lapdist_m + behind > 0) {
    share = (length - before.lapdist_m) / (length - before.lapdist_m + behind);
  } else if (std::isfinite(metres) && metres > 0) {
    share = 1 - std::min(1.0, behind / metres);
  }
  const EventTime when = after(before.when, share * apart);
  if (line_ && line_->turn == place_.turn) {
    keep_lap({place_.turn, seconds_between(line_->when, when)});
  }
  line_ = {turn, turn, when};
}

void CarProgress::cross_sector(const ProgressSample& sample, std::int32_t turn,
                               TrackLength& track) {
  const ProgressSample& before = *newest_;
  const bool is_timed = sample.sector >= 0 && sample.sector < kMostSectors &&
                        ns_between(before.when, sample.when) <= kMostApartNs;
  if (!is_timed || before.sector < 0) {
    sector_.reset();
    return;
  }
  EventTime when = sample.when;
  if (turn != place_.turn && line_ && line_->turn == turn) {
    when = line_->when;
  } else if (turn == place_.turn && sample.lapdist_m > before.lapdist_m) {
    track.cross_sector(sample.sector, before.lapdist_m, sample.lapdist_m);
    const double begin =
        std::clamp(track.sector_begin_m(sample.sector), before.lapdist_m, sample.lapdist_m);
    const double share = (begin - before.lapdist_m) / (sample.lapdist_m - before.lapdist_m);
    when = after(before.when, share * seconds_between(before.when, sample.when));
  }
  if (sector_ && sector_->number == before.sector) {
    keep_sector({sector_->turn, before.sector, seconds_between(sector_->when, when)});
  }
  sector_ = {sample.sector, turn, when};
}

void CarProgress::keep_sector(const TimedSector& timed) {
  figure_of(sector_times_s_, timed.sector, timed.seconds) = timed.seconds;
  // What the source tells stands in place of what was found out.
  const auto same = std::ranges::find_if(sectors_, [&](const TimedSector& kept) {
    return kept.turn == timed.turn && kept.sector == timed.sector;
  });
  if (same != sectors_.end()) {
    same->seconds = timed.seconds;
    return;
  }
  sectors_.push_back(timed);
  if (sectors_.size() > kMostSectorTimes) sectors_.pop_front();
}

void CarProgress::take_official(const ProgressSample& sample, std::int32_t turn) {
  const auto take = [&](std::int32_t sector, double before, double now) {
    if (now > 0 && now != before) keep_sector({turn, sector, now});
  };
  take(0, newest_->sector1_s, sample.sector1_s);
  take(1, newest_->sector2_s, sample.sector2_s);
  const double told = sample.last_lap_s;
  if (!(told > 0)) return;
  const bool is_new = !(newest_->last_lap_s == told);
  if (!is_new && official_last_s_) return;
  official_last_s_ = told;
  // Of three sectors the last one is what is left; the two before are told until the line.
  if (newest_->sector1_s > 0 && newest_->sector2_s > 0 && newest_->lap != sample.lap) {
    keep_sector({turn - 1, 2, told - newest_->sector1_s - newest_->sector2_s});
  }
  // A source tells it at the line or shortly behind: of the lap before the one that it is in now.
  if (laps_.empty() || laps_.back().turn != sample.lap - 1) {
    keep_lap({sample.lap - 1, told});
  } else {
    laps_.back().seconds = told;
  }
}

void CarProgress::keep_lap(TimedLap lap) {
  lap.counts = lap.turn != invalid_turn_;
  laps_.push_back(lap);
  if (laps_.size() > kMostLaps) laps_.pop_front();
}

/// Not every sample: enough to tell within some hundredths of a second when it was where.
void CarProgress::keep_passage(const Passage& passage, double track_m) {
  const double apart = std::max(8.0, track_m / 500);
  if (!way_.empty()) {
    const Place& last = way_.back().place;
    if (passage.place <= last) return;
    const bool is_same_turn = last.turn == passage.place.turn;
    if (is_same_turn && passage.place.lapdist_m - last.lapdist_m < apart) return;
  }
  way_.push_back(passage);
  if (way_.size() > kMostPassages) way_.pop_front();
}

Place CarProgress::place_at(EventTime when, double track_m) const {
  Place place = place_;
  const double seconds = std::clamp(seconds_between(newest_->when, when), 0.0, 1.0);
  if (!(newest_->speed_kmh > 0)) return place;
  place.lapdist_m += seconds * newest_->speed_kmh * kMpsOfKmh;
  if (track_m > 0 && place.lapdist_m >= track_m) {
    place.lapdist_m -= track_m;
    ++place.turn;
  }
  return place;
}

std::optional<EventTime> CarProgress::passed(const Place& place, double track_m) const {
  const Passage newest{place_, newest_->when};
  const auto next = std::ranges::upper_bound(way_, place, {}, &Passage::place);
  if (next == way_.begin()) return std::nullopt;
  const Passage& from = *(next - 1);
  const Passage& to = next == way_.end() ? newest : *next;
  if (to.place < place) return std::nullopt;
  if (to.place == from.place) return from.when;
  // Over the line the distance goes on.
  const double lines = static_cast<double>(to.place.turn - from.place.turn);
  if (lines > 0 && track_m <= 0) return std::nullopt;
  const double whole = to.place.lapdist_m + lines * track_m - from.place.lapdist_m;
  const double part = place.lapdist_m +
                      static_cast<double>(place.turn - from.place.turn) * track_m -
                      from.place.lapdist_m;
  if (whole <= 0) return from.when;
  return after(from.when, std::clamp(part / whole, 0.0, 1.0) * seconds_between(from.when, to.when));
}

std::optional<double> CarProgress::last_lap_s() const {
  if (laps_.empty()) return std::nullopt;
  // Of the lap before this one, or of one that closed it: an older one is no last lap.
  if (laps_.back().turn < place_.turn - 1) return std::nullopt;
  return laps_.back().seconds;
}

std::optional<double> CarProgress::best_lap_s() const {
  std::optional<double> best;
  for (const TimedLap& lap : laps_) {
    if (lap.counts && (!best || lap.seconds < *best)) best = lap.seconds;
  }
  return best;
}

PerSector CarProgress::best_sectors_s() const {
  std::vector<std::int32_t> not_counted;
  if (invalid_turn_) not_counted.push_back(*invalid_turn_);
  for (const TimedLap& lap : laps_) {
    if (!lap.counts) not_counted.push_back(lap.turn);
  }
  std::ranges::sort(not_counted);
  PerSector best;
  for (const TimedSector& timed : sectors_) {
    if (std::ranges::binary_search(not_counted, timed.turn)) continue;
    keep_best(best, timed.sector, timed.seconds);
  }
  return best;
}

}  // namespace slipstream
