#include "base/error.h"

#include <fmt/format.h>

#include <cstring>

namespace slipstream {

Error errno_error(std::string_view what, int error_number) {
  char text[128];
  return Error{fmt::format("{}: {}", what, strerror_r(error_number, text, sizeof text))};
}

}  // namespace slipstream
