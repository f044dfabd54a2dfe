#include "base/descriptors.h"

#include <errno.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <filesystem>
#include <iterator>
#include <limits>

namespace slipstream {
namespace {

constexpr const char* kOpenOnes = "/proc/self/fd";

std::size_t number_of(rlim_t limit) {
  return limit == RLIM_INFINITY ? std::numeric_limits<std::size_t>::max()
                                : static_cast<std::size_t>(limit);
}

}  // namespace

std::size_t descriptor_limit() {
  rlimit limit{};
  return ::getrlimit(RLIMIT_NOFILE, &limit) == 0 ? number_of(limit.rlim_cur) : 0;
}

Result<std::size_t> raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) {
    return std::unexpected(errno_error("the limit of open files", errno));
  }
  if (limit.rlim_cur != limit.rlim_max) {
    limit.rlim_cur = limit.rlim_max;
    if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) {
      return std::unexpected(errno_error("raising the limit of open files", errno));
    }
  }
  return number_of(limit.rlim_cur);
}

std::size_t open_descriptors() {
  struct stat about{};
  if (::stat(kOpenOnes, &about) == 0 && about.st_size > 0) {
    return static_cast<std::size_t>(about.st_size);
  }
  std::error_code error;
  const auto begin = std::filesystem::directory_iterator(kOpenOnes, error);
  if (error) return 0;
  // The one that lists them is among them.
  return static_cast<std::size_t>(std::distance(begin, std::filesystem::directory_iterator{})) - 1;
}

}  // namespace slipstream
