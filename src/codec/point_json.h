#pragma once
#include <string>

#include "model/point.h"
#include "model/schema.h"

namespace slipstream {

/// Appends a point as JSON: the text that it came as, where it says more than its numbers; else
/// time, track, chassis, lap, sector and sequence where known, fields and tags. Decoded again it
/// gives the same point. A lap that is still the logger's fault value is written as that, so that
/// it is repaired by whoever reads it.
void append_point_json(std::string& out, const PointBatch& batch, const Point& point,
                       const Schema& schema);

}  // namespace slipstream
