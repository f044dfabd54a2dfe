#include "racing/car_progress.h"

#include <algorithm>
#include <cmath>

#include "racing/crossing.h"
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
  } else if (turn == place_.turn + 1) {
    cross_line(sample, track);
  }
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
  const bool is_near = seconds * fastest < length / 2;
  // The lap has flipped, the distance not yet. After a silence it may as well have been around.
  if (by_distance == sample.lap - 1 && is_near && sample.lapdist_m > length * 0.9) {
    return by_distance;
  }
  // The distance began anew, and the lap has not flipped yet; that of a car behind the chequered
  // flag never does.
  if (by_distance == sample.lap + 1 && is_near && newest_->lap == sample.lap) return by_distance;
  return sample.lap;
}

void CarProgress::go_back_to(const Place& place) {
  while (!way_.empty() && way_.back().place >= place) way_.pop_back();
}

/// Tells the track's length.
void CarProgress::cross_line(const ProgressSample& sample, TrackLength& track) const {
  if (ns_between(newest_->when, sample.when) > crossing::kMostApartNs) return;
  const double metres = driven_m(*newest_, sample);
  if (std::isfinite(metres)) track.cross_line(newest_->lapdist_m, sample.lapdist_m, metres);
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

}  // namespace slipstream
