#include "pipeline/sectors.h"

#include <cmath>

namespace slipstream {

void derive_sectors(PointBatch& batch, const SectorMap& sectors) {
  for (Point& point : batch.points) {
    if (point.sector != Point::kNoSector) continue;
    const double distance = batch.value_or_nan(point, field::kLapdistM);
    if (std::isnan(distance)) continue;
    point.sector = sectors.sector_at(batch.track(point), distance);
    point.sector_derived = true;
  }
}

}  // namespace slipstream
