#include "derive/expression.h"

#include <fmt/format.h>
#include <muParser.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <tuple>
#include <utility>

#include "base/check.h"
#include "derive/functions.h"

namespace slipstream {

struct Expression::Step {
  std::unique_ptr<mu::Parser> parser = {};  ///< nullptr: its value is that of the slot `only`
  PointInputs::Slot only = 0;
  PointInputs::Set needs = {};
  Remembering function = Remembering::kNothing;
  std::int64_t span_ns = 0;
  PointInputs::Slot target = 0;
};

namespace {

/// In words of ours: the parser's would name slots.
ExpressionFault fault_of(const mu::ParserError& error, const ExpressionStep& step,
                         std::string_view text) {
  const auto position = static_cast<std::size_t>(std::max(error.GetPos(), 0));
  const bool is_at_end = position >= step.origins.size();
  const std::size_t at = is_at_end ? text.size() : step.origins[position];
  switch (error.GetCode()) {
    case mu::ecUNEXPECTED_EOF:
      return {text.size(), "it ends too early: a value is missing"};
    case mu::ecUNEXPECTED_VAL:
    case mu::ecUNEXPECTED_VAR:
    case mu::ecUNEXPECTED_FUN:
      return {at, "an operator is missing before this value"};
    case mu::ecUNEXPECTED_PARENS:
    case mu::ecUNEXPECTED_ARG_SEP:
      return {at, text.substr(at).starts_with(")") ? "a value is missing before this ')'"
                                                   : "an operator, or a value, is missing here"};
    case mu::ecMISSING_ELSE_CLAUSE:
      return {step.origins.front(), "a '?' has no ':' behind it"};
    case mu::ecMISPLACED_COLON:
      return {at, "this ':' has no '?' before it"};
    default:
      return {at, "this is not expected here"};
  }
}

std::expected<std::unique_ptr<mu::Parser>, ExpressionFault> parser_of(const ExpressionStep& step,
                                                                      PointInputs& inputs,
                                                                      std::string_view text) {
  auto parser = std::make_unique<mu::Parser>();
  try {
    define_functions(*parser);
    for (const auto slot : step.needs) {
      parser->DefineVar(fmt::format("v{}", slot), inputs.address_of(slot));
    }
    parser->SetExpr(step.formula);
    parser->Eval();  // it is compiled by the first of them
  } catch (const mu::ParserError& error) {
    return std::unexpected(fault_of(error, step, text));
  }
  std::ignore = take_no_number();
  return parser;
}

}  // namespace

Expression::Expression(PointInputs& inputs) : inputs_(&inputs) {}
Expression::~Expression() = default;
Expression::Expression(Expression&&) noexcept = default;
Expression& Expression::operator=(Expression&&) noexcept = default;

std::expected<Expression, ExpressionFault> Expression::compile(std::string_view text,
                                                               bool is_condition,
                                                               PointInputs& inputs,
                                                               const NameCheck& check) {
  auto read = ExpressionReader(text, is_condition, inputs, check).read();
  if (!read) return std::unexpected(std::move(read.error()));
  Expression expression(inputs);
  expression.first_field_ = read->first_field;
  expression.first_name_ = std::move(read->first_name);
  expression.for_ns_ = read->for_ns;
  for (ExpressionStep& step : read->steps) {
    Step& made = expression.steps_.emplace_back(Step{.only = step.only.value_or(0),
                                                     .function = step.function,
                                                     .span_ns = step.span_ns,
                                                     .target = step.target});
    for (const auto slot : step.needs) made.needs.add(slot);
    if (step.function != Remembering::kNothing) ++expression.memory_count_;
    if (step.only) continue;
    auto parser = parser_of(step, inputs, text);
    if (!parser) return std::unexpected(std::move(parser.error()));
    made.parser = std::move(*parser);
  }
  return expression;
}

double Expression::value_or_nan(std::span<FunctionMemory> memories) {
  CHECK(memories.size() >= memory_count_, "an expression is given what its functions remember");
  constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  std::size_t next_memory = 0;
  double value = kNone;
  for (const Step& step : steps_) {
    FunctionMemory* const memory =
        step.function == Remembering::kNothing ? nullptr : &memories[next_memory++];
    value = kNone;
    if (!inputs_->has_all(step.needs)) continue;
    value = step.parser ? step.parser->Eval() : (*inputs_)[step.only];
    if (take_no_number() || !std::isfinite(value)) value = kNone;
    if (memory == nullptr || std::isnan(value)) continue;
    value = std::visit([&](auto& one) { return one.take(inputs_->place(), value); }, *memory)
                .value_or(kNone);
    if (!std::isfinite(value)) value = kNone;
    if (!std::isnan(value)) inputs_->set(step.target, value);
  }
  return value;
}

void Expression::append_fresh(FunctionMemories& memories) const {
  for (const Step& step : steps_) {
    switch (step.function) {
      case Remembering::kNothing:
        break;
      case Remembering::kRate:
        memories.emplace_back(RateMemory{});
        break;
      case Remembering::kMean:
        memories.emplace_back(MeanMemory(step.span_ns));
        break;
      case Remembering::kDeltaLap:
        memories.emplace_back(DeltaLapMemory{});
        break;
    }
  }
}

}  // namespace slipstream
