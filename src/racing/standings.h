#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/counters.h"
#include "racing/car_progress.h"
#include "racing/car_times.h"
#include "racing/progress_sample.h"

namespace slipstream {

/// One car's place in the order of its track. What is not known is absent, and no guess.
struct Standing {
  std::size_t position = 1;
  std::string chassis;
  std::int32_t lap = 0;
  double lapdist_m = 0;
  std::optional<double> gap_leader_s;  ///< by when the leader passed this place
  std::optional<double> gap_ahead_s;   ///< likewise, of the car ahead; none for the first
  std::int32_t laps_behind = 0;        ///< whole ones, behind the leader
  std::optional<double> last_lap_s;
  std::optional<double> best_lap_s;
  std::optional<std::int32_t> sector;
  PerSector sectors_s;  ///< the newest time of each
  PerSector best_sectors_s;
  std::string compound;  ///< of its tyres; empty: not known
  std::optional<std::int32_t> tyre_age_laps;
  std::optional<std::int32_t> pit;  ///< as the source tells: 0 none, 1 pitting, 2 in the pit area
  double silent_s = 0;              ///< since its newest point came
  std::optional<double> loss;       ///< share of its points that did not come, in the last minute
};

/// The cars of one track, the first one first.
struct TrackStandings {
  std::string track;
  std::string session;       ///< what the source calls it; empty: it calls it nothing
  EventTime time;            ///< the instant for which it holds, on the clock of the newest car
  ArrivalTime heard;         ///< when the newest point of any of them came
  double track_m = 0;        ///< a lap's length, as its distance tells it; 0: not known
  PerSector best_sectors_s;  ///< of all of them
  std::vector<Standing> cars;
};

struct StandingsOptions {
  std::size_t max_cars = 1'024;
  std::size_t max_waiting = 65'536;  ///< samples; more are dropped and counted
  std::int64_t forget_ms = 600'000;  ///< a car silent for so long is in no order
};

/// The order of the cars on each track: by laps driven and by place on the lap, each brought to the
/// same instant by its speed. Gaps are times: how long ago the other car was where this one is now.
/// Cars of another session of the same track than the newest are not among them; those whose source
/// tells of none always are.
///
/// Cars whose clocks differ by more than a second are compared by when their points came.
/// Times of laps and sectors are those that the laps are told with (LapTimes).
/// Memory: max_cars ways and times (CarProgress, CarTimes), max_waiting samples.
/// Threads: accept() from any; all else on one.
class Standings final : public ProgressSink {
 public:
  /// `has_some`: called, from any thread, when samples come where none waited. Must not block.
  explicit Standings(StandingsOptions options = {}, std::function<void()> has_some = {});

  void accept(PartitionId partition, std::vector<CarSamples> cars) override;

  /// Takes in what waits. The tracks with cars that moved, or stopped to be heard of, since.
  std::vector<std::string> update(ArrivalTime now);
  /// Nothing: no car of it is known.
  std::optional<TrackStandings> of(const std::string& track, ArrivalTime now) const;
  std::vector<std::string> tracks() const;
  /// What the source calls the track's newest session; empty: it calls it nothing.
  std::string source_session(const std::string& track) const;
  /// Between all cars that are heard of and not in the pits.
  std::vector<Interval> intervals(ArrivalTime now) const;
  /// Whether a car fell silent of which the tracks' readers were not told for its whole silence.
  bool is_falling_silent(ArrivalTime now) const;

  /// Samples that found no room, and those of cars beyond max_cars.
  std::uint64_t dropped() const { return dropped_.value(); }

 private:
  struct Share {
    std::uint64_t received = 0;
    std::uint64_t missing = 0;
  };
  struct Car {
    CarProgress progress;
    CarTimes times;
    std::string session;
    std::string compound;
    bool counts_points = false;
    Share share;         ///< of the half minute at hand
    Share share_before;  ///< of that before
    std::int64_t share_since_ms = 0;
    ArrivalTime heard;
  };
  struct Track {
    TrackLength length;
    std::map<std::string, Car> cars;  ///< by chassis
    std::string session;              ///< of the newest sample
    ArrivalTime heard;
  };
  struct Runner;

  void take(CarSamples& told);
  void forget_silent(ArrivalTime now);
  static Standing standing_of(const std::string& chassis, const Car& car, ArrivalTime now);
  static std::optional<double> gap(const Runner& car, const Runner& ahead, double track_m);

  const StandingsOptions options_;
  const std::function<void()> has_some_;
  std::mutex mutex_;  // guards waiting_ and samples_waiting_
  std::vector<CarSamples> waiting_;
  std::size_t samples_waiting_ = 0;
  std::map<std::string, Track> tracks_;
  std::size_t cars_ = 0;
  std::int64_t swept_ms_ = 0;
  Counter dropped_;
};

}  // namespace slipstream
