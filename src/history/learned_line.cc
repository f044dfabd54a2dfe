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

double to_millimetres(double metres) {
  return std::round(metres * 1e3) / 1e3 + 0.0;
}

std::optional<PlanePoint> pair_of(simdjson::dom::element element) {
  simdjson::dom::array array;
  if (element.get(array) || array.size() != 2) return std::nullopt;
  PlanePoint point;
  if (array.at(0).get(point.x_m) || array.at(1).get(point.y_m)) return std::nullopt;
  return point;
}

}  // namespace

PlanePoint in_plane_of(const GeoPoint& origin, const GeoPoint& point) {
  const double east = kMetresPerDegree * std::cos(origin.latitude * std::numbers::pi / 180);
  return {(point.longitude - origin.longitude) * east,
          (point.latitude - origin.latitude) * kMetresPerDegree};
}

std::string track_line_json(const LearnedLine& line, std::span<const SectorPlace> sectors) {
  std::string json;
  {
    ObjectWriter object(json);
    object.text("name", line.name);
    object.number("length_m", to_millimetres(line.line.length_m()));
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
