#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace slipstream {

void check_failed(const char* condition, const char* why, const char* file, int line) {
  std::fprintf(stderr, "slipstream: %s:%d: %s does not hold: %s\n", file, line, condition, why);
  std::fflush(stderr);
  std::abort();
}

}  // namespace slipstream
