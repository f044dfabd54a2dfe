#include "cli/export_scope.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

namespace slipstream {
namespace {

constexpr std::string_view kSessionTime = "session_time_s";

PointQuery points_of_activity(const Activity& activity) {
  return {.track = activity.key.track,
          .chassis = activity.key.chassis,
          .from = activity.began,
          .to = activity.ended,
          .source_session = activity.key.source_session};
}

}  // namespace

Result<ExportScope> ExportScope::find(const std::filesystem::path& data_dir,
                                      const ExportOptions& options) {
  auto reader = LapReader::open(data_dir);
  if (!reader) return std::unexpected(reader.error());
  if (!options.lap.empty()) {
    auto lap = reader->find_lap(options.lap);
    if (!lap) return std::unexpected(lap.error());
    if (!*lap) {
      return fail(
          fmt::format("--lap: there is no lap {}: GET /api/laps of the server, or the "
                      "store's view laps, lists them",
                      options.lap));
    }
    return ExportScope(std::move(**lap));
  }
  auto session = reader->find_session(options.session);
  if (!session) return std::unexpected(session.error());
  if (!*session) {
    return fail(
        fmt::format("--session: there is no session {}: GET /api/sessions of the server, "
                    "or the store's view sessions, lists them",
                    options.session));
  }
  return ExportScope(std::move(**session));
}

ExportScope::ExportScope(StoredLap lap) {
  const PointQuery query = points_of_lap(*lap.lap);
  track_ = query.track;
  from_ = query.from;
  to_ = query.to;
  add(query);
  lap_ = std::move(lap);
}

ExportScope::ExportScope(SessionContents session) {
  track_ = session.session.track;
  from_ = session.session.started;
  to_ = session.session.ended;
  for (const Activity& activity : session.activities) add(points_of_activity(activity));
  session_ = std::move(session);
}

void ExportScope::add(const PointQuery& query) {
  machines_.insert(query.chassis);
  if (!query.source_session.empty()) parts_.insert(query.source_session);
  queries_[series_hash(query.track, query.chassis)].push_back(query);
}

std::vector<PointQuery> ExportScope::queries_of(const std::string& chassis) const {
  const auto machine = queries_.find(series_hash(track_, chassis));
  if (machine == queries_.end()) return {};
  std::vector<PointQuery> all;
  std::ranges::copy_if(machine->second, std::back_inserter(all),
                       [&](const PointQuery& query) { return query.chassis == chassis; });
  return all;
}

std::vector<StoredLap> ExportScope::laps_of(const std::string& chassis) const {
  std::vector<StoredLap> all;
  if (lap_ && lap_->lap->activity.chassis == chassis) all.push_back(*lap_);
  if (!session_) return all;
  std::ranges::copy_if(session_->laps, std::back_inserter(all),
                       [&](const StoredLap& lap) { return lap.lap->activity.chassis == chassis; });
  return all;
}

Result<void> ExportScope::learn(const Mark& mark) {
  const bool is_of_it = std::ranges::any_of(queries_, [&](const auto& machine) {
    return std::ranges::any_of(machine.second,
                               [&](const PointQuery& query) { return goes_back(mark, query); });
  });
  if (!is_of_it) return {};
  if (flashbacks_.size() == kMostFlashbacks) {
    return fail(fmt::format("the log has more than {} flashbacks that may be of it: what they took "
                            "back cannot be told",
                            kMostFlashbacks),
                ErrorCode::kRefused);
  }
  flashbacks_.push_back(mark);
  return {};
}

void ExportScope::begin(FieldTable& fields) {
  passed_ = 0;
  session_time_ = fields.intern(kSessionTime);
}

void ExportScope::pass(const Mark& mark) {
  if (passed_ == flashbacks_.size()) return;
  const Mark& next = flashbacks_[passed_];
  const bool is_next = mark.time == next.time && mark.arrival == next.arrival &&
                       mark.to_session_time_s == next.to_session_time_s &&
                       mark.track == next.track && mark.session == next.session &&
                       mark.chassis == next.chassis;
  if (is_next) ++passed_;
}

bool ExportScope::has(const PointBatch& batch, const Point& point) const {
  const auto machine = queries_.find(point.series_hash);
  if (machine == queries_.end()) return false;
  const auto query = std::ranges::find_if(
      machine->second, [&](const PointQuery& one) { return is_asked_for(one, batch, point); });
  if (query == machine->second.end()) return false;
  // At the line itself the next lap has begun.
  const bool is_of_next = lap_ && point.event_time == lap_->lap->ended && !point.lap_is_fault &&
                          point.lap > lap_->lap->lap;
  if (is_of_next) return false;
  if (passed_ == flashbacks_.size() || !session_time_) return true;
  return !is_taken_back(*query, point.event_time, batch.value_or_nan(point, *session_time_));
}

bool ExportScope::is_taken_back(const PointQuery& query, EventTime time,
                                double session_time_s) const {
  return std::any_of(flashbacks_.begin() + static_cast<std::ptrdiff_t>(passed_), flashbacks_.end(),
                     [&](const Mark& mark) {
                       return takes_back(mark, time, session_time_s) && goes_back(mark, query);
                     });
}

std::string ExportScope::note_of(std::uint64_t points) const {
  if (!lap_) return {};
  const Lap& lap = *lap_->lap;
  // Of a game what is missing is among its points.
  if (points >= lap.points - std::min(lap.points, lap.missing)) return {};
  return fmt::format(
      "the log has {} points of it, of {} that it had: the others went with the "
      "log's retention, or are damaged\n",
      points, lap.points);
}

bool ExportScope::has(const Mark& mark) const {
  if (mark.track != track_) return false;
  if (!mark.chassis.empty() && !machines_.contains(mark.chassis)) return false;
  const bool is_then = mark.time >= from_ && mark.time <= to_;
  if (mark.session.empty()) return is_then;
  return parts_.contains(mark.session) && (is_then || session_);
}

}  // namespace slipstream
