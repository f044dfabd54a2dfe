#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace mu {
class Parser;
}

namespace slipstream {

/// What a function keeps of the points before, if it does.
enum class Remembering : std::uint8_t { kNothing, kRate, kMean, kDeltaLap };

/// A function of expressions, as docs/alerts.md lists them.
struct ExpressionFunction {
  std::string_view name;
  std::size_t least = 1;  ///< arguments
  std::size_t most = 1;
  Remembering remembering = Remembering::kNothing;
};

/// nullptr: there is none of that name.
const ExpressionFunction* find_function(std::string_view name);
std::vector<std::string_view> function_names();

/// Whether what was evaluated since it was asked last compared, divided into or chose among what is
/// no finite number: then the result says nothing.
bool take_no_number();

/// Readies a parser for what the functions that remember nothing are written as, for the operators
/// that are its own, and for nothing else.
void define_functions(mu::Parser& parser);

}  // namespace slipstream
