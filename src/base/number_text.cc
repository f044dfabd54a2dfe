#include "base/number_text.h"

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

/// digits / 10^places, without zeros at the end.
char* write_decimal(char* out, bool is_negative, std::uint64_t digits, int places) {
  if (is_negative) *out++ = '-';
  char text[24];
  const char* const end = std::to_chars(text, text + sizeof text, digits).ptr;
  int count = static_cast<int>(end - text);
  while (places > 0 && count > 1 && text[count - 1] == '0') {
    --count;
    --places;
  }
  if (count == 1 && text[0] == '0') places = 0;
  if (places >= count) {
    *out++ = '0';
    *out++ = '.';
    for (int zeros = places - count; zeros > 0; --zeros) *out++ = '0';
    std::memcpy(out, text, static_cast<std::size_t>(count));
    return out + count;
  }
  const int whole = count - places;
  std::memcpy(out, text, static_cast<std::size_t>(whole));
  out += whole;
  if (places == 0) return out;
  *out++ = '.';
  std::memcpy(out, text + whole, static_cast<std::size_t>(places));
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
