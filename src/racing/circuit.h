#pragma once
#include <cstdint>
#include <vector>

namespace slipstream {

/// Where two straights would meet, and the radius with which the road rounds that point.
struct Bend {
  double east_m;
  double north_m;
  double radius_m;
};

/// A straight (radius 0) or a corner of one radius.
struct RoadSection {
  double length_m = 0;
  double radius_m = 0;
  double turn_rad = 0;  ///< left is positive
};

/// A closed road: straights and corners through a ring of bends, scaled to a length, with the
/// curvature eased at the ends of corners as a driver's line does. The start line is on the
/// straight that leads to the first bend. Distances are metres from the line, in [0, total_m].
/// Immutable; threads: any.
class Circuit {
 public:
  struct Layout {
    std::vector<Bend> bends;
    double start_share = 0.5;  ///< of the first straight that lies before the line
    double latitude = 0;       ///< degrees, of the line
    double longitude = 0;
  };
  struct Position {
    double latitude;
    double longitude;
  };

  Circuit(const Layout& layout, double total_m);

  double total_m() const { return total_m_; }
  const std::vector<RoadSection>& sections() const { return sections_; }
  std::int32_t corners() const { return corners_; }

  /// The road is described at nodes() points, step_m() apart; node 0 is the line.
  std::size_t nodes() const { return curvature_.size(); }
  double step_m() const { return step_m_; }
  double curvature_at_node(std::size_t node) const { return curvature_[node]; }
  /// The corner that decides the speed at a node: the one it is in, or the next.
  std::int32_t corner_at_node(std::size_t node) const { return corner_[node]; }

  /// 1/m, left is positive.
  double curvature_at(double distance_m) const;
  Position position_at(double distance_m) const;

 private:
  void lay_sections(const Layout& layout);
  void lay_nodes(const Layout& layout);
  void lay_map(const Layout& layout);
  double between(const std::vector<double>& values, double distance_m) const;

  double total_m_;
  double step_m_ = 1;
  double first_heading_ = 0;
  std::int32_t corners_ = 0;
  std::vector<RoadSection> sections_;
  std::vector<double> curvature_;
  std::vector<std::int32_t> corner_;
  std::vector<double> latitude_;
  std::vector<double> longitude_;
};

/// A road course of fourteen corners in the hills of Alabama, run clockwise: made for the demo,
/// like Barber in place, length and pace, but not its layout.
Circuit demo_circuit(double total_m = 3'830);

}  // namespace slipstream
