#include "racing/sector_clock.h"

#include <algorithm>

#include "racing/motion.h"

namespace slipstream {

void SectorClock::observe(EventTime when, std::int32_t lap, std::int32_t sector) {
  if (sector < 0 || sector >= kMaxSectors) return;
  if (sector_ >= 0 && ns_between(when, newest_) > kClockSetBackNs) {
    sector_ = -1;
    previous_ = -1;
  }
  if (sector_ < 0) {
    newest_ = entered_ = when;
    sector_ = sector;
    lap_ = lap;
    entry_is_known_ = false;
    highest_ = std::max(highest_, sector);
    return;
  }
  if (when < newest_) {
    observe_late(when, lap, sector);
    return;
  }
  const bool was_silent = ns_between(newest_, when) > kMaxSilenceNs;
  newest_ = when;
  if (was_silent) entry_is_known_ = false;

  // On a track of one sector only the lap tells a crossing; elsewhere the lap may change some
  // points away from the sector, and is no crossing by itself.
  const bool is_crossing = sector != sector_ || (highest_ == 0 && lap != lap_);
  if (is_crossing) {
    const bool is_next = follows(lap, sector) && !was_silent;
    if (!is_next) entry_is_known_ = false;
    cross(when, sector);
    entry_is_known_ = is_next;
  }
  lap_ = lap;
}

/// Sector 0 follows the last sector; until a whole lap was seen, the highest yet is taken for it.
bool SectorClock::follows(std::int32_t lap, std::int32_t sector) const {
  if (sector == 0) return sector_ == highest_ && (highest_ > 0 || lap == lap_ + 1);
  return sector == sector_ + 1;
}

void SectorClock::cross(EventTime when, std::int32_t sector) {
  previous_ = -1;
  if (entry_is_known_) {
    complete(sector_, entered_, when);
    previous_ = sector_;
    previous_entered_ = entered_;
  }
  entered_ = when;
  sector_ = sector;
  highest_ = std::max(highest_, sector);
}

void SectorClock::observe_late(EventTime when, std::int32_t lap, std::int32_t sector) {
  if (sector != sector_ || lap != lap_ || when >= entered_) return;
  if (previous_ >= 0) {
    if (when <= previous_entered_) return;
    complete(previous_, previous_entered_, when);
  }
  entered_ = when;
}

void SectorClock::complete(std::int32_t sector, EventTime from, EventTime to) {
  const double seconds = seconds_between(from, to);
  figure_of(times_s_, sector, seconds) = seconds;
}

}  // namespace slipstream
