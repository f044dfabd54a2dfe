#include "racing/timed_lap.h"

namespace slipstream {

PerSector newest_sector_times(const std::vector<TimedLap>& laps) {
  PerSector newest;
  std::size_t passed = 0;  // sectors that the running lap tells of, or none
  const auto add = [&](const TimedLap& lap, std::size_t from, std::size_t to) {
    for (std::size_t sector = from; sector < to; ++sector) {
      const auto& seconds = lap.sector_times_s[sector];
      if (seconds) newest.emplace_back(static_cast<std::int32_t>(sector), *seconds);
    }
  };
  auto lap = laps.rbegin();
  if (lap != laps.rend() && lap->is_running) {
    if (!lap->sector_times_s.empty()) passed = lap->sector_times_s.size() - 1;
    add(*lap, 0, passed);
    const std::int32_t before = lap->lap - 1;
    ++lap;
    if (lap != laps.rend() && lap->lap < before) return newest;
  }
  if (lap != laps.rend()) add(*lap, passed, lap->sector_times_s.size());
  return newest;
}

}  // namespace slipstream
