#pragma once
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "history/history_fixture.h"
#include "model/stored_laps.h"
#include "racing/race_field.h"

namespace slipstream::history_testing {

/// A simulated race in a log, and its complete laps as a LapBook would tell them.
struct RecordedRace {
  struct Options {
    std::size_t cars = 2;
    double seconds = 330;
    bool with_positions = true;
    bool with_lost_fixes = false;  ///< a second at (0, 0), and one far off, every 40 s
    double east_deg = 0;           ///< all of it is so much further east
    std::uint64_t seed = 1;
  };

  explicit RecordedRace(HistoryLog& log, Options options)
      : field({.cars = options.cars, .seed = options.seed}) {
    std::vector<double> last(options.cars, -1);
    std::vector<std::vector<double>> crossings(options.cars);
    times.resize(options.cars);
    std::vector<TestPoint> block;
    for (double time = 0; time < options.seconds; time = field.time_s()) {
      for (std::size_t car = 0; car < options.cars; ++car) {
        const auto r = field.reading(car);
        TestPoint p{.chassis = std::string(field.chassis(car)),
                    .time_s = time,
                    .values = {{"lapdist_m", r.lapdist_m}, {"speed_kmh", r.speed_kmh}},
                    .sequence = r.sequence,
                    .lap = static_cast<std::int16_t>(r.lap)};
        if (options.with_positions) {
          const double second = std::fmod(time, 40);
          const bool is_lost = options.with_lost_fixes && second < 1;
          const bool is_far = options.with_lost_fixes && second > 20 && second < 21;
          const double longitude = std::remainder(r.longitude + options.east_deg, 360);
          p.values.emplace_back("VBOX_Lat_Min", is_lost ? 0 : r.latitude + (is_far ? 3 : 0));
          p.values.emplace_back("VBOX_Long_Minutes", is_lost ? 0 : longitude);
        }
        if (r.lapdist_m < last[car]) {
          const double total = field.circuit().total_m();
          const double behind = r.lapdist_m / (total - last[car] + r.lapdist_m) * 0.04;
          crossings[car].push_back(time - behind);
        }
        last[car] = r.lapdist_m;
        times[car].push_back(at(time));
        block.push_back(std::move(p));
      }
      field.step();
      if (block.size() >= 200) {
        log.add(block);
        block.clear();
      }
    }
    if (!block.empty()) log.add(block);
    for (std::size_t car = 0; car < options.cars; ++car) {
      for (std::size_t i = 1; i < crossings[car].size(); ++i) {
        laps.push_back(lap_of(car, static_cast<std::int32_t>(i + 1), crossings[car][i - 1],
                              crossings[car][i]));
      }
    }
  }

  StoredLap lap_of(std::size_t car, std::int32_t number, double from_s, double to_s) {
    auto lap = std::make_shared<Lap>();
    lap->activity = {.track = "barber", .chassis = std::string(field.chassis(car))};
    lap->lap = number;
    lap->revision = 1;
    lap->began = at(from_s);
    lap->ended = at(to_s);
    lap->points = static_cast<std::uint64_t>(std::ranges::count_if(
        times[car], [&](EventTime time) { return time >= lap->began && time < lap->ended; }));
    lap->begun_here = lap->is_complete = true;
    lap->lap_time_s = to_s - from_s;
    lap->is_valid = true;
    const auto row = static_cast<LapRow>(laps.size() + 1);
    return {.row = row,
            .id = "s1-" + std::to_string(car) + "-" + std::to_string(number),
            .session = "s1",
            .lap = lap};
  }

  RaceField field;
  std::vector<StoredLap> laps;
  std::vector<std::vector<EventTime>> times;  ///< of each car's points
};

}  // namespace slipstream::history_testing
