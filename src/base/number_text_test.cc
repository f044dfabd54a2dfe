#include "base/number_text.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <charconv>
#include <cmath>
#include <limits>
#include <string>

namespace slipstream {
namespace {

std::string number(double value) {
  char text[kNumberChars];
  return {text, write_number(text, value)};
}
std::string figure(double value) {
  char text[kNumberChars];
  return {text, write_figure(text, value)};
}
double read(const std::string& text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size()
             ? value
             : std::numeric_limits<double>::quiet_NaN();
}

TEST(NumberText, IsTheShortestThatReadsBack) {
  EXPECT_EQ(number(0), "0");
  EXPECT_EQ(number(-0.0), "-0");
  EXPECT_EQ(number(12), "12");
  EXPECT_EQ(number(100'000), "100000");
  EXPECT_EQ(number(-0.125), "-0.125");
  EXPECT_EQ(number(0.000001), "0.000001");
  EXPECT_EQ(number(0.1 + 0.2), "0.30000000000000004");
  EXPECT_EQ(number(999'999'999.999999), "999999999.999999");
  EXPECT_EQ(number(1e300), "1e+300");
  EXPECT_EQ(number(5e-324), "5e-324");
  EXPECT_EQ(number(std::numeric_limits<double>::infinity()), "null");
  EXPECT_EQ(number(std::nan("")), "null");
}

TEST(NumberText, OfAFigureHasFifteenDigits) {
  EXPECT_EQ(figure(0), "0");
  EXPECT_EQ(figure(0.1 + 0.2), "0.3");
  EXPECT_EQ(figure(1.0 / 3), "0.333333333333333");
  EXPECT_EQ(figure(-2.0 / 3 * 1e-5), "-0.00000666666666666667");
  EXPECT_EQ(figure(28.722813232690143), "28.7228132326901");
  EXPECT_EQ(figure(99.9999999999999999), "100");
  EXPECT_EQ(figure(9.9999999999999996), "10");
  EXPECT_EQ(figure(999'999'999'999'999.5), "1000000000000000");
  EXPECT_EQ(figure(1.7570321001235e12), "1757032100123.5");
  EXPECT_EQ(figure(1.0 / 3 * 1e20), number(1.0 / 3 * 1e20));
  EXPECT_EQ(figure(1.0 / 3 * 1e-9), number(1.0 / 3 * 1e-9));
  EXPECT_EQ(figure(std::nan("")), "null");
}

RC_GTEST_PROP(NumberTextProperty, ReadsBackTheSame, (double value)) {
  RC_ASSERT(read(number(value)) == value);
}

RC_GTEST_PROP(NumberTextProperty, OfDecimalsIsWhatTheyWere, (std::int32_t digits)) {
  for (int places = 0; places < 9; ++places) {
    const double value = digits / std::pow(10.0, places);
    const auto text = number(value);
    RC_ASSERT(read(text) == value);
    RC_ASSERT(text.size() <= std::to_string(digits).size() + 9);
  }
}

RC_GTEST_PROP(NumberTextProperty, AFigureIsOffByTheFifteenthDigitAndThenStays, ()) {
  const double mantissa = *rc::gen::map(rc::gen::inRange<std::int64_t>(1, 1LL << 53),
                                        [](auto m) { return static_cast<double>(m); });
  const double value = std::ldexp(mantissa, *rc::gen::inRange(-90, 20));
  const auto text = figure(value);
  const double rounded = read(text);
  RC_ASSERT(std::fabs(rounded - value) <= value * 6e-15);
  RC_ASSERT(figure(rounded) == text);
}

}  // namespace
}  // namespace slipstream
