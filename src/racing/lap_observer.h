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

#include "base/counters.h"
#include "model/observer.h"
#include "model/schema.h"
#include "model/sinks.h"
#include "racing/field_members.h"
#include "racing/lap_builder.h"
#include "racing/lap_point.h"
#include "racing/session_frames.h"
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
/// An activity ends where the source names another session, where it is silent for session_gap_ms
/// (in event time, or by the log's clock; not where the source names the session, since a game's
/// pause is none), and where laps begin anew. A flashback takes back what the session has from its
/// time on, in all cars. A machine that tells neither a lap nor a distance has activities alone.
///
/// State: about 1 kB a machine whose points have numbers, up to 5 kB where only times tell them
/// apart, and up to 20 kB a session with frames, of kMostSessions (SessionFrames). Memory:
/// kMostLaps laps a machine, each of some kB, at most 25 kB where it is full of holes (LapQuality).
/// Borrows the fields and the map, which outlive it.
/// Threads: the partition's worker; the counters from any.
class LapObserver final : public PartitionObserver, private ObserverState {
 public:
  static constexpr std::size_t kMostSessions = 8;
  static constexpr std::size_t kMostTracks = 64;  ///< whose sectors are learned
  static constexpr std::size_t kMostLeft = 4;     ///< sessions that a machine was in before

  /// `map`: null: there is none.
  LapObserver(FieldTable& fields, const SectorMap* map, LapOptions options = {});

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

  /// Points that came too late for their lap.
  std::uint64_t late() const { return late_.value(); }
  /// Points of machines beyond max_cars.
  std::uint64_t not_followed() const { return not_followed_.value(); }

 private:
  struct Machine {
    std::uint64_t series_hash = 0;
    Activity activity = {};
    bool is_active = false;
    LapBuilder laps = {};
    LapBuilder::Starts starts_before = {};  ///< of the activity before, and what its session was
    std::string session_before = {};
    std::vector<std::string> left = {};  ///< sessions that it was in
    std::int64_t seen_ms = 0;            ///< arrival of its newest point
    std::int64_t texts_s = 0;            ///< the second in which its texts were looked at last
    bool has_frames = false;             ///< of its session
    // Not a part of the state:
    std::size_t session_at = 0;  ///< where the JSON had the session last
    SessionFrames* frames = nullptr;
    TrackLength* learned = nullptr;
    std::uint64_t told_points = 0;  ///< at the last checkpoint
    bool is_listed = false;

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
  /// What the source calls its session; empty: nothing, or nothing else than before.
  std::string_view session_of(Machine& machine, const PointBatch& batch, const Point& point) const;
  void begin_activity(Machine& machine, const PointBatch& batch, const Point& point,
                      std::string_view session);
  void end_activity(Machine& machine);
  void look_at_texts(Machine& machine, const PointBatch& batch, const Point& point);
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
      machines_;                                                // by Point::machine
  std::deque<std::pair<std::string, SessionFrames>> sessions_;  // the newest last
  std::map<std::string, TrackLength> tracks_;
  std::deque<std::pair<std::string, std::string>> reloads_;  // a session, and what it goes on from
  std::int64_t swept_ms_ = 0;
  std::vector<std::uint32_t> listed_;  // machines that have something to be told
  ToldLaps told_;                      // of activities that ended
  Counter late_;
  Counter not_followed_;
};

}  // namespace slipstream
