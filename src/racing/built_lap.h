#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "model/lap.h"
#include "model/schema.h"
#include "racing/crossing.h"
#include "racing/field_set.h"
#include "racing/lap_point.h"
#include "racing/lap_quality.h"
#include "racing/max_speed.h"
#include "racing/timed_lap.h"

namespace slipstream {

/// Between the last point of a lap and the first of the next, or of what ended it.
struct LineGap {
  std::uint64_t ids = 0;  ///< numbers that did not come
  std::int64_t ns = 0;    ///< 0: not known, or with driving that was taken back
  double share = 1;       ///< of it that lies before the line

  /// Points that are missing, of those before the line or of those behind it.
  std::uint64_t missing(bool is_before, std::int64_t usual_step_ns) const;

  template <typename Archive>
  void keep(Archive& archive) {
    archive(ids, ns, share);
  }
};

/// When a sector began.
struct SectorBegin {
  std::int32_t sector = 0;
  std::uint64_t id = 0;                ///< of the first point in it
  std::optional<EventTime> when = {};  ///< nothing: it cannot be said exactly

  template <typename Archive>
  void keep(Archive& archive) {
    archive(sector, id, when);
  }
};

/// A source that tells a longer lap tells nothing.
inline constexpr double kLongestLapS = 86'400;

enum class LapEnd : std::uint8_t {
  kRunning,
  kLine,     ///< the next one begins
  kFlag,     ///< it was the last one
  kStopped,  ///< retired, or nothing more came
};

/// A lap as it is built, and as long as it may change.
struct BuiltLap {
  static constexpr std::size_t kMostSectors = 64;

  std::int32_t lap = 0;
  std::uint32_t repeat = 0;
  std::uint32_t revision = 0;
  LapEnd end = LapEnd::kRunning;
  std::uint64_t end_id = 0;  ///< of the point that ended it
  bool begun_here = false;
  bool is_cut = false;   ///< something of it is not known: it can be timed by its source alone
  bool is_lost = false;  ///< a flashback took back nobody knows what of it
  bool is_rewound = false;
  bool last_is_known = true;  ///< else a flashback took back what `last` is of
  std::uint64_t discarded = 0;
  std::uint64_t duplicates = 0;
  LapPoint first = {};
  LapPoint last = {};  ///< the newest of each figure
  std::optional<bool> began_in_pit = {};
  std::optional<double> official_s = {};
  std::optional<EventTime> began = {};  ///< crossings of the line
  std::optional<EventTime> ended = {};
  std::optional<Fix> entry = {};  ///< its first place, and its last
  std::optional<Fix> exit = {};
  std::optional<Fix> after = {};  ///< the first place behind its end
  double approach_mps = LapPoint::kAbsent;
  std::vector<SectorBegin> sectors = {};
  LineGap gap_before = {};
  LineGap gap_behind = {};
  LapQuality quality = {};
  MaxSpeed speed = {};
  std::string compound = {};
  FieldSet channels = {};
  bool is_dirty = false;  ///< it is to be told; not a part of the state

  bool is_closed() const { return end != LapEnd::kRunning; }
  bool is_official() const { return official_s.has_value(); }
  bool is_complete() const;
  EventTime ended_at() const { return ended.value_or(last.when); }
  /// Tells that it changed.
  void changed() {
    if (revision > 0) ++revision;
    is_dirty = true;
  }
  /// All of it was taken back.
  void vanish();
  Lap told(const ActivityKey& activity, const FieldTable& fields) const;
  /// What told() says of times, and of a running lap what is known by now.
  TimedLap timed() const;

  template <typename Archive>
  void keep(Archive& archive) {
    archive(lap, repeat, revision, end, end_id, begun_here, is_cut, is_lost, is_rewound,
            last_is_known, discarded, duplicates, first, last, began_in_pit, official_s, began,
            ended, entry, exit, after, approach_mps, sectors, gap_before, gap_behind, quality,
            speed, compound, channels);
    if constexpr (Archive::kReads) {
      for (const SectorBegin& begin : sectors) {
        const auto sector = static_cast<std::size_t>(begin.sector);  // beyond, where it is negative
        if (sector >= kMostSectors) archive.refuse();
      }
    }
  }

 private:
  using SectorTimes = std::vector<std::optional<double>>;

  std::optional<double> lap_time_s() const;
  std::optional<bool> is_valid() const;
  SectorTimes sector_times_s() const;
  SectorTimes sector_times_so_far_s() const;
  SectorTimes official_sectors_s() const;
  SectorTimes crossed_sectors_s(bool is_timed) const;
  /// Nothing that is known by now speaks against timing it by its crossings.
  bool may_be_timed() const { return begun_here && !is_cut && !is_rewound && began; }
};

}  // namespace slipstream
