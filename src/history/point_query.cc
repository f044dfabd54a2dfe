#include "history/point_query.h"

#include "base/json_text.h"

namespace slipstream {
namespace {

constexpr std::int64_t kUntoldNs = 60 * kNsPerSecond;  // far longer than between two checkpoints

/// Whether the point's text says that it is of that session; a point that says nothing may be of
/// any.
bool is_of_session(std::string_view json, std::string_view session) {
  static constexpr std::string_view kMember = R"("session":)";
  const std::size_t at = json.find(kMember);
  if (at == json.npos) return true;
  std::string wanted;
  append_json_string(wanted, session);
  return json.substr(at + kMember.size()).starts_with(wanted);
}

}  // namespace

PointQuery points_of_lap(const Lap& lap) {
  PointQuery query{.track = lap.activity.track,
                   .chassis = lap.activity.chassis,
                   .from = lap.began,
                   .to = lap.ended,
                   .source_session = lap.activity.source_session};
  if (lap.revision == 0) {
    // It is being driven: what came since it was told last is its own as long as it says so.
    query.to = {lap.ended.ns + kUntoldNs};
    query.lap = lap.lap;
  }
  return query;
}

bool is_asked_for(const PointQuery& query, const PointBatch& batch, const Point& point) {
  if (point.event_time < query.from || point.event_time > query.to) return false;
  if (query.lap && !point.lap_is_fault && point.lap != *query.lap) return false;
  if (batch.chassis(point) != query.chassis || batch.track(point) != query.track) return false;
  return !point.has_texts || query.source_session.empty() ||
         is_of_session(batch.json(point), query.source_session);
}

bool goes_back(const Mark& mark, const PointQuery& query) {
  if (!mark.to_session_time_s || mark.track != query.track) return false;
  if (!mark.chassis.empty() && mark.chassis != query.chassis) return false;
  return mark.session.empty() || query.source_session.empty() ||
         mark.session == query.source_session;
}

}  // namespace slipstream
