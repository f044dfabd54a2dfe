#include "racing/lap_observer.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>

#include "racing/member_text.h"

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
                                            {"result_status", &LapPoint::result_status}};

constexpr std::string_view kSessionMember = R"("session":")";
constexpr std::string_view kCompoundMember = R"("tyre_compound":")";
/// Numbers up to there are whole in a double.
constexpr double kMostFrame = 9'007'199'254'740'992;
/// So often machines are looked at that may have fallen silent.
constexpr std::int64_t kSweepMs = 1'000;
constexpr std::uint64_t kTellAgain = std::numeric_limits<std::uint64_t>::max();

/// Arrival as the log keeps it.
std::int64_t arrival_ms(ArrivalTime at) {
  return floor_to_ms(at).ns / kNsPerMs;
}

}  // namespace

LapObserver::LapObserver(FieldTable& fields, const SectorMap* map, LapOptions options)
    : fields_(fields), map_(map), options_(options), members_(fields, kLapFields) {}

void LapObserver::observe(const PointBatch& batch, std::span<const Point> points) {
  members_.look_up();
  for (const Point& point : points) {
    Machine* const machine = machine_of(point);
    if (machine == nullptr) {
      not_followed_.add();
      continue;
    }
    take(*machine, point.machine, batch, point);
  }
}

LapObserver::Machine* LapObserver::machine_of(const Point& point) {
  auto found = machines_.find(point.machine);
  if (found == machines_.end()) {
    if (machines_.size() >= options_.max_cars) return nullptr;
    found = machines_.try_emplace(point.machine, std::make_unique<Machine>()).first;
    found->second->series_hash = point.series_hash;
  }
  Machine& machine = *found->second;
  // A partition may give the number of a series it forgot to another one.
  if (machine.series_hash != point.series_hash) {
    end_activity(machine);
    const bool is_listed = machine.is_listed;
    machine = {};
    machine.is_listed = is_listed;
    machine.series_hash = point.series_hash;
  }
  return &machine;
}

