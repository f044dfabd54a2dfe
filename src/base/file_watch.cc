#include "base/file_watch.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace slipstream {
namespace {

FileIdentity identity_of(const struct stat& status) {
  return {status.st_dev, status.st_ino};
}

}  // namespace

FileWatch::Held::Held(Held&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

FileWatch::Held& FileWatch::Held::operator=(Held&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

FileWatch::Held::~Held() {
  if (fd_ >= 0) ::close(fd_);
}

void FileWatch::add(std::filesystem::path path) {
  // A path alone: no lock of the process goes when this is closed.
  const int fd = ::open(path.c_str(), O_PATH | O_CLOEXEC);
  if (fd >= 0) files_.push_back({std::move(path), Held(fd)});
}

std::optional<std::string> FileWatch::look() const {
  for (const auto& [path, held] : files_) {
    struct stat now{};
    struct stat opened{};
    if (::fstat(held.fd(), &opened) != 0) continue;
    if (::stat(path.c_str(), &now) != 0) {
      if (errno == ENOENT || errno == ENOTDIR) return fmt::format("{} is gone", path.string());
      return fmt::format("{} cannot be looked at: {}", path.string(), std::strerror(errno));
    }
    if (identity_of(now) != identity_of(opened)) {
      return fmt::format("{} is another than the one that was opened", path.string());
    }
  }
  return std::nullopt;
}

}  // namespace slipstream
