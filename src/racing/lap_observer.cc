#include "racing/lap_observer.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <utility>

#include "racing/member_text.h"
#include "racing/motion.h"

namespace slipstream {
namespace {

using LapMembers = FieldMembers<LapPoint>;
constexpr LapMembers::Named kLapFields[] = {{"frame", &LapPoint::frame},
                                            {"session_time_s", &LapPoint::session_time_s},
                                            {"lap_time_s", &LapPoint::lap_time_s},
                                            {"last_lap_s", &LapPoint::last_lap_s},
                                            {"sector1_s", &LapPoint::sector1_s},
                                            {"sector2_s", &LapPoint::sector2_s},
                                            {"pit_status", &LapPoint::pit_status},
                                            {"lap_invalid", &LapPoint::lap_invalid},
                                            {"result_status", &LapPoint::result_status},
                                            {"total_laps", &LapPoint::total_laps},
                                            {"session", &LapPoint::session_number}};

/// Numbers up to there are whole in a double.
constexpr double kMostFrame = 9'007'199'254'740'992;
/// So often machines are looked at that may have fallen silent.
constexpr std::int64_t kSweepMs = 1'000;

/// Arrival as the log keeps it.
std::int64_t arrival_ms(ArrivalTime at) {
  return floor_to_ms(at).ns / kNsPerMs;
}

}  // namespace

LapObserver::LapObserver(FieldTable& fields, const SectorMap* map, LapCounts& counts,
                         LapOptions options)
    : fields_(fields),
      map_(map),
      options_(options),
      members_(fields, kLapFields),
      counts_(counts) {}

void LapObserver::observe(const PointBatch& batch, std::span<const Point> points) {
  members_.look_up();
  for (const Point& point : points) {
    Machine* const machine = machine_of(point);
    if (machine == nullptr) {
      counts_.not_followed.add();
      continue;
    }
    take(*machine, point.machine, batch, point);
  }
}

LapObserver::Machine* LapObserver::machine_of(const Point& point) {
  if (point.machine < near_.size()) {
    Machine* const near = near_[point.machine];
    if (near != nullptr && near->series_hash == point.series_hash) return near;
  }
  auto found = machines_.find(point.machine);
  if (found == machines_.end()) {
    if (machines_.size() >= options_.max_cars) return nullptr;
    found = machines_.try_emplace(point.machine, std::make_unique<Machine>()).first;
    found->second->series_hash = point.series_hash;
  }
  Machine& machine = *found->second;
  // A partition may give the number of a series it forgot to another one.
  if (machine.series_hash != point.series_hash) {
    end_all(machine);
    const bool is_listed = machine.is_listed;
    machine = {};
    machine.is_listed = is_listed;
    machine.series_hash = point.series_hash;
  }
  if (point.machine < kMostNear) {
    if (near_.size() <= point.machine) near_.resize(point.machine + 1);
    near_[point.machine] = &machine;
  }
  return &machine;
}

LapPoint LapObserver::lap_point_of(const PointBatch& batch, const Point& point) {
  LapPoint told;
  told.when = point.event_time;
  // Points of a batch mostly came together.
  if (point.arrival_time != arrival_) {
    arrival_ = point.arrival_time;
    arrival_ms_ = arrival_ms(arrival_);
  }
  told.arrival_ms = arrival_ms_;
  told.lap = point.lap;
  told.sector = point.sector_unknown ? -1 : point.sector;
  fields_seen_ = &members_.read(batch, point, told);
  told.has_more = members_.has_more();
  if (told.has_more) told.see_end_of_race();
  if (told.has_more && told.frame >= 0 && told.frame <= kMostFrame) {
    told.has_id = true;
    told.id = static_cast<std::uint64_t>(told.frame);
  } else if (point.has_sequence) {
    told.has_id = true;
    told.id = point.sequence;
  }
  return told;
}

void LapObserver::take(Machine& machine, std::uint32_t number, const PointBatch& batch,
                       const Point& point) {
  LapPoint told = lap_point_of(batch, point);
  const bool names_session = point.has_texts || !std::isnan(told.session_number);
  if (!is_of_only(machine, batch, point, names_session)) {
    const std::string_view session =
        names_session ? session_of(machine, batch, point) : std::string_view();
    const bool is_in_time = choose_activity(machine, batch, point, session, told);
    machine.find_only();
    if (!is_in_time) {
      counts_.late.add();
      return;
    }
  }
  machine.saved = std::min<std::uint64_t>(machine.saved + 1, kMostSaved);
  OpenActivity* open = machine.only ? machine.only : &machine.open[machine.current];
  open->seen_ms = told.arrival_ms;
  if (open->laps.tells_no_lap(told)) told.lap = open->laps.told_lap();
  if (open->laps.doubts(told)) {
    doubt(machine, told, *fields_seen_);
    list(machine, number);
    return;
  }
  if (!open->doubted.empty()) end_doubt(*open);
  auto taken = fold(*open, told, *fields_seen_);
  if (taken == LapBuilder::Taken::kBeginsAnew) {
    begin_anew(machine, point.event_time);
    open = &machine.open[machine.current];
    told = lap_point_of(batch, point);
    taken = fold(*open, told, *fields_seen_);
  }
  if (taken == LapBuilder::Taken::kCounted && point.has_texts) look_at_texts(*open, batch, point);
  if (open->activity.points == 1 || open->laps.is_dirty()) list(machine, number);
}

LapBuilder::Taken LapObserver::fold(OpenActivity& open, LapPoint& told, const FieldSet& fields) {
  Activity& activity = open.activity;
  if (told.has_frame() && open.is_named()) {
    if (open.frames == nullptr) open.frames = frames_of(activity.key.source_session);
    open.has_frames = true;
    open.frames->see(told.id, told.session_time_s);
  }
  auto taken = LapBuilder::Taken::kCounted;
  const EventTime when = told.when;
  if (told.has_distance() || told.lap > 0 || open.laps.has_laps()) {
    if (open.learned == nullptr) open.learned = learned_of(activity.key.track);
    const LapTrack track{.name = activity.key.track, .map = map_, .learned = open.learned};
    taken = open.laps.take(told, fields, track, options_.late_ms * kNsPerMs);
  }
  if (taken == LapBuilder::Taken::kBeginsAnew || taken == LapBuilder::Taken::kDuplicate) {
    return taken;
  }
  // Also of what is too late for its lap: when a machine was on the track is no matter of order.
  activity.began = std::min(activity.began, when);
  activity.ended = std::max(activity.ended, when);
  ++activity.points;
  if (taken == LapBuilder::Taken::kLate) counts_.late.add();
  return taken;
}

void LapObserver::doubt(Machine& machine, const LapPoint& told, const FieldSet& fields) {
  OpenActivity* open = &machine.open[machine.current];
  if (!open->agrees(told)) end_doubt(*open);
  open->doubted.push_back({told, told.arrival_ms, fields});
  if (!open->is_believed()) return;
  const bool is_anew = told.lap < open->laps.told_lap();
  if (is_anew && machine.saved < kPointsAnActivity) {
    end_doubt(*open);
    return;
  }
  std::vector<DoubtedPoint> believed = std::exchange(open->doubted, {});
  if (is_anew) {
    begin_anew(machine, believed.front().point.when);
    open = &machine.open[machine.current];
  }
  for (DoubtedPoint& one : believed) {
    one.point.arrival_ms = one.arrival_ms;
    fold(*open, one.point, one.fields);
  }
}

void LapObserver::end_doubt(OpenActivity& open) {
  counts_.ambiguous.add(open.doubted.size());
  for (DoubtedPoint& one : std::exchange(open.doubted, {})) {
    one.point.arrival_ms = one.arrival_ms;
    one.point.lap = open.laps.told_lap();
    fold(open, one.point, one.fields);
  }
}

void LapObserver::Machine::find_only() {
  only = open.size() == 1 ? &open.front() : nullptr;
  is_session_of_only =
      only != nullptr && only->is_named() && only->activity.key.source_session == session;
}

/// As it mostly is: then its session stands where it stood before, or it names none.
bool LapObserver::is_of_only(const Machine& machine, const PointBatch& batch, const Point& point,
                             bool names_session) const {
  if (machine.only == nullptr) return false;
  if (names_session) {
    return machine.is_session_of_only &&
           stands_at(batch.json(point), machine.session_at, machine.session_spelled);
  }
  return machine.only->is_named() || is_within_gap(machine.only->activity, point.event_time);
}

bool LapObserver::is_within_gap(const Activity& activity, EventTime when) const {
  const std::int64_t gap_ns = options_.session_gap_ms * kNsPerMs;
  return ns_between(when, activity.began) <= gap_ns && ns_between(activity.ended, when) <= gap_ns;
}

std::string_view LapObserver::session_of(Machine& machine, const PointBatch& batch,
                                         const Point& point) {
  const std::string_view json = batch.json(point);
  // Mostly it stands where it stood before.
  if (!machine.open.empty() &&
      machine.open[machine.current].activity.key.source_session == machine.session &&
      stands_at(json, machine.session_at, machine.session_spelled)) {
    return machine.session;
  }
  // A source that names none is asked once a second.
  if (!machine.open.empty()) {
    const OpenActivity& open = machine.open[machine.current];
    if (!open.is_named() && point.event_time.ns / kNsPerSecond == open.texts_s) return {};
  }
  machine.session_spelled.clear();
  auto session = member_text(json, "session");
  if (!session) return {};
  if (session->text.size() > kMaxMarkNameBytes) {
    counts_.left_out.add();
    return {};
  }
  machine.session_at = session->at;
  machine.session_spelled = session->spelled;
  machine.session = std::move(session->text);
  return machine.session;
}

std::optional<std::size_t> LapObserver::activity_of(const Machine& machine,
                                                    std::string_view session,
                                                    EventTime when) const {
  const auto is_of = [&](std::size_t at) {
    const OpenActivity& open = machine.open[at];
    if (!session.empty()) return open.activity.key.source_session == session;
    if (open.is_named()) return at == machine.current;
    return is_within_gap(open.activity, when);
  };
  if (machine.open.empty()) return std::nullopt;
  if (is_of(machine.current)) return machine.current;
  std::optional<std::size_t> newest;
  for (std::size_t at = 0; at < machine.open.size(); ++at) {
    if (!is_of(at)) continue;
    if (!newest || machine.open[at].turn > machine.open[*newest].turn) newest = at;
  }
  return newest;
}

bool LapObserver::choose_activity(Machine& machine, const PointBatch& batch, const Point& point,
                                  std::string_view session, const LapPoint& told) {
  const auto known = activity_of(machine, session, told.when);
  if (known) {
    if (*known != machine.current) {
      machine.current = *known;
      machine.open[*known].begin_turn(++machine.turns, told.when);
    }
  } else {
    if (!machine.open.empty()) {
      const OpenActivity& current = machine.open[machine.current];
      const bool was_left =
          !session.empty() && std::ranges::find(machine.left, session) != machine.left.end();
      if (was_left && told.when < current.activity.began) return false;
      if (machine.saved < kPointsAnActivity) {
        counts_.ambiguous.add();
        return true;
      }
    }
    begin_activity(machine, {.track = std::string(batch.track(point)),
                             .chassis = std::string(batch.chassis(point)),
                             .source_session = std::string(session),
                             .first = point.event_time});
  }
  if (machine.open.size() > 1 && !session.empty()) leave_others(machine, told.when);
  return true;
}

/// Once several points in a row are of the new one; sources that take turns are each in their own.
void LapObserver::leave_others(Machine& machine, EventTime when) {
  const OpenActivity& current = machine.open[machine.current];
  const bool goes_on = current.turn_points() >= OpenActivity::kFewestAgreeing &&
                       ns_between(current.turn_began, when) >= OpenActivity::kAgreeingNs;
  if (!goes_on) return;
  for (std::size_t at = machine.open.size(); at-- > 0;) {
    if (at != machine.current && machine.open[at].is_named()) end_activity(machine, at);
  }
}

OpenActivity& LapObserver::begin_activity(Machine& machine, ActivityKey key) {
  if (machine.open.size() == kMostOpen) {
    const auto oldest = std::ranges::min_element(machine.open, {}, &OpenActivity::turn);
    end_activity(machine, static_cast<std::size_t>(oldest - machine.open.begin()));
  }
  machine.only = nullptr;
  machine.saved -= std::min<std::uint64_t>(machine.saved, kPointsAnActivity);
  machine.current = machine.open.size();
  OpenActivity& open = machine.open.emplace_back();
  const std::string session = key.source_session;
  const EventTime first = key.first;
  open.activity = {.key = std::move(key), .began = first, .ended = first};
  open.begin_turn(++machine.turns, first);
  const auto reload = std::ranges::find(reloads_, session, &decltype(reloads_)::value_type::first);
  if (session.empty() || reload == reloads_.end()) return open;
  open.activity.goes_on_from = reload->second;
  go_on_from(machine, open);
  return open;
}

/// The session that it goes on from may still be open.
void LapObserver::go_on_from(const Machine& machine, OpenActivity& open) {
  const std::string& before = open.activity.goes_on_from;
  for (const OpenActivity& other : machine.open) {
    if (other.activity.key.source_session != before || &other == &open) continue;
    open.laps.go_on_from(other.laps.starts());
    return;
  }
  if (machine.session_before == before) open.laps.go_on_from(machine.starts_before);
}

/// The current one ends, and another one of its session begins.
void LapObserver::begin_anew(Machine& machine, EventTime first) {
  const OpenActivity& ended = machine.open[machine.current];
  ActivityKey key = ended.activity.key;
  const std::int64_t seen_ms = ended.seen_ms;
  key.first = first;
  end_activity(machine, machine.current);
  OpenActivity& open = begin_activity(machine, std::move(key));
  open.activity.begins_anew = true;
  open.seen_ms = seen_ms;
}

void LapObserver::end_activity(Machine& machine, std::size_t at) {
  OpenActivity& open = machine.open[at];
  end_doubt(open);
  open.laps.end();
  open.laps.take_told(told_.laps, open.activity.key, fields_, false);
  told_.activities.push_back(open.activity);
  machine.starts_before = open.laps.starts();
  machine.session_before = open.activity.key.source_session;
  machine.only = nullptr;
  machine.open.erase(machine.open.begin() + static_cast<std::ptrdiff_t>(at));
  if (machine.current > at) --machine.current;
  if (machine.current >= machine.open.size()) machine.current = 0;
  if (machine.session_before.empty()) return;
  std::erase(machine.left, machine.session_before);
  machine.left.push_back(machine.session_before);
  if (machine.left.size() > kMostLeft) machine.left.erase(machine.left.begin());
}

void LapObserver::end_all(Machine& machine) {
  while (!machine.open.empty()) end_activity(machine, machine.open.size() - 1);
}

/// Once a second of the source's clock: what changes rarely, and has to be searched for.
void LapObserver::look_at_texts(OpenActivity& open, const PointBatch& batch, const Point& point) {
  const std::int64_t second = point.event_time.ns / kNsPerSecond;
  if (second == open.texts_s) return;
  open.texts_s = second;
  BuiltLap* const lap = open.laps.running();
  if (lap == nullptr) return;
  auto compound = member_text(batch.json(point), "tyre_compound");
  if (compound && !compound->text.empty() && compound->text.size() <= kMaxMarkNameBytes) {
    lap->compound = std::move(compound->text);
  }
}

SessionFrames* LapObserver::frames_of(const std::string& session) {
  const auto found = std::ranges::find(sessions_, session, &decltype(sessions_)::value_type::first);
  if (found != sessions_.end()) return &found->second;
  if (sessions_.size() == kMostSessions) {
    sessions_.pop_front();
    for (auto& [number, machine] : machines_) {
      for (OpenActivity& open : machine->open) open.frames = nullptr;
    }
  }
  return &sessions_.emplace_back(session, SessionFrames{}).second;
}

TrackLength* LapObserver::learned_of(const std::string& track) {
  const auto found = tracks_.find(track);
  if (found != tracks_.end()) return &found->second;
  return tracks_.size() < kMostTracks ? &tracks_[track] : nullptr;
}

void LapObserver::observe_time(ArrivalTime now) {
  const std::int64_t now_ms = arrival_ms(now);
  if (now_ms >= swept_ms_ && now_ms - swept_ms_ < kSweepMs) return;
  swept_ms_ = now_ms;
  for (auto& [number, kept] : machines_) {
    for (std::size_t at = kept->open.size(); at-- > 0;) {
      const OpenActivity& open = kept->open[at];
      if (open.is_named() || now_ms - open.seen_ms <= options_.session_gap_ms) continue;
      end_activity(*kept, at);
    }
  }
}

void LapObserver::forget(std::uint32_t series) {
  const auto found = machines_.find(series);
  if (found == machines_.end()) return;
  end_all(*found->second);
  machines_.erase(found);
  if (series < near_.size()) near_[series] = nullptr;
  std::erase(listed_, series);
}

TimedLaps LapObserver::times_of(std::uint32_t number, std::uint64_t series_hash,
                                std::size_t most) const {
  const auto found = machines_.find(number);
  if (found == machines_.end() || found->second->series_hash != series_hash) return {};
  const Machine& machine = *found->second;
  if (machine.open.empty()) return {};
  const OpenActivity& open = machine.open[machine.current];
  return {open.activity.key.first, open.laps.timed_laps(most)};
}

void LapObserver::list(Machine& machine, std::uint32_t number) {
  if (!std::exchange(machine.is_listed, true)) listed_.push_back(number);
}

void LapObserver::take_told(ToldLaps& into, bool is_checkpoint) {
  if (told_.empty() && listed_.empty() && !is_checkpoint) return;
  std::ranges::move(told_.activities, std::back_inserter(into.activities));
  std::ranges::move(told_.laps, std::back_inserter(into.laps));
  told_ = {};
  const auto tell = [&](Machine& machine) {
    machine.is_listed = false;
    for (OpenActivity& open : machine.open) {
      if (is_checkpoint) {
        const std::uint64_t before = std::exchange(open.told_points, open.activity.points);
        if (before == open.activity.points && !open.laps.is_dirty()) continue;
      } else if (open.activity.points == 0) {
        continue;
      }
      into.activities.push_back(open.activity);
      open.laps.take_told(into.laps, open.activity.key, fields_, is_checkpoint);
    }
  };
  if (is_checkpoint) {
    for (auto& [number, machine] : machines_) tell(*machine);
  } else {
    for (const std::uint32_t number : listed_) tell(*machines_.at(number));
  }
  listed_.clear();
}

}  // namespace slipstream
