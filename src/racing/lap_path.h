#pragma once
#include <cstddef>
#include <span>
#include <vector>

namespace slipstream {

/// One lap as it was driven: a reading each, in the order of time. NaN: the reading lacks it.
/// Seconds from the lap's beginning, metres.
struct LapPath {
  double lap_time_s = 0;
  std::vector<double> time_s = {};
  std::vector<double> distance_m = {};  ///< driven since the line; empty: nobody tells
  std::vector<double> speed_kmh = {};   ///< likewise
  std::vector<double> x_m = {};         ///< in the plane of the track line; likewise
  std::vector<double> y_m = {};

  std::size_t size() const { return time_s.size(); }
};

/// Values at each time from those that are known, straight between two that follow each other;
/// NaN before the first and behind the last, and where the two are more than `max_gap` apart.
/// `times` grow.
std::vector<double> filled_between(std::span<const double> times, std::span<const double> values,
                                   double max_gap);
/// The middle one of the steps between times of readings that have the value; 0: there are none.
double usual_step(std::span<const double> times, std::span<const double> values);

/// How far the machine has driven at each reading, growing: by its distance, else by its speed.
/// Between readings that have neither it is as between those around; NaN where nothing tells.
/// Empty: the lap has neither.
std::vector<double> driven_distance(const LapPath& lap);

/// A lap's distance, so that it is 0 at time 0 and `length_m` at the lap's time: the ends that no
/// reading is exactly at go by the speed that the readings beside them have. Empty where the lap
/// has no distance, or its readings do not come near its ends (within 3 s).
std::vector<double> scaled_distance(const LapPath& lap, double length_m);
/// The lap's driven length, by the same rule; 0: not known.
double driven_length(const LapPath& lap);

}  // namespace slipstream