LapPoint LapObserver::lap_point_of(const PointBatch& batch, const Point& point) {
  LapPoint told;
  told.when = point.event_time;
  told.arrival_ms = arrival_ms(point.arrival_time);
  told.lap = point.lap;
  told.sector = point.sector_unknown ? -1 : point.sector;
  fields_seen_ = &members_.read(batch, point, told);
  if (told.frame >= 0 && told.frame <= kMostFrame) {
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
  const std::string_view session = session_of(machine, batch, point);
  Activity& activity = machine.activity;
  if (machine.is_active) {
    const bool is_other = !session.empty() && session != activity.key.source_session;
    const bool is_silent = activity.key.source_session.empty() &&
                           told.when.ns - activity.ended.ns > options_.session_gap_ms * kNsPerMs;
    const bool was_left =
        is_other && std::ranges::find(machine.left, session) != machine.left.end();
    if (was_left && told.when < activity.began) {
      late_.add();
      return;
    }
    if (is_other || is_silent) end_activity(machine);
  }
  machine.seen_ms = told.arrival_ms;
  if (!machine.is_active) begin_activity(machine, batch, point, session);
  if (told.has_frame() && !activity.key.source_session.empty()) {
    if (machine.frames == nullptr) machine.frames = frames_of(activity.key.source_session);
    machine.has_frames = true;
    machine.frames->see(told.id, told.session_time_s);
  }

  auto taken = LapBuilder::Taken::kCounted;
  const bool has_lap = told.has_distance() || told.lap > 0 || machine.laps.has_laps();
  if (has_lap) {
    if (machine.learned == nullptr) machine.learned = learned_of(activity.key.track);
    const LapTrack track{.name = activity.key.track, .map = map_, .learned = machine.learned};
    const std::int64_t late_ns = options_.late_ms * kNsPerMs;
    taken = machine.laps.take(told, *fields_seen_, track, late_ns);
    if (taken == LapBuilder::Taken::kBeginsAnew) {
      const std::string same = activity.key.source_session;
      end_activity(machine);
      begin_activity(machine, batch, point, same);
      activity.begins_anew = true;
      told = lap_point_of(batch, point);
      taken = machine.laps.take(told, *fields_seen_, track, late_ns);
    }
  }
  if (taken == LapBuilder::Taken::kCounted) {
    ++activity.points;
    activity.began = std::min(activity.began, told.when);
    activity.ended = std::max(activity.ended, told.when);
    if (point.has_texts) look_at_texts(machine, batch, point);
  } else if (taken == LapBuilder::Taken::kLate) {
    late_.add();
  }
  if (activity.points == 1 || machine.laps.is_dirty()) list(machine, number);
}

std::string_view LapObserver::session_of(Machine& machine, const PointBatch& batch,
                                         const Point& point) const {
  if (!point.has_texts) return {};
  const std::string_view json = batch.json(point);
  const std::string& known = machine.activity.key.source_session;
  // Mostly it stands where it stood before.
  const std::size_t at = machine.session_at;
  if (!known.empty() && at >= kSessionMember.size() && at + known.size() < json.size() &&
      json[at + known.size()] == '"' && json.substr(at, known.size()) == known &&
      json.substr(at - kSessionMember.size(), kSessionMember.size()) == kSessionMember) {
    return known;
  }
  // A source that names none is asked once a second.
  const std::int64_t second = point.event_time.ns / kNsPerSecond;
  if (machine.is_active && known.empty() && second == machine.texts_s) return {};
  const std::string_view session = member_text(json, kSessionMember);
  if (session.size() > kMaxMarkNameBytes) return {};
  if (!session.empty()) machine.session_at = static_cast<std::size_t>(session.data() - json.data());
  return session;
}

void LapObserver::begin_activity(Machine& machine, const PointBatch& batch, const Point& point,
                                 std::string_view session) {
  machine.activity = {.key = {.track = std::string(batch.track(point)),
                              .chassis = std::string(batch.chassis(point)),
                              .source_session = std::string(session),
                              .first = point.event_time},
                      .began = point.event_time,
                      .ended = point.event_time};
  machine.is_active = true;
  machine.laps = {};
  machine.frames = nullptr;
  machine.has_frames = false;
  machine.learned = nullptr;
  machine.told_points = 0;
  machine.texts_s = std::numeric_limits<std::int64_t>::min();
  if (session.empty()) return;
  const auto reload = std::ranges::find(reloads_, session, &decltype(reloads_)::value_type::first);
  if (reload == reloads_.end()) return;
  machine.activity.goes_on_from = reload->second;
  if (machine.session_before == reload->second) machine.laps.go_on_from(machine.starts_before);
}

void LapObserver::end_activity(Machine& machine) {
  if (!machine.is_active) return;
  machine.laps.end();
  machine.laps.take_told(told_.laps, machine.activity.key, fields_, false);
  told_.activities.push_back(machine.activity);
  machine.is_active = false;
  machine.starts_before = machine.laps.starts();
  machine.session_before = machine.activity.key.source_session;
  machine.laps = {};
  if (machine.session_before.empty()) return;
  std::erase(machine.left, machine.session_before);
  machine.left.push_back(machine.session_before);
  if (machine.left.size() > kMostLeft) machine.left.erase(machine.left.begin());
}

/// Once a second of the source's clock: what changes rarely, and has to be searched for.
void LapObserver::look_at_texts(Machine& machine, const PointBatch& batch, const Point& point) {
  const std::int64_t second = point.event_time.ns / kNsPerSecond;
  if (second == machine.texts_s) return;
  machine.texts_s = second;
  BuiltLap* const lap = machine.laps.running();
  if (lap == nullptr) return;
  const std::string_view compound = member_text(batch.json(point), kCompoundMember);
  if (!compound.empty() && compound.size() <= kMaxMarkNameBytes) lap->compound = compound;
}

SessionFrames* LapObserver::frames_of(const std::string& session) {
  const auto found = std::ranges::find(sessions_, session, &decltype(sessions_)::value_type::first);
  if (found != sessions_.end()) return &found->second;
  if (sessions_.size() == kMostSessions) {
    sessions_.pop_front();
    for (auto& [number, machine] : machines_) machine->frames = nullptr;
  }
  return &sessions_.emplace_back(session, SessionFrames{}).second;
}

TrackLength* LapObserver::learned_of(const std::string& track) {
  const auto found = tracks_.find(track);
  if (found != tracks_.end()) return &found->second;
  return tracks_.size() < kMostTracks ? &tracks_[track] : nullptr;
}

void LapObserver::observe_mark(const Mark& mark) {
  if (mark.session.empty()) return;
  if (mark.takes_points_back()) take_back(mark);
  if (mark.kind == "save_reload" && !mark.goes_on_from.empty()) go_on(mark);
}

void LapObserver::take_back(const Mark& mark) {
  const double to = *mark.to_session_time_s;
  const auto session =
      std::ranges::find(sessions_, mark.session, &decltype(sessions_)::value_type::first);
  std::optional<std::uint64_t> from;
  std::uint64_t until = 0;
  bool is_known = false;
  if (session != sessions_.end()) {
    SessionFrames& frames = session->second;
    from = frames.first_since(to);
    until = std::max(frames.newest(), mark.frame && *mark.frame > 0 ? *mark.frame - 1 : 0);
    is_known = frames.reaches(to);
    if (from) frames.take_back(*from, until);
  }
  for (auto& [number, kept] : machines_) {
    Machine& machine = *kept;
    if (!machine.is_active || machine.activity.key.source_session != mark.session) continue;
    if (machine.has_frames && from) machine.laps.take_back(*from, until);
    if (!machine.has_frames || !is_known) machine.laps.lose_track(to);
    machine.told_points = kTellAgain;
    list(machine, number);
  }
}

void LapObserver::go_on(const Mark& mark) {
  std::erase_if(reloads_, [&](const auto& reload) { return reload.first == mark.session; });
  reloads_.emplace_back(mark.session, mark.goes_on_from);
  if (reloads_.size() > kMostSessions) reloads_.pop_front();
  for (auto& [number, kept] : machines_) {
    Machine& machine = *kept;
    if (!machine.is_active || machine.activity.key.source_session != mark.session) continue;
    machine.activity.goes_on_from = mark.goes_on_from;
    if (machine.session_before == mark.goes_on_from) {
      machine.laps.go_on_from(machine.starts_before);
    }
    list(machine, number);
  }
}

void LapObserver::observe_time(ArrivalTime now) {
  const std::int64_t now_ms = arrival_ms(now);
  if (now_ms >= swept_ms_ && now_ms - swept_ms_ < kSweepMs) return;
  swept_ms_ = now_ms;
  for (auto& [number, kept] : machines_) {
    Machine& machine = *kept;
    if (!machine.is_active || !machine.activity.key.source_session.empty()) continue;
    if (now_ms - machine.seen_ms > options_.session_gap_ms) end_activity(machine);
  }
}

void LapObserver::forget(std::uint32_t series) {
  const auto found = machines_.find(series);
  if (found == machines_.end()) return;
  end_activity(*found->second);
  machines_.erase(found);
  std::erase(listed_, series);
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
    if (!machine.is_active) return;
    if (is_checkpoint) {
      const std::uint64_t before = std::exchange(machine.told_points, machine.activity.points);
      if (before == machine.activity.points && !machine.laps.is_dirty()) return;
    }
    into.activities.push_back(machine.activity);
    machine.laps.take_told(into.laps, machine.activity.key, fields_, is_checkpoint);
  };
  if (is_checkpoint) {
    for (auto& [number, machine] : machines_) tell(*machine);
  } else {
    for (const std::uint32_t number : listed_) tell(*machines_.at(number));
  }
  listed_.clear();
}

}  // namespace slipstream
