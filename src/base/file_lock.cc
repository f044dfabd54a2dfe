#include "base/file_lock.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <fstream>
#include <functional>
#include <set>
#include <string_view>
#include <utility>

namespace slipstream {
namespace {

constexpr std::size_t kMaxNamed = 3;

std::string process_name(int pid) {
  std::ifstream file(fmt::format("/proc/{}/comm", pid));
  std::string name;
  std::getline(file, name);
  return name.empty() ? fmt::format("process {}", pid) : fmt::format("process {} ({})", pid, name);
}

/// A line of /proc/locks: "7: POSIX  ADVISORY  READ 4711 fe:01:131 124 EOF".
struct LockLine {
  char kind[16] = {};
  int pid = 0;
  unsigned device_major = 0;
  unsigned device_minor = 0;
  unsigned long inode = 0;
  unsigned long first = 0;
  char last[24] = {};

  bool parse(const std::string& line) {
    return std::sscanf(line.c_str(), "%*s %15s %*s %*s %d %x:%x:%lu %lu %23s", kind, &pid,
                       &device_major, &device_minor, &inode, &first, last) == 7;
  }
  bool is_of(const struct stat& file) const {
    return inode == file.st_ino && device_major == major(file.st_dev) &&
           device_minor == minor(file.st_dev);
  }
  bool touches(LockedBytes bytes) const {
    const bool is_open_ended = std::string_view(last) == "EOF";
    return first <= bytes.last && (is_open_ended || std::stoull(last) >= bytes.first);
  }
};

std::string holders(const std::filesystem::path& path,
                    const std::function<bool(const LockLine&)>& counts) {
  struct stat file{};
  if (::stat(path.c_str(), &file) != 0) return {};
  std::ifstream locks("/proc/locks");
  std::set<int> pids;
  for (std::string text; std::getline(locks, text);) {
    LockLine line;
    if (line.parse(text) && line.pid > 0 && line.is_of(file) && counts(line)) pids.insert(line.pid);
  }
  std::string names;
  std::size_t named = 0;
  for (const int pid : pids) {
    if (named++ == kMaxNamed) return names + " and others";
    names += (names.empty() ? "" : ", ") + process_name(pid);
  }
  return names;
}

}  // namespace

std::string record_lock_holders(const std::filesystem::path& path, LockedBytes bytes) {
  return holders(path, [bytes](const LockLine& line) {
    return std::string_view(line.kind) == "POSIX" && line.pid != ::getpid() && line.touches(bytes);
  });
}

std::string file_lock_holders(const std::filesystem::path& path) {
  return holders(path, [](const LockLine& line) { return std::string_view(line.kind) == "FLOCK"; });
}

Result<FileLock> FileLock::take(const std::filesystem::path& path) {
  std::error_code none;
  const bool is_folder = std::filesystem::is_directory(path, none);
  const int flags = is_folder ? O_RDONLY | O_DIRECTORY : O_RDWR | O_CREAT;
  int fd = -1;
  do {
    fd = ::open(path.c_str(), flags | O_CLOEXEC, 0644);
  } while (fd < 0 && errno == EINTR);
  if (fd < 0) return std::unexpected(errno_error("cannot open " + path.string(), errno));
  FileLock lock(fd);
  if (::flock(fd, LOCK_EX | LOCK_NB) == 0) return lock;
  if (errno != EWOULDBLOCK) {
    return std::unexpected(errno_error("cannot lock " + path.string(), errno));
  }
  const std::string who = file_lock_holders(path);
  return fail(
      fmt::format("{} is in use by {}", path.string(), who.empty() ? "another process" : who),
      ErrorCode::kRefused);
}

FileLock::FileLock(FileLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

FileLock& FileLock::operator=(FileLock&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

FileLock::~FileLock() {
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace slipstream
