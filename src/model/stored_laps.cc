#include "model/stored_laps.h"

#include "model/point.h"

namespace slipstream {

LapCursor lap_cursor(LapRow row, std::string_view track, std::string_view chassis, std::int32_t lap,
                     std::uint32_t repeat, std::uint32_t revision) {
  const std::uint64_t place = std::uint64_t{static_cast<std::uint32_t>(lap)} << 32 | repeat;
  constexpr std::uint64_t kOdd = 0x9E37'79B9'7F4A'7C15;
  const std::uint64_t hash = series_hash(track, chassis) ^ (place + revision) * kOdd;
  return {row, static_cast<std::uint32_t>(hash ^ (hash >> 32))};
}

LapCursor StoredLap::cursor() const {
  if (row == 0) return {};
  return lap_cursor(row, lap->activity.track, lap->activity.chassis, lap->lap, lap->repeat,
                    lap->revision);
}

}  // namespace slipstream
