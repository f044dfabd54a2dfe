#include "derive/functions.h"

#include <muParser.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numbers>
#include <utility>

namespace slipstream {
namespace {

constexpr std::size_t kAnyNumber = 64;

constexpr ExpressionFunction kFunctions[] = {
    {"if", 3, 3},
    {"min", 1, kAnyNumber},
    {"max", 1, kAnyNumber},
    {"clamp", 3, 3},
    {"abs"},
    {"sign"},
    {"sqrt"},
    {"floor"},
    {"ceil"},
    {"round"},
    {"trunc"},
    {"mod", 2, 2},
    {"exp"},
    {"ln"},
    {"log10"},
    {"sin"},
    {"cos"},
    {"tan"},
    {"asin"},
    {"acos"},
    {"atan"},
    {"atan2", 2, 2},
    {"hypot", 2, 2},
    {"rate", 1, 1, Remembering::kRate},
    {"mean", 2, 2, Remembering::kMean},
    {"delta_lap", 1, 1, Remembering::kDeltaLap},
};

/// Of the evaluation at hand: something that is no number was compared, or chosen among.
thread_local bool has_met_no_number = false;

double noted(double value) {
  if (!std::isfinite(value)) has_met_no_number = true;
  return value;
}

/// A comparison is true or false also of what is no number, and would hide it.
template <typename Compare>
double compared(double a, double b) {
  return Compare{}(noted(a), noted(b)) ? 1 : 0;
}
double quotient(double a, double b) {
  return noted(a / b);
}
double least_of(const double* values, int count) {
  std::for_each_n(values, count, noted);
  return *std::min_element(values, values + count);
}
double greatest_of(const double* values, int count) {
  std::for_each_n(values, count, noted);
  return *std::max_element(values, values + count);
}
/// Where the bounds are the wrong way around no value is between them.
double clamped(double value, double low, double high) {
  if (!(low <= high)) return std::numeric_limits<double>::quiet_NaN();
  return std::clamp(noted(value), low, high);
}
double sign_of(double value) {
  return noted(value) > 0 ? 1 : value < 0 ? -1 : 0;
}
double negated(double value) {
  return noted(value) == 0 ? 1 : 0;
}

}  // namespace

const ExpressionFunction* find_function(std::string_view name) {
  const auto* const found = std::ranges::find(kFunctions, name, &ExpressionFunction::name);
  return found == std::end(kFunctions) ? nullptr : found;
}

std::vector<std::string_view> function_names() {
  std::vector<std::string_view> names;
  for (const auto& function : kFunctions) names.push_back(function.name);
  return names;
}

bool take_no_number() {
  return std::exchange(has_met_no_number, false);
}

void define_functions(mu::Parser& parser) {
  parser.ClearFun();
  parser.ClearConst();
  parser.DefineConst("pi", std::numbers::pi);
  parser.DefineFun("min", least_of);
  parser.DefineFun("max", greatest_of);
  parser.DefineFun("clamp", clamped);
  parser.DefineFun("sign", sign_of);
  using OfOne = double (*)(double);
  constexpr std::pair<const char*, OfOne> kOfOne[] = {
      {"abs", std::fabs},    {"sqrt", std::sqrt},   {"floor", std::floor}, {"ceil", std::ceil},
      {"round", std::round}, {"trunc", std::trunc}, {"exp", std::exp},     {"ln", std::log},
      {"log10", std::log10}, {"sin", std::sin},     {"cos", std::cos},     {"tan", std::tan},
      {"asin", std::asin},   {"acos", std::acos},   {"atan", std::atan}};
  for (const auto& [name, function] : kOfOne) parser.DefineFun(name, function);
  using OfTwo = double (*)(double, double);
  parser.DefineFun("mod", static_cast<OfTwo>(std::fmod));
  parser.DefineFun("atan2", static_cast<OfTwo>(std::atan2));
  parser.DefineFun("hypot", static_cast<OfTwo>(std::hypot));
  using Operation = double (*)(double, double);
  constexpr std::pair<const char*, Operation> kComparisons[] = {
      {"~<", compared<std::less<>>},      {"~<=", compared<std::less_equal<>>},
      {"~>", compared<std::greater<>>},   {"~>=", compared<std::greater_equal<>>},
      {"~==", compared<std::equal_to<>>}, {"~!=", compared<std::not_equal_to<>>}};
  for (const auto& [name, operation] : kComparisons) parser.DefineOprt(name, operation, mu::prCMP);
  parser.DefineOprt("~/", quotient, mu::prMUL_DIV);
  // Weaker than a comparison: "not a > b" is what it says.
  parser.DefineInfixOprt("!", negated, mu::prLAND + 1);
}

}  // namespace slipstream
