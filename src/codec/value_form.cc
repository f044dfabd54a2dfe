#include "codec/value_form.h"

#include <algorithm>

namespace slipstream::value_form {
namespace {

/// Values checked at once, without a branch, so that the compiler can use vector instructions.
constexpr std::size_t kChunk = 128;

template <bool is_product>
bool fits(double value, unsigned exponent) {
  const double scaled = value * kPowers[exponent];
  const double whole = (scaled + kRounder) - kRounder;
  const double again = is_product ? whole * kInverses[exponent] : whole / kPowers[exponent];
  return std::abs(scaled) < kLimit &&
         std::bit_cast<std::uint64_t>(again) == std::bit_cast<std::uint64_t>(value);
}

template <bool is_product>
bool all_fit(std::span<const double> values, unsigned exponent) {
  const double power = kPowers[exponent];
  const double inverse = kInverses[exponent];
  std::uint64_t misfit = 0;
  for (const double value : values) {
    const double scaled = value * power;
    const double whole = (scaled + kRounder) - kRounder;
    const double again = is_product ? whole * inverse : whole / power;
    misfit |= std::bit_cast<std::uint64_t>(again) ^ std::bit_cast<std::uint64_t>(value);
    misfit |= std::abs(scaled) < kLimit ? std::uint64_t{0} : ~std::uint64_t{0};
  }
  return misfit == 0;
}

struct Fit {
  unsigned exponent = 0;
  std::size_t exceptions = 0;
};

/// Gives up, with more exceptions than the limit, where they are many.
template <bool is_product>
Fit find_exponent(std::span<const double> values, std::size_t limit) {
  Fit fit;
  for (std::size_t begin = 0; begin < values.size();) {
    const auto chunk = values.subspan(begin, std::min(kChunk, values.size() - begin));
    if (all_fit<is_product>(chunk, fit.exponent)) {
      begin += chunk.size();
      continue;
    }
    unsigned higher = fit.exponent;
    for (const double value : chunk) {
      if (fits<is_product>(value, fit.exponent)) continue;
      higher = fit.exponent + 1;
      while (higher < kExponents && !fits<is_product>(value, higher)) ++higher;
      if (higher < kExponents) break;
      if (++fit.exceptions > limit) return fit;
    }
    if (higher > fit.exponent && higher < kExponents) {
      // What fitted before need not fit now.
      fit = {higher, 0};
      begin = 0;
    } else {
      begin += chunk.size();
    }
  }
  return fit;
}

}  // namespace

Choice choose(std::span<const double> values) {
  // Nearly all columns fit one form whole, and exceptions are slow to look for.
  Fit quotient = find_exponent<false>(values, 0);
  if (quotient.exceptions == 0) return {quotient.exponent, 0};
  Fit product = find_exponent<true>(values, 0);
  if (product.exceptions == 0) return {kProducts + product.exponent, 0};

  const std::size_t limit = values.size() / 8;
  quotient = find_exponent<false>(values, limit);
  product = find_exponent<true>(values, limit);
  if (product.exceptions < quotient.exceptions) {
    return {kProducts + product.exponent, product.exceptions};
  }
  if (quotient.exceptions <= limit) return {quotient.exponent, quotient.exceptions};
  return {kSteps, 0};
}

}  // namespace slipstream::value_form
