#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/error.h"
#include "model/series_name.h"
#include "pipeline/sequence_tracker.h"

namespace slipstream {

/// What a partition knows of a series beyond its windows. Laps, sectors and sequence numbers are
/// kept at the machine's own, the one without tags.
struct SeriesState {
  SeriesName name = {};
  std::uint64_t hash = 0;         ///< of the name
  ArrivalTime last_arrival = {};  ///< in whole milliseconds, as the log has it
  std::int16_t lap = 0;           ///< the last good one
  std::int32_t sector = 0;        ///< the last known one ...
  std::int16_t sector_lap = -1;   ///< ... and the lap it was in
  SequenceTracker sequence = {};
  bool in_use = false;
};

/// Appends the state of a series in use to `out`.
void save(const SeriesState& state, std::string& out);
Result<SeriesState> series_state_from(std::string_view bytes);

}  // namespace slipstream
