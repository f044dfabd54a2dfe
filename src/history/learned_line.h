#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/clock.h"
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
/// Where most of these are: the middle ones, around the globe. Nothing: there are none. (0, 0) and
/// what is no place on the globe count for nothing: receivers that know no place tell them.
std::optional<GeoPoint> middle_place(std::span<const double> latitudes,
                                     std::span<const double> longitudes);
bool is_place(const GeoPoint& point);
double to_millimetres(double metres);
/// Metres east and north of the origin, the nearer way around the globe; within some 50 km of it to
/// the centimetre per kilometre.
PlanePoint in_plane_of(const GeoPoint& origin, const GeoPoint& point);

/// A track's line, and where it comes from.
struct LearnedLine {
  std::string name = {};
  TrackLine line{0};
  TrackFrame frame = TrackFrame::kNone;
  GeoPoint origin = {};          ///< of kGps
  std::size_t learned_from = 0;  ///< laps that it was made of
  std::size_t seen = 0;          ///< laps that it could have been made of, by then
  EventTime seen_to = {};        ///< when the newest of them began
};

/// A sector's place on a line.
struct SectorPlace {
  std::int32_t sector = 0;
  double from_m = 0;
  double to_m = 0;
};

/// The name by which a track's line is kept: games that do not tell the track have one a session.
std::string line_name(const std::string& track, const std::string& session);
/// As /api/track gives it.
std::string track_line_json(const LearnedLine& line, std::span<const SectorPlace> sectors = {});
/// As it is kept.
std::string kept_line_text(const LearnedLine& line);
/// Of kept_line_text(). Nothing: it is none.
std::optional<LearnedLine> parse_track_line(std::string_view json);

}  // namespace slipstream
