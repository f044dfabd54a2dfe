#pragma once
#include "racing/lap_path.h"

namespace slipstream {

/// Drops the lap's positions (they become NaN) that are no places of a car that drove on: those
/// further from the ones around them than it can have driven meanwhile, by its distance, its speed
/// or its time. What is kept is the most readings of which each is in reach of the one before, so
/// that a receiver that begins with a wrong place does no harm. Without such, none is kept.
void drop_wild_fixes(LapPath& lap);

}  // namespace slipstream
