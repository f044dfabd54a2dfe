#include "racing/lap_comparison.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace slipstream {
namespace {

constexpr double kNowhere = std::numeric_limits<double>::quiet_NaN();

struct Passing {
  double position_m;
  double time_s;
  double gap_s = 0;  ///< the longest between two readings since the passing before
};

}  // namespace

std::vector<double> comparison_grid(double length_m, double step_m) {
  std::vector<double> grid;
  for (std::size_t k = 0;; ++k) {
    const double place = static_cast<double>(k) * step_m;
    // A last piece of next to nothing is none.
    if (place >= length_m - step_m * 1e-6) break;
    grid.push_back(place);
  }
  grid.push_back(length_m);
  return grid;
}

std::vector<double> times_at(const LapPath& lap, std::span<const double> positions,
                             std::span<const double> grid, double max_gap_s) {
  std::vector<Passing> passings = {{0, 0}};
  const double length = grid.back();
  double last_s = 0;
  double gap_s = 0;
  for (std::size_t i = 0; i < positions.size(); ++i) {
    if (std::isnan(positions[i]) || lap.time_s[i] < last_s) continue;
    gap_s = std::max(gap_s, lap.time_s[i] - std::exchange(last_s, lap.time_s[i]));
    const bool is_inside = positions[i] > passings.back().position_m && positions[i] < length &&
                           lap.time_s[i] > passings.back().time_s && lap.time_s[i] < lap.lap_time_s;
    if (is_inside) passings.push_back({positions[i], lap.time_s[i], std::exchange(gap_s, 0)});
  }
  passings.push_back({length, lap.lap_time_s, std::max(gap_s, lap.lap_time_s - last_s)});
  std::vector<double> times;
  std::size_t at = 0;
  for (const double place : grid) {
    while (at + 2 < passings.size() && passings[at + 1].position_m <= place) ++at;
    const Passing& a = passings[at];
    const Passing& b = passings[at + 1];
    if (place >= length) {
      times.push_back(lap.lap_time_s);
    } else if (place > a.position_m && b.gap_s > max_gap_s) {
      times.push_back(kNowhere);
    } else {
      const double share = (place - a.position_m) / (b.position_m - a.position_m);
      times.push_back(a.time_s + (b.time_s - a.time_s) * share);
    }
  }
  return times;
}

std::vector<double> values_at(std::span<const double> times, std::span<const double> values,
                              std::span<const double> at, double max_gap_s) {
  std::vector<double> known_times;
  std::vector<double> known;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (std::isnan(values[i])) continue;
    known_times.push_back(times[i]);
    known.push_back(values[i]);
  }
  std::vector<double> found;
  for (const double time : at) {
    const auto behind = std::ranges::lower_bound(known_times, time);
    const auto next = static_cast<std::size_t>(behind - known_times.begin());
    if (std::isnan(time) || behind == known_times.end()) {
      found.push_back(kNowhere);
    } else if (*behind == time) {
      found.push_back(known[next]);
    } else if (next == 0 || *behind - known_times[next - 1] > max_gap_s) {
      found.push_back(kNowhere);
    } else {
      const double width = *behind - known_times[next - 1];
      const double share = (time - known_times[next - 1]) / width;
      found.push_back(known[next - 1] + (known[next] - known[next - 1]) * share);
    }
  }
  return found;
}

}  // namespace slipstream
