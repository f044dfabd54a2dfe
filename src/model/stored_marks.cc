#include "model/stored_marks.h"

#include "model/point.h"

namespace slipstream {

MarkCursor mark_cursor(MarkRow row, std::string_view track, std::string_view kind,
                       std::string_view chassis, EventTime time) {
  const std::uint64_t hash =
      series_hash(series_hash(track, kind), chassis) ^ static_cast<std::uint64_t>(time.ns);
  return {row, static_cast<std::uint32_t>(hash ^ (hash >> 32))};
}

MarkCursor StoredMark::cursor() const {
  if (row == 0) return {};
  return mark_cursor(row, mark->track, mark->kind, mark->chassis, mark->time);
}

}  // namespace slipstream
