#pragma once
#include <bit>
#include <cstdint>

#include "codec/value_form.h"

/// How values of a chain's fields are whole numbers, bit for bit: decimals as in columns, and bit
/// patterns.
namespace slipstream::chain {

/// Beside the forms of value_form.h, of which kSteps is a 32-bit float here: the bit pattern.
inline constexpr unsigned kPatternForm = 48;

/// The whole number that a value is in a form; false: it is none.
inline bool to_number(double value, unsigned form, std::uint64_t& number) {
  if (form < value_form::kSteps) {
    const bool is_product = form >= value_form::kProducts;
    const unsigned exponent = form % value_form::kProducts;
    if (!(is_product ? value_form::fits<true>(value, exponent)
                     : value_form::fits<false>(value, exponent))) {
      return false;
    }
    number = value_form::whole(value, exponent);
    return true;
  }
  const auto pattern = std::bit_cast<std::uint64_t>(value);
  if (form == kPatternForm) {
    number = pattern;
    return true;
  }
  number = pattern >> value_form::kStepBits;
  return number << value_form::kStepBits == pattern;
}

inline bool is_form(unsigned form) {
  return form == value_form::kSteps || form == kPatternForm ||
         (form % value_form::kProducts < value_form::kExponents &&
          form < 2 * value_form::kProducts);
}

inline double to_value(std::uint64_t number, unsigned form) {
  if (form == kPatternForm) return std::bit_cast<double>(number);
  if (form == value_form::kSteps) return std::bit_cast<double>(number << value_form::kStepBits);
  const auto whole = static_cast<double>(static_cast<std::int64_t>(number));
  return form < value_form::kProducts ? whole / value_form::kPowers[form]
                                      : whole * value_form::kInverses[form - value_form::kProducts];
}

}  // namespace slipstream::chain
