#pragma once
#include <cstddef>

namespace slipstream {

/// A number's text is never longer.
constexpr std::size_t kNumberChars = 32;

/// Writes a finite number in its shortest form that reads back the same, "null" for any other;
/// returns the end. Up to kNumberChars characters.
char* write_number(char* out, double value);
/// Likewise, for what was computed: rounded to 15 significant digits, since the digits behind them
/// are noise of the computing.
char* write_figure(char* out, double value);

}  // namespace slipstream
