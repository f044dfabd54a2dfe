#include "history/learned_line.h"

#include <simdjson.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <utility>

#include "base/object_writer.h"

namespace slipstream {
namespace {

constexpr std::array<std::string_view, 3> kFrameNames = {"none", "world", "gps"};
constexpr double kMetresPerDegree = 6'371'008.8 * std::numbers::pi / 180;

std::optional<PlanePoint> pair_of(simdjson::dom::element element) {
  simdjson::dom::array array;
  if (element.get(array) || array.size() != 2) return std::nullopt;
  PlanePoint point;
  if (array.at(0).get(point.x_m) || array.at(1).get(point.y_m)) return std::nullopt;
  return point;
}

}  // namespace

bool is_place(const GeoPoint& point) {
  const bool is_on_globe = std::abs(point.latitude) <= 90 && std::abs(point.longitude) <= 360;
  return is_on_globe && (point.latitude != 0 || point.longitude != 0);
}

std::optional<GeoPoint> middle_place(std::span<const double> latitudes,
                                     std::span<const double> longitudes) {
  // Longitudes go around: their middle is that of their directions.
  std::vector<double> latitude;
  std::vector<double> east;
  std::vector<double> north;
  for (std::size_t i = 0; i < latitudes.size(); ++i) {
    if (!is_place({latitudes[i], longitudes[i]})) continue;
    latitude.push_back(latitudes[i]);
    east.push_back(std::sin(longitudes[i] * std::numbers::pi / 180));
    north.push_back(std::cos(longitudes[i] * std::numbers::pi / 180));
  }
  if (latitude.empty()) return std::nullopt;
  const auto middle = [](std::vector<double>& values) {
    const auto at = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::ranges::nth_element(values, at);
    return *at;
  };
  return GeoPoint{middle(latitude),
                  std::atan2(middle(east), middle(north)) * 180 / std::numbers::pi};
}

double to_millimetres(double metres) {
  return std::round(metres * 1e3) / 1e3 + 0.0;
}

PlanePoint in_plane_of(const GeoPoint& origin, const GeoPoint& point) {
  const double east = kMetresPerDegree * std::cos(origin.latitude * std::numbers::pi / 180);
  return {std::remainder(point.longitude - origin.longitude, 360) * east,
          (point.latitude - origin.latitude) * kMetresPerDegree};
}

namespace {

void append_line(ObjectWriter& object, const LearnedLine& line) {
  object.text("name", line.name);
  object.number("length_m", line.line.length_m());
  object.text("frame", kFrameNames[static_cast<std::size_t>(line.frame)]);
  if (line.frame == TrackFrame::kGps) {
    std::string& out = object.key("origin");
    out += '[';
    append_json_number(out, line.origin.latitude);
    out += ',';
    append_json_number(out, line.origin.longitude);
    out += ']';
  } else {
    object.key("origin") += "null";
  }
  object.number("learned_from", line.learned_from);
  std::string& nodes = object.key("line");
  nodes += '[';
  for (const PlanePoint& node : line.line.nodes()) {
    if (nodes.back() != '[') nodes += ',';
    nodes += '[';
    append_json_number(nodes, to_millimetres(node.x_m));
    nodes += ',';
    append_json_number(nodes, to_millimetres(node.y_m));
    nodes += ']';
  }
  nodes += ']';
}

}  // namespace

std::string kept_line_text(const LearnedLine& line) {
  std::string json;
  {
    ObjectWriter object(json);
    append_line(object, line);
    object.number("seen", line.seen);
    object.number("seen_to", line.seen_to.ns);
  }
  return json;
}

std::string line_name(const std::string& track, const std::string& session) {
  return track == "gt7" || track == "forza" ? track + "/" + session : track;
}

std::string track_line_json(const LearnedLine& line, std::span<const SectorPlace> sectors) {
  std::string json;
  {
    ObjectWriter object(json);
    append_line(object, line);
    std::string& places = object.key("sectors");
    places += '[';
    for (const SectorPlace& sector : sectors) {
      if (places.back() != '[') places += ',';
      ObjectWriter place(places);
      place.number("sector", sector.sector);
      place.number("from_m", to_millimetres(sector.from_m));
      place.number("to_m", to_millimetres(sector.to_m));
    }
    places += ']';
  }
  return json;
}

std::optional<LearnedLine> parse_track_line(std::string_view json) {
  simdjson::dom::parser parser;
  simdjson::dom::object object;
  if (parser.parse(json.data(), json.size()).get(object)) return std::nullopt;
  LearnedLine line;
  std::string_view name;
  std::string_view frame;
  double length = 0;
  std::uint64_t learned_from = 0;
  simdjson::dom::array nodes;
  if (object["name"].get(name) || object["frame"].get(frame) || object["length_m"].get(length) ||
      object["learned_from"].get(learned_from) || object["line"].get(nodes)) {
    return std::nullopt;
  }
  const auto known = std::ranges::find(kFrameNames, frame);
  if (known == kFrameNames.end() || !(length > 0) || length > kMostTrackM) return std::nullopt;
  line.name = name;
  line.frame = static_cast<TrackFrame>(known - kFrameNames.begin());
  line.learned_from = learned_from;
  // Up to 0.2 neither was kept.
  std::uint64_t seen = learned_from;
  if (object["seen"].get(seen)) seen = learned_from;
  line.seen = seen;
  if (object["seen_to"].get(line.seen_to.ns)) line.seen_to = {};
  if (line.frame == TrackFrame::kGps) {
    simdjson::dom::element origin;
    if (object["origin"].get(origin)) return std::nullopt;
    const auto pair = pair_of(origin);
    if (!pair) return std::nullopt;
    line.origin = {pair->x_m, pair->y_m};
  }
  std::vector<PlanePoint> points;
  for (const simdjson::dom::element node : nodes) {
    const auto pair = pair_of(node);
    if (!pair) return std::nullopt;
    points.push_back(*pair);
  }
  const bool is_flat = line.frame == TrackFrame::kNone;
  if (is_flat ? !points.empty() : points.size() < 3) return std::nullopt;
  line.line = is_flat ? TrackLine(length) : TrackLine(std::move(points), length);
  return line;
}

}  // namespace slipstream
