#include "racing/standings.h"

#include <algorithm>
#include <cmath>
#include <set>

namespace slipstream {
namespace {

constexpr std::int64_t kShareMs = 30'000;
/// Clocks that are less apart are taken for one.
constexpr std::int64_t kOneClockNs = kNsPerSecond;
/// For so long readers are told of a silence that goes on.
constexpr std::int64_t kToldSilenceNs = 15 * kNsPerSecond;
constexpr double kSilentS = 5;
/// Cars this near are compared by their distance, where one has not passed the other's place yet.
constexpr double kNearM = 50;

}  // namespace

/// A car at the instant for which the order holds.
struct Standings::Runner {
  const std::string* chassis = nullptr;
  const Car* car = nullptr;
  Place place;
  EventTime now;  ///< the instant, on the car's own clock
};

Standings::Standings(StandingsOptions options, std::function<void()> has_some)
    : options_(options), has_some_(std::move(has_some)) {}

void Standings::accept(PartitionId /*partition*/, std::vector<CarSamples> cars) {
  bool was_empty = false;
  {
    const std::lock_guard lock(mutex_);
    was_empty = waiting_.empty();
    for (auto& car : cars) {
      if (samples_waiting_ + car.samples.size() > options_.max_waiting) {
        dropped_.add(car.samples.size());
        continue;
      }
      samples_waiting_ += car.samples.size();
      waiting_.push_back(std::move(car));
    }
    was_empty = was_empty && !waiting_.empty();
  }
  if (was_empty && has_some_) has_some_();
}

std::vector<std::string> Standings::update(ArrivalTime now) {
  std::vector<CarSamples> taken;
  {
    const std::lock_guard lock(mutex_);
    taken.swap(waiting_);
    samples_waiting_ = 0;
  }
  std::set<std::string> moved;
  for (auto& told : taken) {
    take(told);
    moved.insert(told.track);
  }
  forget_silent(now);
  for (const auto& [name, track] : tracks_) {
    if (now.ns - track.heard.ns < kToldSilenceNs) moved.insert(name);
  }
  std::erase_if(moved, [&](const std::string& name) { return !tracks_.contains(name); });
  return {moved.begin(), moved.end()};
}

void Standings::take(CarSamples& told) {
  if (told.samples.empty()) return;
  Track& track = tracks_[told.track];
  auto found = track.cars.find(told.chassis);
  if (found == track.cars.end()) {
    if (cars_ >= options_.max_cars) {
      dropped_.add(told.samples.size());
      if (track.cars.empty()) tracks_.erase(told.track);
      return;
    }
    found = track.cars.try_emplace(told.chassis).first;
    ++cars_;
  }
  Car& car = found->second;
  if (told.session && *told.session != car.session) car.session = *told.session;
  if (told.compound) car.compound = *told.compound;
  car.counts_points = told.counts_points;
  if (told.timed) car.times.take(*std::move(told.timed));
  for (const auto& sample : told.samples) {
    car.progress.observe(sample, track.length);
    const std::int64_t ms = milliseconds_of(sample.arrival);
    if (ms - car.share_since_ms >= kShareMs || ms < car.share_since_ms) {
      car.share_before = ms - car.share_since_ms < 2 * kShareMs ? car.share : Share{};
      car.share = {};
      car.share_since_ms = ms;
    }
    car.share.received += sample.received;
    car.share.missing += sample.missing;
    car.heard = sample.arrival;
  }
  // In order of arrival but for a clock that was set back, whose time is the one that goes on.
  track.heard = car.heard;
  if (!car.session.empty()) track.session = car.session;
}

void Standings::forget_silent(ArrivalTime now) {
  const std::int64_t now_ms = milliseconds_of(now);
  if (now_ms - swept_ms_ < options_.forget_ms / 10 && now_ms >= swept_ms_) return;
  swept_ms_ = now_ms;
  for (auto track = tracks_.begin(); track != tracks_.end();) {
    cars_ -= std::erase_if(track->second.cars, [&](const auto& entry) {
      return now_ms - milliseconds_of(entry.second.heard) >= options_.forget_ms;
    });
    track = track->second.cars.empty() ? tracks_.erase(track) : std::next(track);
  }
}

bool Standings::is_falling_silent(ArrivalTime now) const {
  return std::ranges::any_of(
      tracks_, [&](const auto& entry) { return now.ns - entry.second.heard.ns < kToldSilenceNs; });
}

std::vector<std::string> Standings::tracks() const {
  std::vector<std::string> names;
  for (const auto& [name, track] : tracks_) names.push_back(name);
  return names;
}

std::vector<Interval> Standings::intervals(ArrivalTime now) const {
  std::vector<Interval> intervals;
  const auto is_racing = [](const Standing& car) {
    return car.silent_s < kSilentS && car.pit.value_or(0) == 0;
  };
  for (const auto& [name, track] : tracks_) {
    if (now.ns - track.heard.ns > kToldSilenceNs) continue;
    const auto standings = of(name, now);
    if (!standings) continue;
    const auto& cars = standings->cars;
    for (std::size_t i = 0; i < cars.size(); ++i) {
      if (!is_racing(cars[i])) continue;
      Interval& interval = intervals.emplace_back(
          Interval{.track = name, .chassis = cars[i].chassis, .ahead_s = {}, .behind_s = {}});
      if (i > 0 && is_racing(cars[i - 1])) interval.ahead_s = cars[i].gap_ahead_s;
      if (i + 1 < cars.size() && is_racing(cars[i + 1])) {
        interval.behind_s = cars[i + 1].gap_ahead_s;
      }
    }
  }
  return intervals;
}

std::string Standings::source_session(const std::string& track) const {
  const auto known = tracks_.find(track);
  return known == tracks_.end() ? std::string() : known->second.session;
}

std::optional<TrackStandings> Standings::of(const std::string& name, ArrivalTime now) const {
  const auto found = tracks_.find(name);
  if (found == tracks_.end()) return std::nullopt;
  const Track& track = found->second;
  const double track_m = track.length.metres();

  std::vector<Runner> runners;
  const Car* newest = nullptr;
  for (const auto& [chassis, car] : track.cars) {
    const bool is_of_another = !car.session.empty() && car.session != track.session;
    if (is_of_another || !car.progress.is_known()) continue;
    runners.push_back({.chassis = &chassis, .car = &car, .place = {}, .now = {}});
    if (newest == nullptr || car.progress.newest().arrival > newest->progress.newest().arrival) {
      newest = &car;
    }
  }
  if (newest == nullptr) return std::nullopt;
  const ProgressSample& reference = newest->progress.newest();
  EventTime instant = reference.when;
  const auto offset_of = [&](const Car& car) {
    const ProgressSample& sample = car.progress.newest();
    const std::int64_t offset =
        (sample.when.ns - sample.arrival.ns) - (reference.when.ns - reference.arrival.ns);
    return std::abs(offset) < kOneClockNs ? std::int64_t{0} : offset;
  };
  for (const auto& runner : runners) {
    if (offset_of(*runner.car) == 0) {
      instant = std::max(instant, runner.car->progress.newest().when);
    }
  }
  for (auto& runner : runners) {
    runner.now = {instant.ns + offset_of(*runner.car)};
    runner.place = runner.car->progress.place_at(runner.now, track_m);
  }
  std::ranges::sort(runners, [](const Runner& a, const Runner& b) {
    if (a.place != b.place) return a.place > b.place;
    return *a.chassis < *b.chassis;
  });

  TrackStandings standings{.track = name,
                           .session = track.session,
                           .time = instant,
                           .heard = track.heard,
                           .track_m = track_m,
                           .best_sectors_s = {},
                           .cars = {}};
  const Place leader = runners.front().place;
  for (std::size_t i = 0; i < runners.size(); ++i) {
    const Runner& runner = runners[i];
    Standing standing = standing_of(*runner.chassis, *runner.car, now);
    standing.position = i + 1;
    if (i > 0) {
      standing.gap_ahead_s = gap(runner, runners[i - 1], track_m);
      standing.gap_leader_s = i == 1 ? standing.gap_ahead_s : gap(runner, runners[0], track_m);
    } else {
      standing.gap_leader_s = 0;
    }
    const std::int32_t turns = leader.turn - runner.place.turn;
    standing.laps_behind =
        std::max(0, runner.place.lapdist_m > leader.lapdist_m ? turns - 1 : turns);
    for (const auto& [sector, seconds] : standing.best_sectors_s) {
      keep_best(standings.best_sectors_s, sector, seconds);
    }
    standings.cars.push_back(std::move(standing));
  }
  return standings;
}

Standing Standings::standing_of(const std::string& chassis, const Car& car, ArrivalTime now) {
  const ProgressSample& sample = car.progress.newest();
  Standing standing{.chassis = chassis,
                    .lap = sample.lap,
                    .lapdist_m = sample.lapdist_m,
                    .gap_leader_s = {},
                    .gap_ahead_s = {},
                    .last_lap_s = car.times.last_lap_s(),
                    .best_lap_s = car.times.best_lap_s(),
                    .sector = {},
                    .sectors_s = car.times.sector_times_s(),
                    .best_sectors_s = car.times.best_sectors_s(),
                    .compound = car.compound,
                    .tyre_age_laps = {},
                    .pit = {},
                    .silent_s = std::max(0.0, static_cast<double>(now.ns - car.heard.ns) / 1e9),
                    .loss = {}};
  if (sample.sector >= 0) standing.sector = sample.sector;
  if (std::isfinite(sample.pit_status)) {
    standing.pit = static_cast<std::int32_t>(std::clamp(sample.pit_status, 0.0, 99.0));
  }
  if (std::isfinite(sample.tyre_age_laps)) {
    standing.tyre_age_laps =
        static_cast<std::int32_t>(std::clamp(sample.tyre_age_laps, 0.0, 9'999.0));
  }
  const std::uint64_t received = car.share.received + car.share_before.received;
  const std::uint64_t missing = car.share.missing + car.share_before.missing;
  if (car.counts_points && received > 0) {
    standing.loss = static_cast<double>(missing) / static_cast<double>(missing + received);
  }
  return standing;
}

std::optional<double> Standings::gap(const Runner& car, const Runner& ahead, double track_m) {
  if (const auto passed = ahead.car->progress.passed(car.place, track_m)) {
    return static_cast<double>(ahead.now.ns - passed->ns) / 1e9;
  }
  const double apart =
      ahead.place.lapdist_m - car.place.lapdist_m + (ahead.place.turn - car.place.turn) * track_m;
  const double speed = car.car->progress.newest().speed_kmh / 3.6;
  if (apart < kNearM && speed > 1) return std::max(0.0, apart / speed);
  return std::nullopt;
}

}  // namespace slipstream
