#pragma once
#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include "racing/circuit.h"
#include "racing/random.h"

/// Circuits for tests: rings of bends of which some are drawn in, with fingers that go out and come
/// back beside themselves, so that there are hairpins of down to 10 m, and corners of any radius.
namespace slipstream::random_circuit {

inline double turn_at(const Bend& before, const Bend& here, const Bend& behind) {
  const double in = std::atan2(here.north_m - before.north_m, here.east_m - before.east_m);
  const double out = std::atan2(behind.north_m - here.north_m, behind.east_m - here.east_m);
  return std::abs(std::remainder(out - in, 2 * std::numbers::pi));
}

inline double metres_between(const Bend& a, const Bend& b) {
  return std::hypot(b.east_m - a.east_m, b.north_m - a.north_m);
}

/// Four bends: out on one side of the way to `tip`, and back on the other.
inline void add_finger(std::vector<Bend>& bends, const Bend& tip, double half_width_m) {
  const double away = std::hypot(tip.east_m, tip.north_m);
  const double across_east = tip.north_m / away * half_width_m;
  const double across_north = -tip.east_m / away * half_width_m;
  const auto add = [&](double share, double side) {
    bends.push_back(
        {tip.east_m * share + across_east * side, tip.north_m * share + across_north * side, 0});
  };
  add(0.6, 1);
  add(1, 1);
  add(1, -1);
  add(0.6, -1);
}

inline Circuit random_circuit(std::uint64_t seed) {
  static constexpr double kHairpinRad = 1.9;
  Random random(seed);
  const int corners = 6 + static_cast<int>(random.uniform() * 7);
  const double size = 300 + 500 * random.uniform();
  std::vector<Bend> bends;
  for (int i = 0; i < corners; ++i) {
    const double angle = 2 * std::numbers::pi * (i + 0.5 * (random.uniform() - 0.5)) / corners;
    const bool is_drawn_in = random.uniform() < 0.4;
    const double away = size * (is_drawn_in ? 0.25 + 0.3 * random.uniform()  //
                                            : 0.8 + 0.4 * random.uniform());
    const Bend bend{away * std::cos(angle), away * std::sin(angle), 0};
    if (random.uniform() < 0.25) {
      add_finger(bends, bend, 12 + 10 * random.uniform());
    } else {
      bends.push_back(bend);
    }
  }
  double length = 0;
  for (std::size_t i = 0; i < bends.size(); ++i) {
    const Bend& before = bends[(i + bends.size() - 1) % bends.size()];
    const Bend& behind = bends[(i + 1) % bends.size()];
    Bend& here = bends[i];
    const double turn = turn_at(before, here, behind);
    const double edge = std::min(metres_between(before, here), metres_between(here, behind));
    const double fits = 0.48 * edge / std::tan(turn / 2 + 1e-3);
    const double wanted =
        turn > kHairpinRad ? 12 + 13 * random.uniform() : 20 + 130 * random.uniform();
    here.radius_m = std::min(fits, wanted);
    length += metres_between(here, behind);
  }
  return {{.bends = bends, .latitude = 47, .longitude = 8}, 0.93 * length};
}

}  // namespace slipstream::random_circuit
