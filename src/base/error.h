#pragma once
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

namespace slipstream {

/// What kind of failure it is, for who acts on it: what to do never hangs on the words.
enum class ErrorCode : std::uint8_t {
  kOther,    ///< none of the following, or nobody asks
  kIo,       ///< the system refuses: a disk, a socket, too few descriptors; may work later
  kNoSpace,  ///< likewise: the disk or a quota is full
  kCorrupt,  ///< what is there is damaged: trying again gives the same
  kRefused,  ///< what was given can never be taken as it is
  kTimeout,  ///< not within the time allowed
  kVersion,  ///< written by a version that this one does not know
  kGone,     ///< what is asked for was there, and has been removed
};

/// A failure of normal life: what could not be done, and why. Fit to be shown to a person.
struct Error {
  std::string message;
  ErrorCode code = ErrorCode::kOther;
};

template <typename T>
using Result = std::expected<T, Error>;

inline std::unexpected<Error> fail(std::string message, ErrorCode code = ErrorCode::kOther) {
  return std::unexpected(Error{std::move(message), code});
}

/// "what: <text of errno>"; kNoSpace or kIo.
Error errno_error(std::string_view what, int error_number);

}  // namespace slipstream
