#pragma once
#include <array>
#include <cstddef>
#include <utility>
#include <vector>

namespace slipstream {

/// Linear equations A x = right of a symmetric positive A, each of which has only unknowns that are
/// less than Band away. Threads: one.
template <std::size_t Band>
class BandedSystem {
 public:
  explicit BandedSystem(std::size_t size) : rows_(size), right_(size) {}

  std::size_t size() const { return rows_.size(); }
  /// A's value at (row, row + behind) and its mirror; `behind` < Band.
  double& at(std::size_t row, std::size_t behind) { return rows_[row][behind]; }
  double& right(std::size_t row) { return right_[row]; }

  /// Adds weight x (sum of factors x unknowns - value)² to what is to be least; unknown `first` + i
  /// has the factor i.
  template <std::size_t N>
  void add_square(std::size_t first, const std::array<double, N>& factors, double value,
                  double weight) {
    static_assert(N <= Band);
    for (std::size_t a = 0; a < N; ++a) {
      for (std::size_t b = a; b < N; ++b) {
        rows_[first + a][b - a] += weight * factors[a] * factors[b];
      }
      right_[first + a] += weight * factors[a] * value;
    }
  }

  std::vector<double> solve() && {
    // A = L D Lᵀ: row i keeps D and, beside it, the column of L below it.
    for (std::size_t i = 0; i < size(); ++i) {
      const auto& row = rows_[i];
      for (std::size_t k = 1; k < Band && i + k < size(); ++k) {
        const double factor = row[k] / row[0];
        for (std::size_t j = k; j < Band && i + j < size(); ++j) {
          rows_[i + k][j - k] -= factor * row[j];
        }
        right_[i + k] -= factor * right_[i];
      }
    }
    for (std::size_t i = size(); i-- > 0;) {
      for (std::size_t k = 1; k < Band && i + k < size(); ++k) {
        right_[i] -= rows_[i][k] * right_[i + k];
      }
      right_[i] /= rows_[i][0];
    }
    return std::move(right_);
  }

 private:
  std::vector<std::array<double, Band>> rows_;  ///< from the diagonal on
  std::vector<double> right_;
};

}  // namespace slipstream
