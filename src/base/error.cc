#include "base/error.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>

namespace slipstream {

Error errno_error(std::string_view what, int error_number) {
  char text[128];
  const bool is_full = error_number == ENOSPC || error_number == EDQUOT || error_number == EFBIG;
  return Error{fmt::format("{}: {}", what, strerror_r(error_number, text, sizeof text)),
               is_full ? ErrorCode::kNoSpace : ErrorCode::kIo};
}

}  // namespace slipstream
