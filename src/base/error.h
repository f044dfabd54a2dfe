#pragma once
#include <expected>
#include <string>
#include <string_view>

namespace slipstream {

/// A failure of normal life: what could not be done, and why. Fit to be shown to a person.
struct Error {
  std::string message;
};

template <typename T>
using Result = std::expected<T, Error>;

inline std::unexpected<Error> fail(std::string message) {
  return std::unexpected(Error{std::move(message)});
}

/// "what: <text of errno>".
Error errno_error(std::string_view what, int error_number);

}  // namespace slipstream
