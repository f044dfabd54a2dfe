#pragma once
#include <cstdint>
#include <deque>
#include <optional>

#include "base/clock.h"
#include "racing/progress_sample.h"
#include "racing/track_length.h"

namespace slipstream {

/// A place on a car's way: how many times it has crossed the line, and how far behind it it is.
struct Place {
  std::int32_t turn = 0;
  double lapdist_m = 0;

  friend auto operator<=>(const Place&, const Place&) = default;
};

/// One car's way around a track, from its samples: its place, and when it was where.
///
/// The turn is the lap that the source tells, but for where the two disagree at the line: a lap
/// that flips before the distance begins anew, or after, changes no order. A place that is gone
/// back to (a flashback) takes all that was behind it out of the way. Memory: kMostPassages x 24
/// bytes. Threads: one.
class CarProgress {
 public:
  static constexpr std::size_t kMostPassages = 1'536;
  /// An event time this far behind the newest is a clock that was set back, or another run.
  static constexpr std::int64_t kClockSetBackNs = 60 * kNsPerSecond;

  /// `track`: what is known of the length; it learns from the sample.
  void observe(const ProgressSample& sample, TrackLength& track);

  bool is_known() const { return newest_.has_value(); }
  const ProgressSample& newest() const { return *newest_; }
  const Place& place() const { return place_; }
  /// Where it is at `when`, if it goes on as fast as now; no further than a second from the newest
  /// sample.
  Place place_at(EventTime when, double track_m) const;
  /// When it passed there; nothing: not on the way that is remembered.
  std::optional<EventTime> passed(const Place& place, double track_m) const;

 private:
  struct Passage {
    Place place;
    EventTime when;
  };

  void begin_anew();
  std::int32_t turn_of(const ProgressSample& sample, const TrackLength& track) const;
  void go_back_to(const Place& place);
  void cross_line(const ProgressSample& sample, TrackLength& track) const;
  void keep_passage(const Passage& passage, double track_m);

  std::optional<ProgressSample> newest_;
  Place place_;
  std::deque<Passage> way_;  ///< by place, and by time
};

}  // namespace slipstream
