#include "model/stored_marks.h"

#include "model/point.h"

namespace slipstream {

MarkCursor StoredMark::cursor() const {
  if (row == 0) return {};
  const std::uint64_t hash = series_hash(series_hash(mark->track, mark->kind), mark->chassis) ^
                             static_cast<std::uint64_t>(mark->time.ns);
  return {row, static_cast<std::uint32_t>(hash ^ (hash >> 32))};
}

}  // namespace slipstream
