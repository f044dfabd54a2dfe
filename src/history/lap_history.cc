#include "history/lap_history.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/iso_time.h"
#include "base/nearest_name.h"
#include "racing/lap_comparison.h"
#include "racing/lap_positions.h"
#include "racing/wild_fixes.h"

namespace slipstream {
namespace {

constexpr double kUnplaced = std::numeric_limits<double>::quiet_NaN();
constexpr double kGapOfPeriods = 3;
/// Which lap a point at the line is of the lap's figures and its readers may see differently.
constexpr std::uint64_t kPointsAtLine = 2;

std::vector<double> seconds_from(const std::vector<EventTime>& times, EventTime began) {
  std::vector<double> seconds;
  seconds.reserve(times.size());
  for (const EventTime time : times) {
    seconds.push_back(static_cast<double>(time.ns - began.ns) * 1e-9);
  }
  return seconds;
}

std::vector<double> values_or_none(const MachinePoints& points, const std::string& name) {
  const auto* const values = points.find(name);
  const bool has_some = values != nullptr && std::ranges::any_of(*values, [](double value) {
                          return !std::isnan(value);
                        });
  return has_some ? *values : std::vector<double>{};
}

/// Refuses names that no point has.
Result<void> check_fields(const MachinePoints& points, const std::vector<std::string>& asked) {
  if (points.size() == 0) return {};  // nothing tells which there are
  for (const std::string& name : asked) {
    if (std::ranges::binary_search(points.fields, name)) continue;
    const auto nearest = nearest_name(name, points.fields);
    return fail(
        nearest ? fmt::format("there is no field \"{}\" here; did you mean \"{}\"?", name, *nearest)
                : fmt::format("there is no field \"{}\" here", name),
        ErrorCode::kRefused);
  }
  return {};
}

std::vector<const MachinePoints::Column*> columns_of(const MachinePoints& points,
                                                     const std::vector<std::string>& asked) {
  std::vector<const MachinePoints::Column*> columns;
  for (const auto& column : points.columns) {
    const bool is_asked_for = asked.empty() ? std::ranges::binary_search(points.fields, column.name)
                                            : std::ranges::find(asked, column.name) != asked.end();
    if (is_asked_for) columns.push_back(&column);
  }
  std::ranges::stable_sort(columns, {}, [&](const auto* column) {
    return std::ranges::find(asked, column->name) - asked.begin();
  });
  return columns;
}

/// How many of the lap's points are not there any more, by its own figures.
std::uint64_t points_gone(const MachinePoints& points, const Lap& lap) {
  if (points.lost == 0 && !points.gone_before) return 0;
  const std::uint64_t had = lap.points - std::min(lap.points, lap.missing);
  return points.size() + kPointsAtLine < had ? had - points.size() : 0;
}

std::string where_it_went(const MachinePoints& points) {
  return points.gone_before ? fmt::format("retention has removed what came before {}",
                                          iso_time(points.gone_before->ns))
                            : "a part of the log is missing or damaged";
}

/// Tells what is gone of the lap beside its points, and nothing where that is of others. kGone:
/// nothing of it is left.
Result<void> tell_what_is_gone(MachinePoints& points, const Lap& lap) {
  const std::uint64_t gone = points_gone(points, lap);
  if (gone > 0 && points.size() == 0) {
    return fail("nothing of this lap is in the log any more: " + where_it_went(points),
                ErrorCode::kGone);
  }
  if (gone == 0) points.gone_before.reset();
  points.lost = std::max(points.lost, gone);
  return {};
}

/// For answers that are wrong without all of the lap.
Result<void> check_whole(const MachinePoints& points, const StoredLap& lap) {
  const std::uint64_t gone = points_gone(points, *lap.lap);
  if (gone == 0) return {};
  return fail(fmt::format("{} of {} points of lap {} are not in the log any more: {}", gone,
                          gone + points.size(), lap.id, where_it_went(points)),
              ErrorCode::kGone);
}

}  // namespace

std::vector<double> lap_seconds(const MachinePoints& points, const Lap& lap,
                                const std::string& session_time) {
  std::vector<double> seconds = seconds_from(points.times, lap.began);
  const auto* const session = points.find(session_time);
  if (!lap.is_rewound || session == nullptr || session->empty()) return seconds;
  const bool is_told = std::ranges::none_of(*session, [](double s) { return std::isnan(s); });
  if (!is_told || !std::ranges::is_sorted(*session)) return seconds;
  const double begin = session->front() - seconds.front();
  for (std::size_t i = 0; i < seconds.size(); ++i) seconds[i] = (*session)[i] - begin;
  return seconds;
}

bool is_good_to_learn_from(const StoredLap& lap) {
  return lap.lap->is_complete && lap.lap->revision > 0 && lap.lap->lap_time_s &&
         lap.lap->is_valid.value_or(true) && !lap.lap->pit_in.value_or(false) &&
         !lap.lap->pit_out.value_or(false);
}

LapHistory::LapHistory(PointReader reader, HistoryNames names, KeepLine keep)
    : reader_(std::move(reader)), names_(std::move(names)), keep_(std::move(keep)) {}

Result<LapHistory::ReadLap> LapHistory::read_lap(const Lap& lap,
                                                 const std::vector<std::string>& fields,
                                                 Fields which, const LearnedLine* line,
                                                 const std::stop_token& stop) {
  std::vector<std::string> all = fields;
  const auto add = [&](const std::string& name) {
    if (std::ranges::find(all, name) == all.end()) all.push_back(name);
  };
  for (const auto& name :
       {names_.distance, names_.speed, names_.x, names_.z, names_.session_time}) {
    add(name);
  }
  for (const auto& [latitude, longitude] : names_.latitude_longitude) {
    add(latitude);
    add(longitude);
  }
  if (which == Fields::kAll) all.clear();
  PointQuery query = points_of_lap(lap);
  query.fields = std::move(all);
  auto points = reader_.read(query, stop);
  if (!points) return std::unexpected(points.error());
  if (auto told = tell_what_is_gone(*points, lap); !told) return std::unexpected(told.error());
  if (auto checked = check_fields(*points, fields); !checked) {
    return std::unexpected(checked.error());
  }
  ReadLap read;
  read.path.time_s = lap_seconds(*points, lap, names_.session_time);
  read.path.lap_time_s = lap.lap_time_s.value_or(
      read.path.time_s.empty() ? 0 : std::max(0.0, read.path.time_s.back()));
  read.path.distance_m = values_or_none(*points, names_.distance);
  read.path.speed_kmh = values_or_none(*points, names_.speed);
  if (line != nullptr) place(*points, *line, read.path);
  read.points = std::move(*points);
  return read;
}

/// Puts the points into the line's plane.
void LapHistory::place(const MachinePoints& points, const LearnedLine& line, LapPath& path) const {
  if (line.frame == TrackFrame::kWorld) {
    path.x_m = values_or_none(points, names_.x);
    path.y_m = values_or_none(points, names_.z);
  } else if (line.frame == TrackFrame::kGps) {
    for (const auto& [latitude, longitude] : names_.latitude_longitude) {
      const auto north = values_or_none(points, latitude);
      const auto east = values_or_none(points, longitude);
      if (north.empty() || east.empty()) continue;
      for (std::size_t i = 0; i < north.size(); ++i) {
        const GeoPoint place{north[i], east[i]};
        const PlanePoint here =
            is_place(place) ? in_plane_of(line.origin, place) : PlanePoint{kUnplaced, kUnplaced};
        path.x_m.push_back(here.x_m);
        path.y_m.push_back(here.y_m);
      }
      break;
    }
  }
  if (path.x_m.empty() || path.y_m.empty()) {
    path.x_m.clear();
    path.y_m.clear();
  }
  drop_wild_fixes(path);
}

/// A line without a shape, in the frame that the points are told in.
std::optional<LearnedLine> LapHistory::frame_of(const MachinePoints& points) const {
  LearnedLine line;
  if (!values_or_none(points, names_.x).empty() && !values_or_none(points, names_.z).empty()) {
    line.frame = TrackFrame::kWorld;
    return line;
  }
  for (const auto& [latitude, longitude] : names_.latitude_longitude) {
    const auto north = values_or_none(points, latitude);
    const auto east = values_or_none(points, longitude);
    if (north.empty() || east.empty()) continue;
    const auto origin = middle_place(north, east);
    if (!origin) continue;
    line.frame = TrackFrame::kGps;
    line.origin = *origin;
    return line;
  }
  return std::nullopt;
}

Result<std::optional<LearnedLine>> LapHistory::track(const KnownLine& known,
                                                     const std::stop_token& stop) {
  std::optional<LearnedLine> line;
  if (const auto here = lines_.find(known.name); here != lines_.end()) line = here->second;
  if (!line && known.kept) line = parse_track_line(*known.kept);
  const EventTime seen_to =
      line ? line->seen_to : EventTime{std::numeric_limits<std::int64_t>::min()};
  const auto fresh = static_cast<std::size_t>(std::ranges::count_if(
      known.laps, [&](const StoredLap& lap) { return lap.lap->began > seen_to; }));
  const bool is_due =
      !line ? !known.laps.empty() : fresh >= std::clamp<std::size_t>(line->seen, 1, kLapsUntilAnew);
  if (!is_due) return line;
  auto learned = learn(known, stop);
  if (!learned) return std::unexpected(learned.error());
  const std::size_t seen = (line ? line->seen : 0) + fresh;
  // What has no shape takes the place of nothing that has one.
  const bool is_better =
      *learned && (!line || !line->line.has_shape() || (*learned)->line.has_shape());
  if (!is_better && !line) return line;
  LearnedLine& best = is_better ? **learned : *line;
  best.seen = seen;
  for (const StoredLap& lap : known.laps) best.seen_to = std::max(best.seen_to, lap.lap->began);
  remember(best);
  return std::optional(best);
}

void LapHistory::remember(const LearnedLine& line) {
  if (lines_.size() >= kMostLines && !lines_.contains(line.name)) lines_.erase(lines_.begin());
  lines_.insert_or_assign(line.name, line);
  keep_(line.name, kept_line_text(line));
}

Result<std::optional<LearnedLine>> LapHistory::learn(const KnownLine& known,
                                                     const std::stop_token& stop) {
  std::optional<LearnedLine> frame;
  std::vector<LapPath> paths;
  std::vector<double> lengths;
  std::size_t readings = 0;
  const std::size_t laps = std::min(known.laps.size(), kMostLearnedLaps);
  for (const StoredLap& stored : std::span(known.laps).first(laps)) {
    auto read = read_lap(*stored.lap, {}, Fields::kThese, frame ? &*frame : nullptr, stop);
    if (!read && read.error().code == ErrorCode::kGone) continue;
    if (!read) return std::unexpected(read.error());
    if (points_gone(read->points, *stored.lap) > 0 || read->points.size() == 0) continue;
    readings += read->points.size();
    if (!paths.empty() && readings > kMostLearnedReadings) break;
    if (!frame) {
      frame = frame_of(read->points);
      if (frame) place(read->points, *frame, read->path);
    }
    const double length = driven_length(read->path);
    if (length > 0 && length <= kMostTrackM) lengths.push_back(length);
    paths.push_back(std::move(read->path));
  }
  LearnedLine learned{.name = known.name, .learned_from = lengths.size()};
  if (frame) {
    if (auto line = learn_track_line(paths)) {
      learned.line = TrackLine(line->line.nodes(), to_millimetres(line->line.length_m()));
      learned.learned_from = line->laps;
      learned.frame = frame->frame;
      learned.origin = frame->origin;
      return learned;
    }
  }
  if (lengths.empty()) return std::nullopt;
  std::ranges::sort(lengths);
  learned.line = TrackLine(std::max(0.001, to_millimetres(lengths[lengths.size() / 2])));
  return learned;
}

Result<TraceAnswer> LapHistory::trace(const TraceRequest& request, const KnownLine& known,
                                      const std::stop_token& stop) {
  std::optional<LearnedLine> line;
  if (request.by == TraceBy::kPosition) {
    auto learned = track(known, stop);
    if (!learned) return std::unexpected(learned.error());
    if (!*learned) {
      return fail(
          "the track's line is not known yet: it is learned from complete laps; ask by "
          "distance, or by time",
          ErrorCode::kRefused);
    }
    line = std::move(**learned);
  }
  MachinePoints points;
  std::vector<double> seconds;
  std::vector<double> x;
  if (request.lap && request.by != TraceBy::kTime) {
    auto read = read_lap(*request.lap->lap, request.fields,
                         request.fields.empty() ? Fields::kAll : Fields::kThese,
                         line ? &*line : nullptr, stop);
    if (!read) return std::unexpected(read.error());
    if (line) {
      if (auto whole = check_whole(read->points, *request.lap); !whole) {
        return std::unexpected(whole.error());
      }
    }
    seconds = read->path.time_s;
    x = line ? lap_positions(read->path, line->line) : read->path.distance_m;
    if (x.empty()) {
      return fail(fmt::format("the lap tells no {}: ask by time",
                              line ? "places all around the track" : "distance"),
                  ErrorCode::kRefused);
    }
    if (!line) {
      const double period = usual_step(seconds, x);
      x = filled_between(seconds, x, kGapOfPeriods * period);
    }
    points = std::move(read->points);
  } else {
    PointQuery query = request.lap ? points_of_lap(*request.lap->lap) : request.range;
    query.fields = request.fields;
    const bool by_distance = request.by == TraceBy::kDistance;
    if (by_distance && !query.fields.empty()) query.fields.push_back(names_.distance);
    if (request.lap && request.lap->lap->is_rewound && !query.fields.empty()) {
      query.fields.push_back(names_.session_time);
    }
    auto read = reader_.read(query, stop);
    if (!read) return std::unexpected(read.error());
    if (request.lap) {
      if (auto told = tell_what_is_gone(*read, *request.lap->lap); !told) {
        return std::unexpected(told.error());
      }
    } else if (read->gone_before && *read->gone_before <= request.range.from) {
      read->gone_before.reset();
    }
    if (auto checked = check_fields(*read, request.fields); !checked) {
      return std::unexpected(checked.error());
    }
    points = std::move(*read);
    seconds = request.lap ? lap_seconds(points, *request.lap->lap, names_.session_time)
                          : seconds_from(points.times, request.range.from);
    x = seconds;
    if (by_distance) {
      x = values_or_none(points, names_.distance);
      if (x.empty() && points.size() > 0) {
        return fail("the points tell no distance: ask by time", ErrorCode::kRefused);
      }
      x = filled_between(seconds, x, kGapOfPeriods * usual_step(seconds, x));
    }
  }
  const auto columns = columns_of(points, request.fields);
  return TraceAnswer{make_trace({.time_s = seconds, .x = x, .fields = columns}, request.points),
                     points.lost, points.gone_before};
}

Result<Comparison> LapHistory::compare(std::span<const StoredLap> laps,
                                       const std::vector<std::string>& fields, double step_m,
                                       const KnownLine& known, const std::stop_token& stop) {
  auto line = track(known, stop);
  if (!line) return std::unexpected(line.error());
  std::vector<ReadLap> read;
  for (const StoredLap& lap : laps) {
    auto one = read_lap(*lap.lap, fields, Fields::kThese, *line ? &**line : nullptr, stop);
    if (!one) return std::unexpected(one.error());
    if (auto whole = check_whole(one->points, lap); !whole) return std::unexpected(whole.error());
    read.push_back(std::move(*one));
  }
  if (!*line) {
    const double length = driven_length(read.front().path);
    if (length <= 0 || length > kMostTrackM) {
      return fail(
          "the first lap tells neither distance nor speed all around the track: there is "
          "nothing to compare it by",
          ErrorCode::kRefused);
    }
    *line =
        LearnedLine{.name = known.name, .line = TrackLine(std::max(0.001, to_millimetres(length)))};
  }
  const double length = (*line)->line.length_m();
  if (length / step_m > static_cast<double>(kMostGridPoints)) {
    return fail(fmt::format("step: at least {:.3f} on this track",
                            length / static_cast<double>(kMostGridPoints)),
                ErrorCode::kRefused);
  }
  Comparison comparison{.x = comparison_grid(length, step_m), .laps = {}};
  std::vector<double> first;
  for (std::size_t i = 0; i < laps.size(); ++i) {
    const ReadLap& lap = read[i];
    const auto positions = lap_positions(lap.path, (*line)->line);
    if (positions.empty()) {
      return fail(
          fmt::format("lap {} tells neither distance nor speed all around the track", laps[i].id),
          ErrorCode::kRefused);
    }
    ComparedLap& compared = comparison.laps.emplace_back();
    compared.lap = laps[i];
    compared.lost = lap.points.lost;
    const double gap_s = kGapOfPeriods * usual_step(lap.path.time_s, lap.path.time_s);
    const auto times = times_at(lap.path, positions, comparison.x, gap_s);
    if (i == 0) first = times;
    for (std::size_t k = 0; k < times.size(); ++k) compared.delta_s.push_back(times[k] - first[k]);
    for (const auto* column : columns_of(lap.points, fields)) {
      const double field_gap_s =
          kGapOfPeriods *
          std::max(gap_s / kGapOfPeriods, usual_step(lap.path.time_s, column->values));
      compared.fields.push_back(
          {.name = column->name,
           .values = values_at(lap.path.time_s, column->values, times, field_gap_s)});
    }
  }
  return comparison;
}

}  // namespace slipstream
