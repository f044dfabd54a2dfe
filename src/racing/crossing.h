#pragma once
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>

#include "base/clock.h"
#include "model/sinks.h"

namespace slipstream {

/// Where a car was at an instant, as a point with a distance tells. NaN: it does not.
struct Fix {
  EventTime when = {};
  double lapdist_m = std::numeric_limits<double>::quiet_NaN();
  double speed_kmh = std::numeric_limits<double>::quiet_NaN();
  std::int32_t sector = -1;  ///< -1: unknown

  template <typename Archive>
  void keep(Archive& archive) {
    archive(when, lapdist_m, speed_kmh, sector);
  }
};

/// Crossings of the line and of the ends of sectors, between the points on both sides. All instants
/// are whole microseconds, so that differences of them add up. Pure; threads: any.
///
/// Across more than kMostApartNs nothing is timed: over a second a car's acceleration changes by
/// what moves a crossing by a millisecond and more (braking, a gear, a curb). Where the points tell
/// no speed it is taken as even, which is good for kMostApartEvenNs.
namespace crossing {
inline constexpr std::int64_t kMostApartNs = kNsPerSecond;
inline constexpr std::int64_t kMostApartEvenNs = 250 * kNsPerMs;

/// When the line was crossed. How far behind it `after` is says its distance; what is before it is
/// not asked, since nobody knows the length of the track. `approach_mps`: the speed before, of
/// which points without one tell; NaN: they do not. Nothing: it cannot be said.
std::optional<EventTime> of_line(const Fix& before, const Fix& after, double approach_mps);
/// When the car was `at_m` from the line, a place between the two.
std::optional<EventTime> of_place(const Fix& before, const Fix& after, double at_m);

/// Where the sector of `after` begins: the end of that of `before`, by the map. Nothing: the map
/// says another sector of one of the two than they do themselves.
std::optional<double> sector_begin_m(const SectorMap& map, std::string_view track,
                                     const Fix& before, const Fix& after);
}  // namespace crossing

}  // namespace slipstream
