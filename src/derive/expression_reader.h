#pragma once
#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "derive/functions.h"
#include "derive/point_inputs.h"

namespace slipstream {

/// What is wrong with an expression, and where: bytes count from 0.
struct ExpressionFault {
  std::size_t at = 0;
  std::string what = {};

  /// "character 7: there is no function "foo""
  std::string to_text() const;
};

/// A part of an expression that is computed at once: a formula without functions that remember, and
/// perhaps one of these that its value goes through.
struct ExpressionStep {
  std::string formula = {};               ///< as muParser reads it: vN is the slot N
  std::vector<std::size_t> origins = {};  ///< of each of its characters: where it comes from
  std::vector<PointInputs::Slot> needs = {};
  std::optional<PointInputs::Slot> only = {};  ///< it is nothing but this
  Remembering function = Remembering::kNothing;
  std::int64_t span_ns = 0;      ///< of a mean
  PointInputs::Slot target = 0;  ///< where its value goes
};

struct ExpressionSteps {
  std::vector<ExpressionStep> steps = {};  ///< each needs those before it; the last is the value
  PointInputs::Slot first_field = 0;       ///< that it names
  std::string first_name = {};
  std::int64_t for_ns = 0;  ///< of a condition: "... for 5s"
};

/// Why a name may not be used; nothing: it may.
using NameCheck = std::function<std::optional<std::string>(std::string_view name)>;

/// Cuts an expression into steps. What is between the steps' operators is left to muParser, which
/// finds what is wrong there.
class ExpressionReader {
 public:
  static constexpr std::size_t kMostBytes = 2'000;
  static constexpr int kDeepest = 50;
  static constexpr std::int64_t kLongestSpanNs = 3'600 * kNsPerSecond;

  /// `is_condition`: it may end with "for 5s". All is borrowed for the length of read().
  ExpressionReader(std::string_view text, bool is_condition, PointInputs& inputs,
                   const NameCheck& check)
      : text_(text), is_condition_(is_condition), inputs_(inputs), check_(check) {}

  std::expected<ExpressionSteps, ExpressionFault> read();

 private:
  using Piece = ExpressionStep;

  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  void skip_blanks();
  bool fault(std::size_t at, std::string what);
  void append(Piece& piece, std::string_view formula, std::size_t at) const;
  void append_slot(Piece& piece, PointInputs::Slot slot, std::size_t at) const;
  void append_piece(Piece& piece, const Piece& inner) const;

  /// Up to what ends it: a ')' or ',' of the group around it, "for", or the end.
  bool group(Piece& piece, int depth);
  bool token(Piece& piece, int depth, bool& is_compared);
  bool number(Piece& piece);
  bool word(Piece& piece, int depth, bool& is_compared);
  bool quoted(Piece& piece);
  bool field(Piece& piece, std::string_view name, std::size_t at);
  bool sign(Piece& piece, bool& is_compared);
  bool call(Piece& piece, std::string_view name, std::size_t at, int depth);
  bool arguments(const ExpressionFunction& function, std::size_t at, int depth,
                 std::vector<Piece>& into, std::int64_t& span_ns);
  bool duration(std::int64_t& ns);
  bool comparison(std::size_t at, bool& is_compared);

  const std::string_view text_;
  const bool is_condition_;
  PointInputs& inputs_;
  const NameCheck& check_;
  std::size_t at_ = 0;
  ExpressionSteps read_;
  std::optional<ExpressionFault> fault_;
};

}  // namespace slipstream
