#pragma once
#include <cstddef>
#include <vector>

namespace slipstream {

/// A function around a ring, known at even nodes and straight between them, that goes by weighted
/// readings and is else as smooth as can be: the least sum of weight x (value - reading)² and of
/// the squares of its third derivative less what is wanted of it, times the roughness. So neither a
/// straight nor a parabola is bent, and noise is evened out over the sixth root of roughness /
/// (weight a metre): further where readings are rare. One at least must be given. Threads: one.
class SmoothRing {
 public:
  SmoothRing(std::size_t nodes, double step_m);

  std::size_t size() const { return readings_.size(); }
  /// `place_m` is from 0 to the ring's length.
  void add(double place_m, double value, double weight);
  /// What the third derivative costs between node + 1 and node + 2, m⁵, and what it would best be.
  void set_roughness(std::size_t node, double roughness, double wanted = 0);

  std::vector<double> values() const;

 private:
  struct Sums {
    double own = 0;   ///< of the node's square
    double next = 0;  ///< of its product with the node behind it
    double value = 0;
  };
  struct Cost {
    double roughness = 1;
    double wanted = 0;
  };
  double step_m_;
  std::vector<Sums> readings_;
  std::vector<Cost> costs_;
};

}  // namespace slipstream
