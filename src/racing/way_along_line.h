#pragma once
#include <cstddef>
#include <optional>
#include <vector>

#include "racing/lap_path.h"
#include "racing/track_line.h"

namespace slipstream {

/// A reading of a lap that has a position and a distance.
struct PlacedReading {
  double time_s;
  PlanePoint point;
  double around_m;  ///< the distance, scaled to the line's length
  double place_m;   ///< along the line, as it is thought to be
  double ahead_m;   ///< of there the position is, along the line
  double offset_m;  ///< beside the line it is, left is positive
  double weight = 1;
};

/// The way that a lap took along and beside the line: at even places of the line how far beside it
/// the lap was, and by how much its distance was ahead of the place. On the inside of a corner less
/// is driven than the line is long: distance' = scale x (1 - curvature x offset). Of all such ways
/// that which is nearest to the positions, and bends least. Its ends are the line's.
/// Threads: one. The line outlives it.
class WayAlongLine {
 public:
  explicit WayAlongLine(const TrackLine& line);

  /// `noise_m` is that of positions; `drift`, m² a metre, by how much the distance may go wrong by
  /// itself.
  void fit(const std::vector<PlacedReading>& readings, double noise_m, double drift);
  /// Puts the readings to where the way says, and tells how far their positions are from there.
  void place_again(double noise_m, std::vector<PlacedReading>& readings) const;
  /// The noise of the readings' positions, as they are beside the way.
  double noise_of(const std::vector<PlacedReading>& readings) const;

  /// Where on the line the lap was by its distance; distances grow from call to call.
  class Places {
   public:
    explicit Places(const WayAlongLine& way) : way_(way) {}
    double at(double around_m);

   private:
    const WayAlongLine& way_;
    std::size_t node_ = 0;
  };

 private:
  struct NodeAt {
    std::size_t node;
    double share;
  };
  NodeAt node_at(double place_m) const;
  double offset_at(double place_m) const;
  double stretch_at(double place_m) const;
  double scale_of_distance() const;
  double distance_at(std::size_t node) const;

  const TrackLine& line_;
  const std::size_t n_;
  const double step_;
  std::vector<double> curvature_;  ///< behind each node, 1/m
  std::vector<double> offset_;
  std::vector<double> ahead_;
};

/// The way of a lap: with as little drift as its positions do not contradict. `around` is its
/// distance, scaled to the line's length. Nothing: hardly any reading has a position.
std::optional<WayAlongLine> way_of_lap(const LapPath& lap, const TrackLine& line,
                                       const std::vector<double>& around);

}  // namespace slipstream
