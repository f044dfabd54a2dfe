#include "racing/lap_clock.h"

#include <algorithm>
#include <cmath>

namespace slipstream {
namespace {

constexpr double kUsualMps = 38;

std::int64_t to_ms(double seconds) {
  return std::llround(seconds * 1'000);
}

}  // namespace

void LapClock::see(double time_s, std::int32_t lap, double lapdist_m) {
  if (!is_seen_) {
    is_seen_ = true;
    lap_begin_ms_ = sector_begin_ms_ = to_ms(time_s - lapdist_m / kUsualMps);
    while (sector_ + 1 < kSectors && lapdist_m >= line_m(sector_)) {
      pass_line(to_ms(time_s - (lapdist_m - line_m(sector_)) / kUsualMps));
    }
  } else {
    const double from_m = lapdist_m_;
    const double to_m = lap == lap_ ? std::max(lapdist_m, from_m) : lapdist_m + total_m_;
    double passed_m = 0;  // of whole laps, once the car is beyond the line
    while (to_m >= line_m(sector_) + passed_m && to_m > from_m) {
      const double share = (line_m(sector_) + passed_m - from_m) / (to_m - from_m);
      const bool is_last = sector_ + 1 == kSectors;
      // Within a lap the last line is only where the lap's number changes.
      if (is_last && lap == lap_) break;
      pass_line(to_ms(time_s_ + (time_s - time_s_) * std::clamp(share, 0.0, 1.0)));
      if (is_last) passed_m += total_m_;
    }
  }
  time_s_ = time_s;
  lap_ = lap;
  lapdist_m_ = lapdist_m;
  now_ms_ = std::max(to_ms(time_s), sector_begin_ms_);
}

void LapClock::pass_line(std::int64_t at_ms) {
  sectors_ms_[sector_] = at_ms - sector_begin_ms_;
  sector_begin_ms_ = at_ms;
  if (++sector_ < kSectors) return;
  last_lap_ms_ = at_ms - lap_begin_ms_;
  best_lap_ms_ = best_lap_ms_ == 0 ? last_lap_ms_ : std::min(best_lap_ms_, last_lap_ms_);
  lap_begin_ms_ = at_ms;
  sectors_ms_ = {};
  sector_ = 0;
}

}  // namespace slipstream
