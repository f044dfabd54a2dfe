#include "base/number_text.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>

namespace slipstream {
namespace {

constexpr int kFigureDigits = 15;  // as many as every double carries
constexpr int kPlaces = 6;         // readings rarely have more
constexpr double kPlacesScale = 1e6;

// All of them exact.
constexpr double kPowersOf10[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                  1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                  1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
constexpr double kLeastFigure = 1e-6;
constexpr double kMostFigure = 1e15;

/// Eight digits of what is below 10^8, a byte each, the first in the lowest.
std::uint64_t eight_digits(std::uint64_t below) {
  // Two numbers of four digits, then four of two, then eight, side by side in one word.
  const std::uint64_t fours = below / 10'000 | (below % 10'000) << 32;
  const std::uint64_t hundreds = (fours * 10'486 >> 20) & 0x0000'007f'0000'007f;
  const std::uint64_t twos = ((fours - 100 * hundreds) << 16) + hundreds;
  const std::uint64_t tens = (twos * 103 >> 10) & 0x000f'000f'000f'000f;
  return ((twos - 10 * tens) << 8) + tens;
}

/// digits / 10^places, without zeros at the end; digits are below 10^16.
char* write_decimal(char* out, bool is_negative, std::uint64_t digits, int places) {
  static_assert(std::endian::native == std::endian::little);
  constexpr int kDigits = 16;
  constexpr std::uint64_t kEight = 100'000'000;
  constexpr std::uint64_t kZeros = 0x3030'3030'3030'3030;
  if (is_negative) *out++ = '-';
  const std::uint64_t head = eight_digits(digits / kEight);
  const std::uint64_t tail = eight_digits(digits % kEight);
  char text[2 * kDigits];
  const std::uint64_t texts[] = {head + kZeros, tail + kZeros};
  std::memcpy(text, texts, sizeof texts);
  if (digits == 0) {
    *out = '0';
    return out + 1;
  }
  const int leading = head != 0 ? std::countr_zero(head) / 8 : 8 + std::countr_zero(tail) / 8;
  const int trailing = tail != 0 ? std::countl_zero(tail) / 8 : 8 + std::countl_zero(head) / 8;
  const char* const from = text + leading;
  const int dropped = std::min(trailing, places);
  const int count = kDigits - leading - dropped;
  places -= dropped;
  if (places >= count) {
    *out++ = '0';
    *out++ = '.';
    for (int zeros = places - count; zeros > 0; --zeros) *out++ = '0';
    std::memcpy(out, from, static_cast<std::size_t>(count));
    return out + count;
  }
  const int whole = count - places;
  std::memcpy(out, from, kDigits);  // kNumberChars are there
  out += whole;
  if (places == 0) return out;
  *out++ = '.';
  std::memcpy(out, from + whole, static_cast<std::size_t>(places));
  return out + places;
}

}  // namespace

char* write_number(char* out, double value) {
  const double size = std::fabs(value);
  // A decimal of up to 15 digits that reads back as the value is its shortest one.
  if (size < kMostFigure / kPlacesScale) {
    const auto digits = static_cast<std::uint64_t>(size * kPlacesScale + 0.5);
    if (static_cast<double>(digits) / kPlacesScale == size) {
      return write_decimal(out, std::signbit(value), digits, kPlaces);
    }
  }
  if (!std::isfinite(value)) {
    std::memcpy(out, "null", 4);
    return out + 4;
  }
  return std::to_chars(out, out + kNumberChars, value).ptr;
}

char* write_figure(char* out, double value) {
  const double size = std::fabs(value);
  if (!(size >= kLeastFigure && size < kMostFigure)) return write_number(out, value);
  int exponent = 0;  // of the power of 10 that is next below
  if (size >= 1) {
    while (size >= kPowersOf10[exponent + 1]) ++exponent;
  } else {
    do {
      --exponent;
    } while (size * kPowersOf10[-exponent] < 1);
  }
  const int places = kFigureDigits - 1 - exponent;
  const auto digits = static_cast<std::uint64_t>(size * kPowersOf10[places] + 0.5);
  return write_decimal(out, std::signbit(value), digits, places);
}

}  // namespace slipstream
