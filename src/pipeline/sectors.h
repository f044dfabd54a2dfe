#pragma once
#include "model/sinks.h"

namespace slipstream {

/// Gives the points that have a distance and no sector theirs. Before the log, so that a replay
/// does not depend on the sector table of the day.
void derive_sectors(PointBatch& batch, const SectorMap& sectors);

}  // namespace slipstream
