#pragma once
#include <span>
#include <vector>

#include "racing/lap_path.h"

namespace slipstream {

/// The grid of a comparison: 0, step, ... and the length last.
std::vector<double> comparison_grid(double length_m, double step_m);

/// When a lap was at each place of the grid: 0 s at its first, the lap's time at its last. NaN
/// within a gap of more than `max_gap_s` between two readings whose places are known. `positions`
/// are as lap_positions() gives them.
std::vector<double> times_at(const LapPath& lap, std::span<const double> positions,
                             std::span<const double> grid, double max_gap_s);

/// A field's values at those times, straight between two readings that have it; NaN before the
/// first and behind the last, and within a gap of more than `max_gap_s`.
std::vector<double> values_at(std::span<const double> times, std::span<const double> values,
                              std::span<const double> at, double max_gap_s);

}  // namespace slipstream
