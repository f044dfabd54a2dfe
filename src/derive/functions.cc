#include "derive/functions.h"

#include <muParser.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

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

double least_of(const double* values, int count) {
  return *std::min_element(values, values + count);
}
double greatest_of(const double* values, int count) {
  return *std::max_element(values, values + count);
}
/// Where the bounds are the wrong way around no value is between them.
double clamped(double value, double low, double high) {
  if (!(low <= high)) return std::numeric_limits<double>::quiet_NaN();
  return std::clamp(value, low, high);
}
double sign_of(double value) {
  return value > 0 ? 1 : value < 0 ? -1 : 0;
}
double negated(double value) {
  return value == 0 ? 1 : 0;
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
  // Weaker than a comparison: "not a > b" is what it says.
  parser.DefineInfixOprt("!", negated, mu::prLAND + 1);
}

}  // namespace slipstream
