#include "racing/live_laps.h"

namespace slipstream {

void LiveLaps::observe(const PointBatch& batch, std::span<const Point> points) {
  if (points.empty()) return;
  laps_.observe(batch, points);
  laps_.observe_time(points.back().arrival_time);
  let_go_told();
}

void LiveLaps::forget(std::uint32_t series) {
  laps_.forget(series);
  let_go_told();
}

void LiveLaps::let_go_told() {
  laps_.take_told(told_, false);
  told_.activities.clear();
  told_.laps.clear();
}

}  // namespace slipstream
