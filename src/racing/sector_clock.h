#pragma once
#include <cstdint>

#include "base/clock.h"
#include "racing/insights.h"

namespace slipstream {

/// Times one car's sectors by its crossings: from the first point of a sector to the first point of
/// the next. Only sectors that were seen from their start are timed: not the one a car is first
/// seen in, nor one in which it was silent so long that a crossing may have been missed. Memory is
/// bounded: sectors from kMaxSectors on are not timed. Threads: one.
class SectorClock {
 public:
  static constexpr std::int32_t kMaxSectors = 64;
  static constexpr std::int64_t kMaxSilenceNs = 10 * kNsPerSecond;
  /// An event time this far behind the newest is a clock that was set back, or a replay that began
  /// again, no late point.
  static constexpr std::int64_t kClockSetBackNs = 60 * kNsPerSecond;

  /// In order of arrival. A point that is older than the newest may move a crossing back in time,
  /// but makes none.
  void observe(EventTime when, std::int32_t lap, std::int32_t sector);

  /// The latest completed time of each sector, in seconds.
  const PerSector& times_s() const { return times_s_; }

 private:
  void cross(EventTime when, std::int32_t sector);
  void observe_late(EventTime when, std::int32_t lap, std::int32_t sector);
  bool follows(std::int32_t lap, std::int32_t sector) const;
  void complete(std::int32_t sector, EventTime from, EventTime to);

  PerSector times_s_;
  EventTime newest_;
  EventTime entered_;           ///< the first point of sector_
  EventTime previous_entered_;  ///< of the sector before
  std::int32_t previous_ = -1;  ///< the sector before, if it was timed by the last crossing
  std::int32_t sector_ = -1;    ///< none yet
  std::int32_t lap_ = 0;
  std::int32_t highest_ = 0;  ///< of the sectors seen; the one before the line
  bool entry_is_known_ = false;
};

}  // namespace slipstream
