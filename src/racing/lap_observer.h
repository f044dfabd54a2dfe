#pragma once
#include <boost/unordered/unordered_flat_map.hpp>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/observer.h"
#include "model/schema.h"
#include "model/sinks.h"
#include "racing/field_members.h"
#include "racing/lap_builder.h"
#include "racing/lap_counts.h"
#include "racing/lap_point.h"
#include "racing/open_activity.h"
#include "racing/session_frames.h"
#include "racing/timed_lap.h"
#include "racing/track_length.h"

namespace slipstream {

struct LapOptions {
  std::int64_t session_gap_ms = 600'000;  ///< of silence, that ends an activity
  std::int64_t late_ms = 60'000;          ///< behind its end, that a lap may change for
  std::size_t max_cars = 1'024;           ///< points of further machines are counted, not looked at
};

/// Tells the activities and laps of a partition's machines: a pure function of its points, marks
/// and ticks in the order of the log.
///
/// An activity ends where the source goes on in another session, where it is silent for
/// session_gap_ms (in event time, or by the log's clock; not where the source names the session,
/// since a game's pause is none), and where laps begin anew. Recordings of other times than the
/// running one's may come between its points: kMostOpen activities of a machine are open, each
/// found by its name or by event time. Laps begin anew where several points agree on it; a single
/// one of another number is of the lap that is driven. Each activity costs a machine
/// kPointsAnActivity points, so that sources which share a name make no activity of each point. A
/// flashback takes back what the session has from its time on, in all cars. A machine that tells
/// neither a lap nor a distance has activities alone.
///
/// State: about 1 kB an open activity whose points have numbers, up to 5 kB where only times tell
/// them apart, and up to 20 kB a session with frames, of kMostSessions (SessionFrames); at most 15
/// kB more while points are doubted. Memory: kMostLaps laps an open activity, each of some kB, at
/// most 25 kB where it is full of holes (LapQuality).
/// Borrows the fields, the map and the counts, which outlive it.
/// Threads: the partition's worker; the counts from any.
class LapObserver final : public PartitionObserver, public LapTimes, private ObserverState {
 public:
  static constexpr std::size_t kMostSessions = 8;
  static constexpr std::size_t kMostTracks = 64;   ///< whose sectors are learned
  static constexpr std::size_t kMostLeft = 4;      ///< sessions that a machine was in before
  static constexpr std::size_t kMostOpen = 4;      ///< activities of a machine
  static constexpr std::size_t kMostNear = 8'192;  ///< machines' numbers that need no hash
  static constexpr std::uint32_t kPointsAnActivity = 100;
  static constexpr std::uint32_t kMostSaved = 20 * kPointsAnActivity;  ///< points, for activities

  /// `map`: null: there is none.
  LapObserver(FieldTable& fields, const SectorMap* map, LapCounts& counts, LapOptions options = {});

  std::string_view name() const override { return "laps"; }
  using PartitionObserver::observe;
  void observe(const PointBatch& batch, std::span<const Point> points) override;
  void observe_mark(const Mark& mark) override;
  void observe_time(ArrivalTime now) override;
  void tick(SteadyTime) override {}
  SteadyTime next_tick() const override { return kForever; }
  void forget(std::uint32_t series) override;
  void take_told(ToldLaps& into, bool is_checkpoint) override;
  ObserverState* state() override { return this; }
  /// Of the activity that its newest point is of.
  TimedLaps times_of(std::uint32_t machine, std::uint64_t series_hash,
                     std::size_t most) const override;

 private:
  struct Machine {
    std::uint64_t series_hash = 0;
    std::deque<OpenActivity> open = {};
    std::uint64_t current = 0;  ///< of the open ones, that of the newest point
    std::uint64_t turns = 0;
    std::uint64_t saved = kMostSaved;       ///< points, for the activities to come
    LapBuilder::Starts starts_before = {};  ///< of the activity before, and what its session was
    std::string session_before = {};
    std::vector<std::string> left = {};  ///< sessions that it was in
    // Not a part of the state:
    OpenActivity* only = nullptr;  ///< the one that is open; nullptr: not known, or another number
    bool is_session_of_only = false;
    std::size_t session_at = 0;        ///< where the JSON had the session last,
    std::string session_spelled = {};  ///< how,
    std::string session = {};          ///< and what it was
    bool is_listed = false;

    /// To be called when its activities, or what its session is, may be others.
    void find_only();
    template <typename Archive>
    void keep(Archive& archive);
  };

  void save(std::string& out) const override;
  Result<void> restore(std::string_view bytes) override;
  void clear() override;

  Machine* machine_of(const Point& point);
  /// Also what fields it has.
  LapPoint lap_point_of(const PointBatch& batch, const Point& point);
  void take(Machine& machine, std::uint32_t number, const PointBatch& batch, const Point& point);
  /// It goes on in the only activity that is open.
  bool is_of_only(const Machine& machine, const PointBatch& batch, const Point& point,
                  bool names_session) const;
  bool is_within_gap(const Activity& activity, EventTime when) const;
  /// What the source calls its session; empty: nothing, or it was not asked.
  std::string_view session_of(Machine& machine, const PointBatch& batch, const Point& point);
  /// Nothing: none of those that are open.
  std::optional<std::size_t> activity_of(const Machine& machine, std::string_view session,
                                         EventTime when) const;
  /// Makes the point's activity the current one; it may be a new one. False: it is too late.
  bool choose_activity(Machine& machine, const PointBatch& batch, const Point& point,
                       std::string_view session, const LapPoint& told);
  /// The activity in which the source was before it named another one.
  void leave_others(Machine& machine, EventTime when);
  LapBuilder::Taken fold(OpenActivity& open, LapPoint& told, const FieldSet& fields);
  void doubt(Machine& machine, const LapPoint& told, const FieldSet& fields);
  /// What was doubted is of the lap that is driven.
  void end_doubt(OpenActivity& open);
  static void go_on_from(const Machine& machine, OpenActivity& open);
  void begin_anew(Machine& machine, EventTime first);
  OpenActivity& begin_activity(Machine& machine, ActivityKey key);
  void end_activity(Machine& machine, std::size_t at);
  void end_all(Machine& machine);
  void look_at_texts(OpenActivity& open, const PointBatch& batch, const Point& point);
  SessionFrames* frames_of(const std::string& session);
  TrackLength* learned_of(const std::string& track);
  void take_back(const Mark& mark);
  void go_on(const Mark& mark);
  void list(Machine& machine, std::uint32_t number);
  template <typename Archive>
  void keep_shared(Archive& archive);

  FieldTable& fields_;
  const SectorMap* const map_;
  const LapOptions options_;
  FieldMembers<LapPoint> members_;
  const FieldSet* fields_seen_ = nullptr;  // of the point in hand
  boost::unordered_flat_map<std::uint32_t, std::unique_ptr<Machine>>
      machines_;                // by Point::machine
  std::vector<Machine*> near_;  // of those, the ones with low numbers, which a partition gives out
  ArrivalTime arrival_ = {};    // of the newest point
  std::int64_t arrival_ms_ = 0;
  std::deque<std::pair<std::string, SessionFrames>> sessions_;  // the newest last
  std::map<std::string, TrackLength> tracks_;
  std::deque<std::pair<std::string, std::string>> reloads_;  // a session, and what it goes on from
  std::int64_t swept_ms_ = 0;
  std::vector<std::uint32_t> listed_;  // machines that have something to be told
  ToldLaps told_;                      // of activities that ended
  LapCounts& counts_;
};

}  // namespace slipstream
