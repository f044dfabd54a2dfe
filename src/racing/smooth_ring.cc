#include "racing/smooth_ring.h"

#include <array>
#include <cmath>
#include <utility>

#include "racing/banded_system.h"

namespace slipstream {
namespace {

/// The ring is solved as a line that begins so far before the first node and ends so far behind the
/// last: what is that far away does not matter.
constexpr double kOverlapM = 400;

}  // namespace

SmoothRing::SmoothRing(std::size_t nodes, double step_m)
    : step_m_(step_m), readings_(nodes), costs_(nodes) {}

void SmoothRing::add(double place_m, double value, double weight) {
  const double place = place_m / step_m_;
  const double node = std::floor(place);
  const double share = place - node;
  Sums& before = readings_[static_cast<std::size_t>(node) % size()];
  Sums& behind = readings_[(static_cast<std::size_t>(node) + 1) % size()];
  before.own += weight * (1 - share) * (1 - share);
  before.next += weight * (1 - share) * share;
  before.value += weight * (1 - share) * value;
  behind.own += weight * share * share;
  behind.value += weight * share * value;
}

void SmoothRing::set_roughness(std::size_t node, double roughness, double wanted) {
  costs_[node] = {roughness, wanted};
}

std::vector<double> SmoothRing::values() const {
  static constexpr std::array<double, 4> kThirdDifference = {-1, 3, -3, 1};
  const std::size_t n = size();
  const auto overlap = static_cast<std::size_t>(std::ceil(kOverlapM / step_m_));
  const std::size_t first = (n - overlap % n) % n;  // that the line begins with
  BandedSystem<4> system(n + 2 * overlap);
  const double cube = step_m_ * step_m_ * step_m_;
  for (std::size_t i = 0; i < system.size(); ++i) {
    const Sums& sums = readings_[(first + i) % n];
    system.at(i, 0) += sums.own;
    system.at(i, 1) += sums.next;
    system.right(i) += sums.value;
    if (i + kThirdDifference.size() > system.size()) continue;
    const Cost& cost = costs_[(first + i) % n];
    system.add_square(i, kThirdDifference, cost.wanted * cube,
                      cost.roughness * step_m_ / (cube * cube));
  }
  const auto solved = std::move(system).solve();
  const auto from = solved.begin() + static_cast<std::ptrdiff_t>(overlap);
  return {from, from + static_cast<std::ptrdiff_t>(n)};
}

}  // namespace slipstream
