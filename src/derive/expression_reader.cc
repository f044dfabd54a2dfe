#include "derive/expression_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

#include "base/nearest_name.h"

namespace slipstream {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool begins_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}
bool is_of_name(char c) {
  return begins_name(c) || is_digit(c) || c == '.';
}

struct DurationUnit {
  std::string_view name;
  double ns;
};
constexpr DurationUnit kDurationUnits[] = {{"ms", 1e6}, {"s", 1e9}, {"min", 60e9}, {"h", 3'600e9}};

}  // namespace

std::string ExpressionFault::to_text() const {
  return fmt::format("character {}: {}", at + 1, what);
}

std::expected<ExpressionSteps, ExpressionFault> ExpressionReader::read() {
  Piece whole;
  if (text_.size() > kMostBytes) {
    fault(kMostBytes, fmt::format("it is longer than {} bytes", kMostBytes));
  } else if (group(whole, 0)) {
    if (peek() == ')') {
      fault(at_, "this ')' closes nothing");
    } else if (peek() == ',') {
      fault(at_, "a comma stands between the arguments of a function only");
    } else if (at_ < text_.size()) {
      const std::size_t word = at_;
      at_ += std::string_view("for").size();
      if (!is_condition_) {
        fault(word, "\"for\" belongs to an alert's condition");
      } else if (duration(read_.for_ns)) {
        skip_blanks();
        if (at_ < text_.size()) fault(at_, "nothing may follow the duration behind \"for\"");
      }
    }
    if (!fault_ && read_.first_name.empty()) {
      fault(0, "it names no field, and would be the same for every point");
    }
  }
  if (fault_) return std::unexpected(*fault_);
  whole.target = inputs_.add();
  read_.steps.push_back(std::move(whole));
  return std::move(read_);
}

void ExpressionReader::skip_blanks() {
  while (at_ < text_.size() &&
         (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n' || text_[at_] == '\r')) {
    ++at_;
  }
}

bool ExpressionReader::fault(std::size_t at, std::string what) {
  if (!fault_) fault_ = {.at = at, .what = std::move(what)};
  return false;
}

void ExpressionReader::append(Piece& piece, std::string_view formula, std::size_t at) const {
  piece.formula += formula;
  piece.formula += ' ';
  piece.origins.resize(piece.formula.size(), at);
  piece.only.reset();
}

void ExpressionReader::append_slot(Piece& piece, PointInputs::Slot slot, std::size_t at) const {
  const bool is_first = piece.formula.empty();
  append(piece, fmt::format("v{}", slot), at);
  if (is_first) piece.only = slot;
  if (std::ranges::find(piece.needs, slot) == piece.needs.end()) piece.needs.push_back(slot);
}

void ExpressionReader::append_piece(Piece& piece, const Piece& inner) const {
  piece.formula += inner.formula;
  piece.origins.insert(piece.origins.end(), inner.origins.begin(), inner.origins.end());
  piece.only.reset();
  for (const auto slot : inner.needs) {
    if (std::ranges::find(piece.needs, slot) == piece.needs.end()) piece.needs.push_back(slot);
  }
}

bool ExpressionReader::group(Piece& piece, int depth) {
  if (depth > kDeepest) return fault(at_, fmt::format("it is nested more than {} deep", kDeepest));
  bool is_compared = false;
  while (true) {
    skip_blanks();
    const bool ends = at_ == text_.size() || peek() == ')' || peek() == ',';
    const bool is_for = depth == 0 && text_.substr(at_).starts_with("for") &&
                        (at_ + 3 == text_.size() || !is_of_name(text_[at_ + 3]));
    if (ends || is_for) {
      if (piece.formula.empty()) return fault(at_, "a value is missing here");
      return true;
    }
    if (!token(piece, depth, is_compared)) return false;
  }
}

bool ExpressionReader::token(Piece& piece, int depth, bool& is_compared) {
  const char c = peek();
  if (is_digit(c) || (c == '.' && at_ + 1 < text_.size() && is_digit(text_[at_ + 1]))) {
    return number(piece);
  }
  if (begins_name(c)) return word(piece, depth, is_compared);
  if (c == '\'') return quoted(piece);
  if (c != '(') return sign(piece, is_compared);
  const std::size_t opened = at_++;
  Piece inner;
  if (!group(inner, depth + 1)) return false;
  if (peek() == ',') return fault(at_, "a comma stands between the arguments of a function only");
  if (peek() != ')') return fault(opened, "this '(' is not closed");
  append(piece, "(", opened);
  append_piece(piece, inner);
  append(piece, ")", at_++);
  return true;
}

bool ExpressionReader::number(Piece& piece) {
  const std::size_t begin = at_;
  double value = 0;
  const char* const first = text_.data() + at_;
  const auto [end, error] = std::from_chars(first, text_.data() + text_.size(), value);
  if (error != std::errc{}) return fault(begin, "this number is too large, or too small");
  at_ += static_cast<std::size_t>(end - first);
  if (begins_name(peek())) {
    return fault(at_, "an operator is missing between a number and a name");
  }
  append(piece, text_.substr(begin, at_ - begin), begin);
  return true;
}

bool ExpressionReader::word(Piece& piece, int depth, bool& is_compared) {
  const std::size_t begin = at_;
  while (at_ < text_.size() && is_of_name(text_[at_])) ++at_;
  const std::string_view name = text_.substr(begin, at_ - begin);
  if (name == "and" || name == "or") {
    is_compared = false;
    append(piece, name == "and" ? "&&" : "||", begin);
    return true;
  }
  if (name == "not") {
    append(piece, "!", begin);
    return true;
  }
  skip_blanks();
  if (peek() == '(') return call(piece, name, begin, depth);
  if (name == "pi") {
    append(piece, name, begin);
    return true;
  }
  if (name == "for" || name == "if") {
    return fault(begin, fmt::format("\"{}\" is no field here; a field that is called so is "
                                    "written '{}', in single quotes",
                                    name, name));
  }
  return field(piece, name, begin);
}

bool ExpressionReader::quoted(Piece& piece) {
  const std::size_t begin = at_++;
  const auto end = text_.find('\'', at_);
  if (end == std::string_view::npos) return fault(begin, "this ' has no other one behind it");
  const std::string_view name = text_.substr(at_, end - at_);
  at_ = end + 1;
  if (name.empty() || name.size() > Schema::kMaxFieldNameBytes) {
    return fault(begin,
                 fmt::format("the name of a field has 1 to {} bytes", Schema::kMaxFieldNameBytes));
  }
  return field(piece, name, begin);
}

bool ExpressionReader::field(Piece& piece, std::string_view name, std::size_t at) {
  if (auto why = check_ ? check_(name) : std::nullopt) return fault(at, std::move(*why));
  if (name.size() > Schema::kMaxFieldNameBytes) {
    return fault(
        at, fmt::format("the name of a field has at most {} bytes", Schema::kMaxFieldNameBytes));
  }
  const PointInputs::Slot slot = inputs_.slot_of(name);
  if (read_.first_name.empty()) {
    read_.first_name = name;
    read_.first_field = slot;
  }
  append_slot(piece, slot, at);
  return true;
}

bool ExpressionReader::comparison(std::size_t at, bool& is_compared) {
  if (std::exchange(is_compared, true)) {
    return fault(at, "comparisons make no chain: write \"a < b and b < c\"");
  }
  return true;
}

bool ExpressionReader::sign(Piece& piece, bool& is_compared) {
  const std::size_t begin = at_;
  const std::string_view two = text_.substr(at_, 2);
  for (const std::string_view name : {"<=", ">=", "==", "!=", "&&", "||"}) {
    if (two != name) continue;
    at_ += 2;
    if (name == "&&" || name == "||") {
      is_compared = false;
      append(piece, name, begin);
      return true;
    }
    if (!comparison(begin, is_compared)) return false;
    append(piece, fmt::format("~{}", name), begin);
    return true;
  }
  const char c = text_[at_++];
  if (c == '=') return fault(begin, "equality is written ==");
  if (c == '<' || c == '>') {
    if (!comparison(begin, is_compared)) return false;
  } else if (c == '?' || c == ':') {
    is_compared = false;
  } else if (std::string_view("+-*/^!").find(c) == std::string_view::npos) {
    return fault(begin, c >= ' ' && c <= '~' ? fmt::format("'{}' is no operator", c)
                                             : "there is a character that means nothing");
  }
  // Operators of ours, which tell what is no number: functions.h.
  const bool is_ours = c == '<' || c == '>' || c == '/';
  append(piece, fmt::format("{}{}", is_ours ? "~" : "", c), begin);
  return true;
}

bool ExpressionReader::call(Piece& piece, std::string_view name, std::size_t at, int depth) {
  const ExpressionFunction* const function = find_function(name);
  if (function == nullptr) {
    const auto names = function_names();
    const auto nearest = nearest_name(name, names);
    return fault(
        at, nearest ? fmt::format("there is no function \"{}\"; is \"{}\" meant?", name, *nearest)
                    : fmt::format("there is no function \"{}\"", name));
  }
  std::vector<Piece> given;
  std::int64_t span_ns = 0;
  if (!arguments(*function, at, depth, given, span_ns)) return false;
  if (function->remembering != Remembering::kNothing) {
    Piece& step = given.front();
    step.function = function->remembering;
    step.span_ns = span_ns;
    step.target = inputs_.add();
    append_slot(piece, step.target, at);
    read_.steps.push_back(std::move(step));
    return true;
  }
  constexpr std::string_view kIf[] = {"((", ")?(", "):(", "))"};
  const bool is_if = function->name == "if";
  append(piece, is_if ? std::string(kIf[0]) : fmt::format("{}(", name), at);
  for (std::size_t i = 0; i < given.size(); ++i) {
    if (i > 0) append(piece, is_if ? kIf[i] : ",", at);
    append_piece(piece, given[i]);
  }
  append(piece, is_if ? kIf[3] : ")", at);
  return true;
}

bool ExpressionReader::arguments(const ExpressionFunction& function, std::size_t at, int depth,
                                 std::vector<Piece>& into, std::int64_t& span_ns) {
  const std::size_t opened = at_++;
  std::size_t count = 0;
  skip_blanks();
  while (peek() != ')' || count > 0) {
    ++count;
    if (function.remembering == Remembering::kMean && count == 2) {
      if (!duration(span_ns)) return false;
    } else if (!group(into.emplace_back(), depth + 1)) {
      return false;
    }
    skip_blanks();
    if (peek() == ')') break;
    if (peek() != ',') return fault(opened, "this '(' is not closed");
    ++at_;
  }
  ++at_;
  if (count >= function.least && count <= function.most) return true;
  std::string wanted = function.least == function.most ? fmt::format("{}", function.least)
                                                       : fmt::format("at least {}", function.least);
  if (count > function.most && function.least != function.most) {
    wanted = fmt::format("at most {}", function.most);
  }
  return fault(at, fmt::format("{}() takes {} argument{}, not {}", function.name, wanted,
                               wanted == "1" || wanted == "at least 1" ? "" : "s", count));
}

bool ExpressionReader::duration(std::int64_t& ns) {
  skip_blanks();
  const std::size_t begin = at_;
  double count = 0;
  const char* const first = text_.data() + at_;
  const auto [end, error] =
      std::from_chars(first, text_.data() + text_.size(), count, std::chars_format::fixed);
  at_ += static_cast<std::size_t>(end - first);
  const std::size_t unit_at = at_;
  while (begins_name(peek())) ++at_;
  const auto* const unit =
      std::ranges::find(kDurationUnits, text_.substr(unit_at, at_ - unit_at), &DurationUnit::name);
  if (error != std::errc{} || unit == std::end(kDurationUnits)) {
    return fault(begin, "a duration is expected: 500ms, 5s, 2min, 1h");
  }
  const double length = std::round(count * unit->ns);
  if (!(length >= 1e6) || length > static_cast<double>(kLongestSpanNs)) {
    return fault(begin, "a duration is from 1ms to 1h");
  }
  ns = static_cast<std::int64_t>(length);
  return true;
}

}  // namespace slipstream
