#pragma once
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "model/lap.h"
#include "model/point.h"
#include "model/schema.h"
#include "model/sinks.h"
#include "racing/built_lap.h"
#include "racing/crossing.h"
#include "racing/lap_point.h"
#include "racing/timed_lap.h"
#include "racing/track_length.h"

namespace slipstream {

/// What is known of a track beside a machine's points.
struct LapTrack {
  std::string_view name = {};
  const SectorMap* map = nullptr;  ///< null: there is none
  TrackLength* learned = nullptr;  ///< of sectors, from all machines
};

/// The laps of one activity of a machine, from its points in the order of the log.
///
/// A lap ends where the lap number rises and the distance begins anew. Where only one of the two is
/// so yet, the line is where the distance begins anew: a number that rises before is waited with,
/// one that rises behind makes no lap of its own. A machine without a distance goes by its numbers;
/// one whose number never rises, by its distance. Points without a distance of a machine that tells
/// one at other instants go to the lap that the crossing says.
///
/// A lap may change until it is let go: by points that come late (until `late_ns` behind its end),
/// and by a flashback. Bounded: kMostLaps laps, of which a flashback may take something back (of
/// kMostGone older ones it is told that they are incomplete then), kMostHeld points whose lap is
/// not told yet. One thread.
class LapBuilder {
 public:
  static constexpr std::size_t kMostLaps = 8;
  static constexpr std::size_t kMostGone = 32;
  static constexpr std::size_t kMostHeld = 64;
  static constexpr std::size_t kMostStarts = 16;
  static constexpr std::uint32_t kFewestZeros = 3;  ///< points that lap 0 is believed from on
  /// Numbers that jump by so much, or fall by so much on a clock that goes on, began anew.
  static constexpr std::uint64_t kMostMissing = 65'536;
  static constexpr std::uint64_t kFewestFallen = 64;
  /// A first number beyond begins there, so that none ever wraps around.
  static constexpr std::uint64_t kMostFirstId = std::uint64_t{1} << 62;
  /// A clock that was set back is known by so many points that are older than all laps, and by no
  /// newer one while so much time went by where they arrive: what was only held up comes at once.
  static constexpr std::uint32_t kMostOlder = 24;
  static constexpr std::int64_t kMostOlderMs = 10'000;

  enum class Taken : std::uint8_t {
    kCounted,
    kDuplicate,
    kLate,        ///< too late to change anything
    kBeginsAnew,  ///< not taken: it belongs to another activity
  };

  /// `fields`: that the point has. Its number may change: the source may have begun to count anew.
  Taken take(LapPoint& point, const FieldSet& fields, const LapTrack& track, std::int64_t late_ns);
  /// Frames `from` to `until` did not happen.
  void take_back(std::uint64_t from, std::uint64_t until);
  /// A flashback to that time of the session, of which it is not known what it takes back: laps
  /// that reach behind it are incomplete.
  void lose_track(double session_time_s);
  /// Nothing more comes.
  void end();

  /// As the newest points tell it.
  std::int32_t told_lap() const { return raw_lap_; }
  /// 0 is said where nothing was, but by a source whose laps begin there.
  bool tells_no_lap(const LapPoint& point) const {
    return point.lap == 0 && raw_lap_ > 0 && !counts_from_zero_;
  }
  /// Whether its lap is another one than those that may come next.
  bool doubts(const LapPoint& point) const { return point.lap != raw_lap_ && is_odd_lap(point); }

  /// Whether each lap began in the pit lane; of a save that goes on, what was so before.
  using Starts = std::vector<std::pair<std::int32_t, bool>>;
  const Starts& starts() const { return starts_; }
  void go_on_from(Starts starts);

  /// The lap that is being driven; nullptr: none is.
  BuiltLap* running();
  bool has_laps() const { return !laps_.empty(); }
  bool is_dirty() const { return is_dirty_; }
  /// What changed; `with_running`: also the lap that is being driven.
  void take_told(std::vector<LapPtr>& into, const ActivityKey& activity, const FieldTable& fields,
                 bool with_running);

  /// The times of its newest laps, at most so many.
  std::vector<TimedLap> timed_laps(std::size_t most) const;

  /// Adds those that its laps have.
  void see_channels(FieldSet& into) const;
  /// After a restart fields have other numbers: by the old one.
  void rename_fields(const std::vector<std::optional<FieldId>>& to);

  template <typename Archive>
  void keep(Archive& archive) {
    archive(laps_, vanished_, gone_, held_, starts_, starts_before_, at_, wrap_, flipped_at_, base_,
            newest_id_, newest_when_, has_newest_id_, has_newest_, is_driving_, raw_lap_,
            raw_before_, zeros_, counts_from_zero_, ahead_, older_in_row_, older_since_ms_,
            track_m_, furthest_m_, noise_m_, has_risen_, has_middle_);
    // What tells a lap to be driven needs one.
    if constexpr (Archive::kReads) {
      if (laps_.empty() && (is_driving_ || !held_.empty())) archive.refuse();
    }
  }

 private:
  struct Gone {
    std::int32_t lap = 0;
    std::uint32_t repeat = 0;
    std::uint32_t revision = 0;
    std::uint64_t last_id = 0;
    EventTime began = {};
    EventTime ended = {};
    bool is_dirty = false;
    template <typename Archive>
    void keep(Archive& archive) {
      archive(lap, repeat, revision, last_id, began, ended);
    }
  };
  struct Wrap {
    Fix before;
    Fix after;
    template <typename Archive>
    void keep(Archive& archive) {
      archive(before, after);
    }
  };
  enum class Line : std::uint8_t { kNone, kHere, kAtWrap, kUntimed };

