#include "model/stored_alerts.h"

#include "model/point.h"

namespace slipstream {

AlertCursor StoredAlert::cursor() const {
  if (row == 0) return {};
  const std::uint64_t hash = series_hash(alert.id, name_of(alert.severity)) ^
                             static_cast<std::uint64_t>(alert.time.ns) ^
                             (alert.is_raised ? 1u : 0u);
  return {row, static_cast<std::uint32_t>(hash ^ (hash >> 32))};
}

}  // namespace slipstream
