#include "racing/wild_fixes.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <optional>
#include <vector>

namespace slipstream {
namespace {

constexpr double kMostOfDriven = 1.5;  // a distance that is told may be this much too short
constexpr double kFixNoiseM = 30;
constexpr double kFastestMps = 130;
constexpr std::size_t kMostWalkedBack = 600;
constexpr std::size_t kMostFixRuns = 100;  // beyond it nothing is to be made of the positions

/// Readings that follow each other, each in reach of the one before.
struct Run {
  std::vector<std::size_t> readings;
  std::size_t chain = 0;                   ///< readings of the best chain that ends with it
  std::optional<std::size_t> before = {};  ///< in that chain, of which the first so many count:
  std::size_t of_before = 0;
};

class FixChains {
 public:
  explicit FixChains(const LapPath& lap) : lap_(lap), driven_(driven_distance(lap)) {}

  bool is_in_reach(std::size_t from, std::size_t to) const {
    const double away = std::hypot(lap_.x_m[to] - lap_.x_m[from], lap_.y_m[to] - lap_.y_m[from]);
    double driven =
        driven_.empty() ? std::numeric_limits<double>::quiet_NaN() : driven_[to] - driven_[from];
    if (std::isnan(driven)) driven = kFastestMps * (lap_.time_s[to] - lap_.time_s[from]);
    return away <= kMostOfDriven * std::max(0.0, driven) + kFixNoiseM;
  }
  /// How many of the last readings have to go for the next one to be in reach; all: it never is.
  std::size_t walk_back(const std::vector<std::size_t>& readings, std::size_t next) const {
    const std::size_t most = std::min(readings.size(), kMostWalkedBack);
    for (std::size_t dropped = 0; dropped < most; ++dropped) {
      if (is_in_reach(readings[readings.size() - 1 - dropped], next)) return dropped;
    }
    return readings.size();
  }

 private:
  const LapPath& lap_;
  const std::vector<double> driven_;
};

}  // namespace

void drop_wild_fixes(LapPath& lap) {
  if (lap.x_m.empty() || lap.y_m.empty()) return;
  const FixChains fixes(lap);
  const double kNoFix = std::numeric_limits<double>::quiet_NaN();
  std::vector<Run> runs;
  for (std::size_t i = 0; i < lap.size(); ++i) {
    if (!std::isfinite(lap.x_m[i]) || !std::isfinite(lap.y_m[i])) continue;
    if (!runs.empty() && fixes.is_in_reach(runs.back().readings.back(), i)) {
      runs.back().readings.push_back(i);
    } else if (runs.size() == kMostFixRuns) {
      runs.clear();
      break;
    } else {
      runs.push_back({.readings = {i}});
    }
  }
  std::optional<std::size_t> best;
  for (std::size_t r = 0; r < runs.size(); ++r) {
    Run& run = runs[r];
    std::size_t most = 0;
    for (std::size_t b = 0; b < r; ++b) {
      // A receiver that hung and catches up: what it told last was wrong, not what it tells now.
      const std::size_t dropped = fixes.walk_back(runs[b].readings, run.readings.front());
      if (dropped == runs[b].readings.size() || runs[b].chain - dropped <= most) continue;
      most = runs[b].chain - dropped;
      run.before = b;
      run.of_before = runs[b].readings.size() - dropped;
    }
    run.chain = run.readings.size() + most;
    if (!best || run.chain > runs[*best].chain) best = r;
  }
  std::vector<bool> is_kept(lap.size());
  std::size_t count = best ? runs[*best].readings.size() : 0;
  for (auto r = best; r; r = runs[*r].before) {
    for (std::size_t i = 0; i < count; ++i) is_kept[runs[*r].readings[i]] = true;
    count = runs[*r].of_before;
  }
  for (std::size_t i = 0; i < lap.size(); ++i) {
    if (is_kept[i]) continue;
    lap.x_m[i] = lap.y_m[i] = kNoFix;
  }
}

}  // namespace slipstream
