#include "racing/car_times.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace slipstream {
namespace {

bool comes_before(const TimedLap& a, const TimedLap& b) {
  return std::pair(a.lap, a.repeat) < std::pair(b.lap, b.repeat);
}

}  // namespace

void keep_best(PerSector& best, std::int32_t sector, double seconds) {
  double& kept = figure_of(best, sector, seconds);
  kept = std::min(kept, seconds);
}

void CarTimes::take(TimedLaps newest) {
  if (newest.activity != activity_ || newest.laps.empty()) laps_.clear();
  activity_ = newest.activity;
  if (newest.laps.empty()) return;
  const auto is_told_anew = [&](const TimedLap& lap) {
    return lap.is_running || !comes_before(lap, newest.laps.front());
  };
  while (!laps_.empty() && is_told_anew(laps_.back())) laps_.pop_back();
  std::ranges::move(newest.laps, std::back_inserter(laps_));
  while (laps_.size() > kMostLaps) laps_.pop_front();
}

std::optional<double> CarTimes::last_lap_s() const {
  auto last = laps_.rbegin();
  if (last == laps_.rend()) return std::nullopt;
  if (last->is_running) {
    const std::int32_t before = last->lap - 1;
    ++last;
    if (last == laps_.rend() || last->lap < before) return std::nullopt;
  }
  return last->lap_time_s;
}

std::optional<double> CarTimes::best_lap_s() const {
  std::optional<double> best;
  for (const TimedLap& lap : laps_) {
    if (!lap.is_valid || !lap.lap_time_s) continue;
    best = std::min(best.value_or(*lap.lap_time_s), *lap.lap_time_s);
  }
  return best;
}

PerSector CarTimes::sector_times_s() const {
  const auto from = laps_.size() - std::min(laps_.size(), kLapsOfNewestTimes);
  return newest_sector_times({laps_.begin() + static_cast<std::ptrdiff_t>(from), laps_.end()});
}

PerSector CarTimes::best_sectors_s() const {
  PerSector best;
  for (const TimedLap& lap : laps_) {
    if (!lap.is_valid) continue;
    for (std::size_t sector = 0; sector < lap.sector_times_s.size(); ++sector) {
      const auto& seconds = lap.sector_times_s[sector];
      if (seconds) keep_best(best, static_cast<std::int32_t>(sector), *seconds);
    }
  }
  return best;
}

}  // namespace slipstream
