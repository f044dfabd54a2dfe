#pragma once
#include <cmath>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "derive/expression_reader.h"
#include "derive/function_memory.h"
#include "derive/point_inputs.h"

namespace slipstream {

/// An expression over a point's numbers, compiled once: docs/alerts.md tells the language. Where
/// the point lacks a number that it names, or its value is no finite number, there is no value.
///
/// What its functions remember of a series is not in it but in a span that it is given, as fresh()
/// makes it. Borrows its inputs, which outlive it. One thread.
class Expression {
 public:
  static std::expected<Expression, ExpressionFault> compile(std::string_view text,
                                                            bool is_condition, PointInputs& inputs,
                                                            const NameCheck& check = {});
  ~Expression();
  Expression(Expression&&) noexcept;
  Expression& operator=(Expression&&) noexcept;

  /// Of the point that the inputs have loaded.
  std::optional<double> evaluate(std::span<FunctionMemory> memories) {
    const double value = value_or_nan(memories);
    return std::isnan(value) ? std::nullopt : std::optional(value);
  }

  /// How many memories it needs.
  std::size_t memory_count() const { return memory_count_; }
  /// Appends what its functions remember before the first point.
  void append_fresh(FunctionMemories& memories) const;
  /// Of a condition: how long it has to hold; 0: for a point.
  std::int64_t for_ns() const { return for_ns_; }
  /// The first field that it names.
  PointInputs::Slot first_field() const { return first_field_; }
  const std::string& first_name() const { return first_name_; }

 private:
  struct Step;
  explicit Expression(PointInputs& inputs);
  double value_or_nan(std::span<FunctionMemory> memories);

  PointInputs* inputs_;
  std::vector<Step> steps_;
  PointInputs::Slot first_field_ = 0;
  std::string first_name_;
  std::int64_t for_ns_ = 0;
  std::size_t memory_count_ = 0;
};

}  // namespace slipstream
