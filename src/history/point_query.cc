#include "history/point_query.h"

#include "racing/member_text.h"

namespace slipstream {
namespace {

constexpr std::int64_t kUntoldNs = 60 * kNsPerSecond;  // far longer than between two checkpoints

/// Whether the point's text says that it is of that session; a point that says nothing may be of
/// any.
bool is_of_session(std::string_view json, std::string_view session) {
  const auto told = member_text(json, "session");
  return !told || told->text == session;
}

}  // namespace

PointQuery points_of_lap(const Lap& lap) {
  PointQuery query{.track = lap.activity.track,
                   .chassis = lap.activity.chassis,
                   .from = lap.began,
                   .to = lap.ended,
                   .source_session = lap.activity.source_session};
  query.end_lap = lap.lap;
  query.end_is_line = lap.is_complete;
  if (lap.revision == 0) {
    // It is being driven: what came since it was told last is its own as long as it says so.
    query.to = {lap.ended.ns + kUntoldNs};
    query.lap = lap.lap;
  }
  return query;
}

bool is_asked_for(const PointQuery& query, const PointBatch& batch, const Point& point) {
  if (point.event_time < query.from || point.event_time > query.to) return false;
  if (query.end_lap && point.event_time == query.to && !point.lap_is_fault) {
    const bool is_next =
        query.end_is_line ? point.lap != *query.end_lap : point.lap > *query.end_lap;
    if (is_next) return false;
  }
  if (query.lap && !point.lap_is_fault && point.lap != *query.lap) return false;
  if (batch.chassis(point) != query.chassis || batch.track(point) != query.track) return false;
  return !point.has_texts || query.source_session.empty() ||
         is_of_session(batch.json(point), query.source_session);
}

bool goes_back(const Mark& mark, const PointQuery& query) {
  if (!mark.takes_points_back() || (!mark.track.empty() && mark.track != query.track)) return false;
  return query.source_session.empty() || mark.session == query.source_session;
}

}  // namespace slipstream