  std::uint64_t base_of(const LapPoint& point) const;
  bool is_ahead(const LapPoint& point, std::uint64_t base) const;
  bool is_newest(LapPoint& point);
  void see_newest(const LapPoint& point);
  /// Nothing was odd before it, nor is it: only its place is to be looked at.
  bool goes_on(const LapPoint& point) const;
  /// The game stood still in the silence before it, as its own clock did.
  bool is_resumed(const LapPoint& point) const;
  Taken take_forward(const LapPoint& point, const FieldSet& fields, const LapTrack& track,
                     std::int64_t late_ns);
  void drive_on(BuiltLap& lap, const LapPoint& point, const FieldSet& fields,
                const LapTrack& track);
  bool is_odd_lap(const LapPoint& point) const;
  Taken take_late(const LapPoint& point, const FieldSet& fields, const LapTrack& track,
                  std::int64_t late_ns);
  void take_stopped(const LapPoint& point);
  void see_number(const LapPoint& point);
  /// Its points may not have told their lap, of which 0 is said then too.
  bool may_be_renamed() const {
    return is_driving_ && laps_.size() == 1 && raw_lap_ == 0 && zeros_ < kFewestZeros;
  }
  Line line_before(const LapPoint& point);
  bool is_over_line(const Fix& before, const Fix& after) const;
  void learn_length(const Fix& before, const Fix& after);
  void begin_lap(const LapPoint& point, std::int32_t lap);
  void cross(const LapPoint& point, Line line, const LapTrack& track);
  void release_held(const LapTrack& track);
  static LapQuality::Outcome add(BuiltLap& lap, const LapPoint& point, const LapTrack& track);
  Lap told_of(const BuiltLap& lap, const ActivityKey& activity, const FieldTable& fields) const;
  Taken held_late(const LapPoint& point);
  /// Works out anew what lies between this lap and its neighbours.
  void settle(std::size_t lap);
  void close(BuiltLap& lap, LapEnd end, std::uint64_t id);
  void reopen(BuiltLap& lap, std::uint64_t from);
  void vanish_last();
  static void pass_sector(BuiltLap& lap, const Fix& fix, std::uint64_t id, const LapTrack& track);
  void take_official(BuiltLap& ended, const LapPoint& point, bool is_end);
  static void time_line(BuiltLap& ended, BuiltLap* next);
  void settle_gap(BuiltLap& ended, BuiltLap* next) const;
  void settle_gap(BuiltLap& ended, BuiltLap* next, const LapPoint& behind) const;
  double seconds_to_line(const BuiltLap& ended, const LapPoint& behind, double apart_s) const;
  /// The length of the track as far as it is known.
  double length_m() const { return track_m_ > 0 ? track_m_ : furthest_m_; }
  bool is_back_over_line(const LapPoint& point) const;
  void look_at_way(BuiltLap& lap, const LapPoint& point);
  bool lasts_half_a_lap(const BuiltLap& lap, double seconds) const;
  void look_at_clock(const LapPoint& point);
  void see_place(const LapPoint& point);
  /// When the line was passed cannot be said.
  void cut_line();
  std::optional<std::size_t> lap_of_late(const LapPoint& point) const;
  void let_go(std::int64_t late_ns);
  void touch(BuiltLap& lap) {
    lap.changed();
    is_dirty_ = true;
  }

  std::deque<BuiltLap> laps_;      // in their order; the last one may be running
  std::deque<BuiltLap> vanished_;  // wholly taken back, and not driven again yet
  std::deque<BuiltLap> leaving_;   // let go, and yet to be told: none between calls
  std::deque<Gone> gone_;          // let go
  std::vector<LapPoint> held_;     // behind at_, whose lap the next distance tells
  Starts starts_;
  Starts starts_before_;
  std::optional<Fix> at_;                // the newest place
  std::optional<Wrap> wrap_;             // where the distance began anew, and no lap did
  std::optional<EventTime> flipped_at_;  // the number rose, and the distance did not begin anew
  std::uint64_t base_ = 0;               // added to numbers that began anew
  std::uint64_t newest_id_ = 0;
  EventTime newest_when_ = {};
  bool has_newest_id_ = false;
  bool has_newest_ = false;
  bool is_driving_ = false;
  std::int32_t raw_lap_ = 0;     // as the points tell
  std::int32_t raw_before_ = 0;  // where it has just risen
  std::uint32_t zeros_ = 0;      // points of lap 0, before any other
  bool counts_from_zero_ = false;
  std::int32_t ahead_ = 0;  // laps that the distance told and the number did not
  std::uint32_t older_in_row_ = 0;
  std::int64_t older_since_ms_ = 0;
  double track_m_ = 0;      // by the newest crossing; 0: none yet
  double furthest_m_ = 0;   // from the line
  double noise_m_ = 0;      // by which places differ from the way that the speeds tell, lately
  bool has_risen_ = false;  // the lap's number did, ever
  bool has_middle_ =
      true;  // the car was seen, or may have been, far from the line, since it passed
  bool is_dirty_ = false;
};

}  // namespace slipstream
