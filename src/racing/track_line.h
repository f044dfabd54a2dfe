#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "racing/lap_path.h"

namespace slipstream {

struct PlanePoint {
  double x_m = 0;
  double y_m = 0;
};

/// A closed line around a track: nodes at even distances, the first at the start line, and behind
/// the last the first again. One without nodes is of a track of which nobody tells positions: it
/// has a length alone. Immutable; threads: any.
class TrackLine {
 public:
  TrackLine(std::vector<PlanePoint> nodes, double length_m);
  /// Of that length, flat.
  explicit TrackLine(double length_m) : length_m_(length_m) {}

  double length_m() const { return length_m_; }
  double step_m() const { return length_m_ / static_cast<double>(nodes_.size()); }
  const std::vector<PlanePoint>& nodes() const { return nodes_; }
  bool has_shape() const { return !nodes_.empty(); }
  /// Of any distance, around and around.
  PlanePoint at(double distance_m) const;
  /// Of length 1.
  PlanePoint direction_at(double distance_m) const;

  struct Place {
    double distance_m;  ///< along the line, near what was expected: may be below 0 or above it all
    double offset_m;    ///< from the line, left is positive
  };
  /// The nearest place of the line within `reach_m` along it, either way of `expected_m`: where the
  /// track comes close to itself the other part is no choice.
  Place project(PlanePoint point, double expected_m, double reach_m) const;

  static constexpr double kStepM = 2;

 private:
  std::vector<PlanePoint> nodes_;
  double length_m_;
};

inline constexpr std::size_t kMostLearnedLaps = 20;
inline constexpr std::size_t kMostLearnedReadings = 50'000;  ///< of all laps but the first
inline constexpr double kMostTrackM = 100'000;

struct LineOfLaps {
  TrackLine line;
  std::size_t laps = 0;  ///< that it was made of
};
/// The line that these laps tell, each of them complete: closed, of even steps, and as smooth as a
/// track is. It begins as that of the lap which is nearest to the middle of all, and is moved to
/// where most of the laps pass it, so that one lap on another line, or with wrong positions, does
/// not move it, whichever it is. Of laps that have positions; nothing: none has, all around and
/// without a gap of more than 100 m; or the line is not as long as what was driven (20 %), or
/// longer than kMostTrackM. Looks at the first kMostLearnedLaps, and at no more than have
/// kMostLearnedReadings together.
std::optional<LineOfLaps> learn_track_line(std::span<const LapPath> laps);

}  // namespace slipstream
