#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "racing/track_line.h"

namespace slipstream {

/// What the coordinates of a line are.
enum class TrackFrame : std::uint8_t {
  kNone,   ///< nobody tells positions: the line has a length alone
  kWorld,  ///< a game's own, metres: x and z
  kGps,    ///< metres east and north of an origin
};

struct GeoPoint {
  double latitude = 0;  ///< degrees
  double longitude = 0;
};
/// Metres east and north of the origin; within some 50 km of it to the centimetre per kilometre.
PlanePoint in_plane_of(const GeoPoint& origin, const GeoPoint& point);

/// A track's line, and where it comes from.
struct LearnedLine {
  std::string name = {};
  TrackLine line{0};
  TrackFrame frame = TrackFrame::kNone;
  GeoPoint origin = {};          ///< of kGps
  std::size_t learned_from = 0;  ///< laps
};

/// A sector's place on a line.
struct SectorPlace {
  std::int32_t sector = 0;
  double from_m = 0;
  double to_m = 0;
};

/// As /api/track gives it, and, without sectors, as it is kept.
std::string track_line_json(const LearnedLine& line, std::span<const SectorPlace> sectors = {});
/// Nothing: it is none.
std::optional<LearnedLine> parse_track_line(std::string_view json);

}  // namespace slipstream
