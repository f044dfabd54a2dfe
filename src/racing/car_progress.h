#pragma once
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "racing/insights.h"
#include "racing/progress_sample.h"
#include "racing/track_length.h"

namespace slipstream {

/// A place on a car's way: how many times it has crossed the line, and how far behind it it is.
struct Place {
  std::int32_t turn = 0;
  double lapdist_m = 0;

  friend auto operator<=>(const Place&, const Place&) = default;
};

/// Keeps of each sector the least time.
void keep_best(PerSector& best, std::int32_t sector, double seconds);

/// One car's way around a track, from its samples: its place, when it was where, and the times of
/// its laps and sectors.
///
/// The turn is the lap that the source tells, but for where the two disagree at the line: a lap
/// that flips before the distance begins anew, or after, changes no order. A place that is gone
/// back to (a flashback) takes all that was behind it out of the way.
///
/// Times that the source tells are taken as they are. Else crossings are interpolated between the
/// samples on both sides, by distance. A lap or sector is timed only when both of its crossings
/// were seen, with no more than kMostApartNs between the samples. Memory: kMostPassages x 24 bytes,
/// and the times of kMostLaps laps and their sectors. Threads: one.
class CarProgress {
 public:
  static constexpr std::size_t kMostPassages = 1'536;
  static constexpr std::size_t kMostLaps = 512;
  static constexpr std::size_t kMostSectorTimes = 2'048;
  static constexpr std::int32_t kMostSectors = 64;
  static constexpr std::int64_t kMostApartNs = kNsPerSecond;
  /// An event time this far behind the newest is a clock that was set back, or another run.
  static constexpr std::int64_t kClockSetBackNs = 60 * kNsPerSecond;

  /// `track`: what is known of the length, and of where sectors end; it learns from the sample.
  void observe(const ProgressSample& sample, TrackLength& track);

  bool is_known() const { return newest_.has_value(); }
  const ProgressSample& newest() const { return *newest_; }
  const Place& place() const { return place_; }
  /// Where it is at `when`, if it goes on as fast as now; no further than a second from the newest
  /// sample.
  Place place_at(EventTime when, double track_m) const;
  /// When it passed there; nothing: not on the way that is remembered.
  std::optional<EventTime> passed(const Place& place, double track_m) const;

  std::optional<double> last_lap_s() const;
  /// Of laps that count.
  std::optional<double> best_lap_s() const;
  /// The newest time of each sector.
  const PerSector& sector_times_s() const { return sector_times_s_; }
  /// The best time of each, of laps that count.
  PerSector best_sectors_s() const;

 private:
  struct Passage {
    Place place;
    EventTime when;
  };
  struct Crossing {
    std::int32_t number = 0;  ///< the turn, or the sector, that begins there
    std::int32_t turn = 0;
    EventTime when;
  };
  struct TimedLap {
    std::int32_t turn = 0;
    double seconds = 0;
    bool counts = true;
  };
  struct TimedSector {
    std::int32_t turn = 0;
    std::int32_t sector = 0;
    double seconds = 0;
  };

  void begin_anew();
  std::int32_t turn_of(const ProgressSample& sample, const TrackLength& track) const;
  void go_back_to(const Place& place);
  void cross_line(const ProgressSample& sample, std::int32_t turn, TrackLength& track);
  void cross_sector(const ProgressSample& sample, std::int32_t turn, TrackLength& track);
  void keep_passage(const Passage& passage, double track_m);
  void keep_lap(TimedLap lap);
  void keep_sector(const TimedSector& timed);
  void take_official(const ProgressSample& sample, std::int32_t turn);

  std::optional<ProgressSample> newest_;
  Place place_;
  std::deque<Passage> way_;  ///< by place, and by time
  std::optional<Crossing> line_;
  std::optional<Crossing> sector_;
  std::deque<TimedLap> laps_;
  std::optional<double> official_last_s_;
  std::optional<std::int32_t> invalid_turn_;  ///< the newest one
  PerSector sector_times_s_;
  std::deque<TimedSector> sectors_;
};

}  // namespace slipstream
