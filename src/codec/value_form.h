#pragma once
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>

namespace slipstream {

/// How values of one field are whole numbers, bit for bit: i / 10^e, or i * 10^-e as rounded by
/// those who scale a whole number by a factor (346 * 0.001 is 0.34600000000000003). After A.
/// Afroozeh, L. Kuffo, P. Boncz, "ALP: Adaptive Lossless floating-Point Compression", SIGMOD 2023.
namespace value_form {

inline constexpr unsigned kExponents = 10;  ///< 0..9
/// A form is e where values are i / 10^e, kProducts + e where i * 10^-e.
inline constexpr unsigned kProducts = 16;
/// None of them: by bit patterns, of which a multiple of 2^kStepBits is one of a 32-bit float.
inline constexpr unsigned kSteps = 32;
// A float's mantissa has 23 bits, a double's 52.
inline constexpr unsigned kStepBits = 29;

inline constexpr double kPowers[kExponents] = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9};
inline constexpr double kInverses[kExponents] = {1,    1e-1, 1e-2, 1e-3, 1e-4,
                                                 1e-5, 1e-6, 1e-7, 1e-8, 1e-9};

// Added to and taken from a number below 2^51 it leaves the nearest whole one (ALP, section 3.1).
inline constexpr double kRounder = 6'755'399'441'055'744.0;
inline constexpr double kLimit = 2'251'799'813'685'248.0;

template <bool is_product>
bool fits(double value, unsigned exponent) {
  const double scaled = value * kPowers[exponent];
  const double whole = (scaled + kRounder) - kRounder;
  const double again = is_product ? whole * kInverses[exponent] : whole / kPowers[exponent];
  return std::abs(scaled) < kLimit &&
         std::bit_cast<std::uint64_t>(again) == std::bit_cast<std::uint64_t>(value);
}

/// The whole number nearest to value * 10^exponent; only where fits() says so.
inline std::uint64_t whole(double value, unsigned exponent) {
  const double rounded = (value * kPowers[exponent] + kRounder) - kRounder;
  return static_cast<std::uint64_t>(static_cast<std::int64_t>(rounded));
}

struct Choice {
  unsigned form;
  std::size_t exceptions;
};
/// The form for most of these values: at most an eighth does not fit it.
Choice choose(std::span<const double> values);

}  // namespace value_form
}  // namespace slipstream
