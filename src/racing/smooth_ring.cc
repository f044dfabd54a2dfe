#include "racing/smooth_ring.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace slipstream {
namespace {

/// The ring is solved as a line that begins so far before the first node and ends so far behind the
/// last: what is that far away does not matter.
constexpr double kOverlapM = 400;
constexpr std::size_t kBand = 4;  // nodes that a third difference is of

/// A symmetric system each of whose equations has the unknowns less than kBand away.
struct BandedSystem {
  explicit BandedSystem(std::size_t size) : rows(size), right(size) {}

  /// In the place of the right side: x of A x = right.
  void solve() {
    // A = L D Lᵀ: row i keeps D and the column of L below it.
    for (std::size_t i = 0; i < rows.size(); ++i) {
      auto& row = rows[i];
      for (std::size_t k = 1; k < kBand && i + k < rows.size(); ++k) {
        const double factor = row[k] / row[0];
        for (std::size_t j = k; j < kBand && i + j < rows.size(); ++j) {
          rows[i + k][j - k] -= factor * row[j];
        }
        right[i + k] -= factor * right[i];
      }
    }
    for (std::size_t i = rows.size(); i-- > 0;) {
      for (std::size_t k = 1; k < kBand && i + k < rows.size(); ++k) {
        right[i] -= rows[i][k] * right[i + k];
      }
      right[i] /= rows[i][0];
    }
  }

  std::vector<std::array<double, kBand>> rows;  ///< from the diagonal on
  std::vector<double> right;
};

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
  static constexpr std::array<double, kBand> kThirdDifference = {-1, 3, -3, 1};
  const std::size_t n = size();
  const auto overlap = static_cast<std::size_t>(std::ceil(kOverlapM / step_m_));
  const std::size_t first = (n - overlap % n) % n;  // that the line begins with
  BandedSystem system(n + 2 * overlap);
  const double cube = step_m_ * step_m_ * step_m_;
  for (std::size_t i = 0; i < system.rows.size(); ++i) {
    const Sums& sums = readings_[(first + i) % n];
    system.rows[i][0] += sums.own;
    system.rows[i][1] += sums.next;
    system.right[i] += sums.value;
    if (i + kBand > system.rows.size()) continue;
    const Cost& cost = costs_[(first + i) % n];
    const double weight = cost.roughness * step_m_ / (cube * cube);
    for (std::size_t a = 0; a < kBand; ++a) {
      for (std::size_t b = a; b < kBand; ++b) {
        system.rows[i + a][b - a] += weight * kThirdDifference[a] * kThirdDifference[b];
      }
      system.right[i + a] += weight * kThirdDifference[a] * cost.wanted * cube;
    }
  }
  system.solve();
  const auto from = system.right.begin() + static_cast<std::ptrdiff_t>(overlap);
  return {from, from + static_cast<std::ptrdiff_t>(n)};
}

}  // namespace slipstream
