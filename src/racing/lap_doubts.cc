#include <algorithm>
#include <cmath>
#include <utility>

#include "racing/lap_builder.h"
#include "racing/motion.h"

// What a builder sees that makes a lap's time doubtful: such a lap is kept, and not timed.
namespace slipstream {
namespace {

/// A share of the track: so near is a car to the line that may be back on its other side.
constexpr double kNearLine = 0.25;
/// Points come no more out of order than that, by their times.
constexpr std::int64_t kMostDisorderNs = 250 * kNsPerMs;
constexpr double kSilenceS = 1;
/// By more than that a way is not what the speeds tell.
constexpr double kUnfitM = 10;
constexpr double kUnfitShare = 0.5;
/// What of the way is no noise, since speeds are rough too; the newest places count most.
constexpr double kNoisyShare = 0.25;
constexpr double kNoiseKept = 0.95;

/// Where only one of two places has a speed, or none.
double even_mps(const Fix& before, double approach_mps) {
  return std::isfinite(before.speed_kmh) ? before.speed_kmh * kMpsOfKmh : approach_mps;
}

}  // namespace

/// A source's clock that was set back while the numbers of its points go on: what it says of the
/// time of a lap is wrong.
void LapBuilder::look_at_clock(const LapPoint& point) {
  const EventTime before = laps_.back().last.when;
  if (point.has_id && ns_between(point.when, before) > kMostDisorderNs) laps_.back().is_cut = true;
}

/// By its noise, or as it is turned around: it has passed the line, and is before it again.
bool LapBuilder::is_back_over_line(const LapPoint& point) const {
  if (has_middle_ || !at_ || !point.has_distance()) return false;
  if (ns_between(at_->when, point.when) > crossing::kMostApartNs) return false;
  return at_->lapdist_m < kNearLine * length_m() && point.lapdist_m > (1 - kNearLine) * length_m();
}

void LapBuilder::cut_line() {
  for (std::size_t i = laps_.size() - std::min<std::size_t>(laps_.size(), 2); i < laps_.size();
       ++i) {
    if (!std::exchange(laps_[i].is_cut, true)) touch(laps_[i]);
  }
}

/// Whether the way from the place before is what was driven meanwhile. Where it is not, the line
/// may have been passed unseen in a silence, or the clock was set: the lap is not timed.
void LapBuilder::look_at_way(BuiltLap& lap, const LapPoint& point) {
  if (!at_ || !point.has_distance()) return;
  const double seconds = static_cast<double>(ns_between(at_->when, point.when)) * 1e-9;
  const double way = point.lapdist_m - at_->lapdist_m;
  const bool is_silence = seconds > kSilenceS;
  const bool follows = point.has_id && newest_id_ + 1 == point.id;
  if (is_silence && has_risen_ && !follows) return;  // the number has told it
  double mps = mean_mps(at_->speed_kmh, point.speed_kmh);
  if (!std::isfinite(mps)) mps = even_mps(*at_, lap.approach_mps);
  const double driven = mps * seconds;
  const double off = std::abs(way - driven);
  if (off > kUnfitM + kUnfitShare * std::abs(driven)) lap.is_cut = true;
  if (is_silence) {
    if (!has_risen_ && lasts_half_a_lap(lap, seconds)) lap.is_cut = true;
    return;
  }
  const double beyond = off - kNoisyShare * std::abs(driven);
  noise_m_ = std::max(kNoiseKept * noise_m_, std::isfinite(beyond) ? beyond : 0.0);
}

/// By the speeds at its ends alone a long silence is not known well.
bool LapBuilder::lasts_half_a_lap(const BuiltLap& lap, double seconds) const {
  if (!lap.entry) return false;
  const double way = at_->lapdist_m - lap.entry->lapdist_m;
  return way > 0 && seconds * way > length_m() / 2 * seconds_between(lap.entry->when, at_->when);
}

void LapBuilder::see_place(const LapPoint& point) {
  furthest_m_ = std::max(furthest_m_, point.lapdist_m);
  if (has_middle_) return;
  const double length = length_m();
  const bool is_far =
      point.lapdist_m > kNearLine * length && point.lapdist_m < (1 - kNearLine) * length;
  const bool was_silent = at_ && seconds_between(at_->when, point.when) > kSilenceS;
  has_middle_ = is_far || was_silent;
}

}  // namespace slipstream
