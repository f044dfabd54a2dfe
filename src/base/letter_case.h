#pragma once

namespace slipstream {

/// A letter of ASCII as a small one; any other byte as it is, whatever the locale.
constexpr char small_letter(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

}  // namespace slipstream
