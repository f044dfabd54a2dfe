#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "model/observer.h"
#include "model/sinks.h"
#include "racing/car.h"
#include "racing/circuit.h"
#include "racing/lap_observer.h"
#include "racing/random.h"

namespace slipstream::lap_testing {

/// A point to be told: what is NaN is not in it.
struct Told {
  std::int64_t ns = 0;
  std::int16_t lap = 1;
  double lapdist_m = std::nan("");
  double speed_kmh = std::nan("");
  std::int32_t sector = -1;
  std::optional<std::uint64_t> sequence = {};
  std::string chassis = "car";
  std::string session = {};
  std::vector<std::pair<std::string, double>> more = {};  ///< further fields
  std::int64_t arrival_ns = -1;                           ///< negative: its event time
};

/// Gives points to an observer as a partition does.
inline PointBatch told_batch(FieldTable& fields, const std::vector<Told>& points) {
  PointBatch batch;
  const auto text = [&](std::string_view t) {
    const TextRef ref{static_cast<std::uint32_t>(batch.text.size()),
                      static_cast<std::uint32_t>(t.size())};
    batch.text += t;
    return ref;
  };
  for (const Told& told : points) {
    Point point{};
    point.event_time = {told.ns};
    point.arrival_time = {told.arrival_ns < 0 ? told.ns : told.arrival_ns};
    point.series_hash = series_hash("track", told.chassis);
    point.track = text("track");
    point.chassis = text(told.chassis);
    point.machine = static_cast<std::uint32_t>(std::hash<std::string>()(told.chassis) % 1'000);
    point.lap = told.lap;
    point.sector = std::max(told.sector, 0);
    point.sector_unknown = told.sector < 0;
    point.has_sequence = told.sequence.has_value();
    point.sequence = told.sequence.value_or(0);
    point.has_texts = !told.session.empty();
    if (point.has_texts) point.json = text("{\"session\":\"" + told.session + "\"}");
    point.first_value = static_cast<std::uint32_t>(batch.values.size());
    const auto add = [&](FieldId id, double value) {
      if (std::isnan(value)) return;
      batch.values.push_back({value, id});
      ++point.value_count;
    };
    add(field::kLapdistM, told.lapdist_m);
    add(field::kSpeedKmh, told.speed_kmh);
    for (const auto& [name, value] : told.more) add(*fields.intern(name), value);
    batch.points.push_back(point);
  }
  return batch;
}

using LapName = std::tuple<std::string, std::int64_t, std::int32_t, std::uint32_t>;

/// What a store keeps of what is told.
struct Kept {
  std::map<LapName, Lap> laps;  ///< by chassis, beginning of the activity, number, n-th
  std::map<ActivityKey, Activity> activities;

  void take(LapObserver& observer, bool is_checkpoint) {
    ToldLaps told;
    observer.take_told(told, is_checkpoint);
    for (const auto& lap : told.laps) {
      const LapName name{lap->activity.chassis, lap->activity.first.ns, lap->lap, lap->repeat};
      const auto at = laps.find(name);
      if (at == laps.end() || at->second.revision <= lap->revision) laps[name] = *lap;
    }
    for (const auto& activity : told.activities) activities[activity.key] = activity;
  }
  const Lap* lap(std::int32_t number, const std::string& chassis = "car") const {
    for (const auto& [name, lap] : laps) {
      if (std::get<0>(name) == chassis && std::get<2>(name) == number) return &lap;
    }
    return nullptr;
  }
};

/// All that a lap says, for comparison.
inline std::string text_of(const Lap& lap) {
  std::string text;
  const auto add = [&](auto value) { text += std::to_string(value) + ' '; };
  const auto maybe = [&](const auto& value) { value ? add(*value) : void(text += "- "); };
  add(lap.lap);
  add(lap.repeat);
  add(lap.revision);
  add(lap.began.ns);
  add(lap.ended.ns);
  for (const bool flag : {lap.begun_here, lap.is_complete, lap.is_official, lap.is_rewound}) {
    add(int{flag});
  }
  maybe(lap.lap_time_s);
  for (const auto& sector : lap.sector_times_s) maybe(sector);
  maybe(lap.is_valid);
  maybe(lap.pit_in);
  maybe(lap.pit_out);
  text += lap.compound + ' ';
  for (const auto n : {lap.points, lap.missing, lap.duplicates, lap.discarded}) add(n);
  add(lap.longest_gap_s);
  maybe(lap.max_speed_kmh);
  for (const auto& channel : lap.channels) text += channel + ' ';
  return text;
}

/// Three sectors of a track, which the map tells.
class Thirds final : public SectorMap {
 public:
  explicit Thirds(double total_m) : total_m_(total_m) {}
  std::int32_t sector_at(std::string_view, double lapdist_m) const override {
    return lapdist_m < total_m_ * 0.31 ? 0 : lapdist_m < total_m_ * 0.68 ? 1 : 2;
  }
  double begin_m(int sector) const { return total_m_ * (sector == 1 ? 0.31 : 0.68); }

 private:
  double total_m_;
};

/// A car on the demo's circuit, driven in steps of half a millisecond: when it was where.
class Drive {
 public:
  explicit Drive(std::uint64_t seed, double total_m = 3'830)
      : circuit_(demo_circuit(total_m)), thirds_(total_m), random_(seed) {
    begin_lap(true);
    distance_m_ = total_m * (0.5 + 0.4 * random_.uniform());
  }

  /// Goes on until `seconds`.
  void advance_to(double seconds) {
    while (time_s_ + kStepS <= seconds) step(kStepS);
    if (seconds > time_s_) step(seconds - time_s_);
  }
  std::int16_t lap() const { return lap_; }
  double lapdist_m() const { return distance_m_; }
  double speed_kmh() const { return profile_.speed_at(distance_m_) * 3.6; }
  Circuit::Position position() const { return circuit_.position_at(distance_m_); }
  std::int32_t sector() const { return thirds_.sector_at("", distance_m_); }
  const Thirds& thirds() const { return thirds_; }
  Random& random() { return random_; }
  /// When a lap's sectors began; that of sector 0 is the line.
  std::map<std::pair<int, int>, double> begins;

 private:
  static constexpr double kStepS = 0.0005;

  void begin_lap(bool is_flying) {
    std::vector<double> grip(static_cast<std::size_t>(circuit_.corners()));
    for (double& corner : grip) corner = 1 + 0.01 * random_.bell();
    const auto start = is_flying ? std::nullopt : std::optional(profile_.speed_mps.back());
    profile_ = drive_lap(circuit_, car_, grip, start);
  }
  void step(double seconds) {
    const double half = distance_m_ + profile_.speed_at(distance_m_) * seconds / 2;
    const double speed = profile_.speed_at(half);
    const double next = distance_m_ + speed * seconds;
    const auto passes = [&](double at_m) { return distance_m_ < at_m && next >= at_m; };
    for (const int sector : {1, 2}) {
      const double at_m = thirds_.begin_m(sector);
      if (passes(at_m)) begins[{lap_, sector}] = time_s_ + (at_m - distance_m_) / speed;
    }
    if (next >= circuit_.total_m()) {
      begins[{lap_ + 1, 0}] = time_s_ + (circuit_.total_m() - distance_m_) / speed;
      distance_m_ = next - circuit_.total_m();
      ++lap_;
      begin_lap(false);
    } else {
      distance_m_ = next;
    }
    time_s_ += seconds;
  }

  Circuit circuit_;
  Thirds thirds_;
  Random random_;
  CarModel car_;
  LapProfile profile_;
  double time_s_ = 0;
  double distance_m_ = 0;
  std::int16_t lap_ = 1;
};

}  // namespace slipstream::lap_testing
