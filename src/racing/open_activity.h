#pragma once
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "model/lap.h"
#include "racing/field_set.h"
#include "racing/lap_builder.h"
#include "racing/lap_point.h"
#include "racing/motion.h"
#include "racing/session_frames.h"
#include "racing/track_length.h"

namespace slipstream {

/// A point whose lap's number nobody expected: one glitch, or laps that begin anew.
struct DoubtedPoint {
  LapPoint point;  ///< as it came
  std::int64_t arrival_ms = 0;
  FieldSet fields;

  template <typename Archive>
  void keep(Archive& archive) {
    archive(point, arrival_ms, fields);
  }
};

/// An activity of a machine that may go on, and its laps. One thread.
struct OpenActivity {
  /// Points that tell the same laps are believed from so many on, over so much time. Where so many
  /// come in less, they are believed as well.
  static constexpr std::size_t kFewestAgreeing = 3;
  static constexpr std::int64_t kAgreeingNs = kNsPerSecond / 2;
  static constexpr std::size_t kMostDoubted = 128;

  Activity activity = {};
  LapBuilder laps = {};
  std::vector<DoubtedPoint> doubted = {};  ///< in their order
  std::int64_t seen_ms = 0;                ///< arrival of its newest point
  std::uint64_t turn = 0;                  ///< the higher, the later it was the current one
  std::uint64_t points_before = 0;         ///< that turn
  EventTime turn_began = {};
  std::int64_t texts_s = std::numeric_limits<std::int64_t>::min();  ///< when texts were looked at
  bool has_frames = false;                                          ///< of its session
  // Not a part of the state:
  SessionFrames* frames = nullptr;
  TrackLength* learned = nullptr;
  std::uint64_t told_points = 0;  ///< at the last checkpoint

  /// Another one was the machine's current one before.
  void begin_turn(std::uint64_t number, EventTime when) {
    turn = number;
    points_before = activity.points;
    turn_began = when;
  }
  std::uint64_t turn_points() const { return activity.points - points_before; }
  bool is_named() const { return !activity.key.source_session.empty(); }
  bool agrees(const LapPoint& point) const {
    if (doubted.empty()) return true;
    const std::int32_t last = doubted.back().point.lap;
    return point.lap == last || point.lap == last + 1;
  }
  bool is_believed() const {
    if (doubted.size() < kFewestAgreeing) return false;
    return doubted.size() >= kMostDoubted ||
           ns_between(doubted.front().point.when, doubted.back().point.when) >= kAgreeingNs;
  }

  template <typename Archive>
  void keep(Archive& archive) {
    archive(activity.key.track, activity.key.chassis, activity.key.source_session,
            activity.key.first, activity.began, activity.ended, activity.points,
            activity.begins_anew, activity.goes_on_from, laps, doubted, seen_ms, turn,
            points_before, turn_began, texts_s, has_frames);
  }
};

}  // namespace slipstream
