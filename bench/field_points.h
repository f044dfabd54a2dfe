#pragma once
#include <cstddef>

#include "base/clock.h"
#include "model/point.h"
#include "model/schema.h"
#include "racing/race_field.h"

namespace slipstream::bench {

/// Adds what a car of the simulated field tells at `now`, with its dozen numbers, as if it had been
/// decoded from the demo's JSON.
void add_field_point(PointBatch& batch, Schema& schema, const RaceField& field, std::size_t car,
                     EventTime now);

}  // namespace slipstream::bench
