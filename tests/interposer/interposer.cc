// A library that is loaded before the C library, for tests alone. It stands between the program and
// the system: it sets the wall clock, fills the disk under one folder, and records what is written
// there, in which order, and what is synced.
//
// Not seen: what stdio writes (it calls the system from within the C library), memory that is
// mapped (SQLite's -shm, which need not survive), and the kernel's own stamps on datagrams.
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <mutex>
#include <string_view>

#include "control.h"

#define NEXT(name) \
  static const auto next = reinterpret_cast<decltype(&::name)>(dlsym(RTLD_NEXT, #name))

namespace slipstream::interposer {
namespace {

constexpr int kMaxDescriptors = 65'536;
constexpr off_t kDiskBlock = 4'096;
constexpr std::int64_t kNsPerSecond = 1'000'000'000;

struct Open {
  std::uint32_t handle = 0;  ///< 0: not ours
  bool appends = false;
};

class Interposer {
 public:
  /// Usable before static objects are made, and after they are gone.
  static Interposer& get() {
    static Interposer* const the_one = new Interposer;
    return *the_one;
  }

  std::int64_t wall_offset_ns() const {
    return control_ == nullptr ? 0 : control_->wall_offset_ns.load(std::memory_order_relaxed);
  }
  bool is_ours(const char* path) const {
    const std::string_view p = path;
    return control_ != nullptr && p.starts_with(folder_) &&
           (p.size() == folder_.size() || p[folder_.size()] == '/');
  }
  /// What has the folder in it is watched as well, for its being synced.
  bool is_watched(const char* path) const {
    return is_ours(path) || (control_ != nullptr && std::string_view(path) == above());
  }
  bool is_open(int fd) const { return handle(fd) != 0; }
  std::uint32_t handle(int fd) const {
    return fd >= 0 && fd < kMaxDescriptors ? open_[static_cast<std::size_t>(fd)].handle : 0;
  }

  template <typename Call>
  int open(const char* path, int flags, Call call) {
    if (!is_watched(path)) return call();
    const std::lock_guard lock(mutex_);
    struct stat status{};
    const bool is_new = ::lstat(path, &status) != 0;
    if (is_new && (flags & O_CREAT) != 0 && refuses_space()) return -1;
    const int fd = call();
    if (fd < 0 || fd >= kMaxDescriptors) return fd;
    const std::uint32_t handle = ++control_->handles;
    open_[static_cast<std::size_t>(fd)] = {handle, (flags & O_APPEND) != 0};
    record(is_new ? EventKind::kCreate : EventKind::kOpen, handle, 0, relative(path));
    if (!is_new && (flags & O_TRUNC) != 0) record(EventKind::kTruncate, handle, 0);
    return fd;
  }
  void close(int fd) {
    if (!is_open(fd)) return;
    const std::lock_guard lock(mutex_);
    open_[static_cast<std::size_t>(fd)] = {};
  }

  /// `at` < 0: where the file stands. `call` writes no more than so many bytes.
  template <typename Call>
  ssize_t write(int fd, std::string_view bytes, off_t at, Call call) {
    const std::lock_guard lock(mutex_);
    struct stat status{};
    if (::fstat(fd, &status) != 0) return -1;
    if (at < 0) {
      at = open_[static_cast<std::size_t>(fd)].appends ? status.st_size : ::lseek(fd, 0, SEEK_CUR);
    }
    // The last block is there whole, though the file ends in it.
    const off_t blocks_end = (status.st_size + kDiskBlock - 1) / kDiskBlock * kDiskBlock;
    const off_t end = at + static_cast<off_t>(bytes.size());
    if (end > blocks_end && control_->disk_is_full.load() != 0) {
      if (at >= blocks_end) return refuses_space() ? -1 : 0;
      bytes = bytes.substr(0, static_cast<std::size_t>(blocks_end - at));
    }
    const ssize_t written = call(bytes.size());
    if (written > 0) {
      record(EventKind::kWrite, handle(fd), static_cast<std::uint64_t>(at),
             bytes.substr(0, static_cast<std::size_t>(written)));
    }
    return written;
  }

  template <typename Call>
  int resize(int fd, off_t size, bool only_grows, Call call) {
    const std::lock_guard lock(mutex_);
    struct stat status{};
    if (::fstat(fd, &status) != 0) return -1;
    if (only_grows && size > status.st_size && refuses_space()) return -1;
    const int result = call();
    if (result == 0 && (!only_grows || size > status.st_size)) {
      record(EventKind::kTruncate, handle(fd), static_cast<std::uint64_t>(size));
    }
    return result;
  }

  template <typename Call>
  int sync(int fd, Call call) {
    std::unique_lock lock(mutex_);
    const std::uint64_t begun = record(EventKind::kSyncBegin, handle(fd), 0);
    lock.unlock();
    const int result = call();
    lock.lock();
    if (result == 0) record(EventKind::kSyncEnd, handle(fd), begun);
    return result;
  }

  template <typename Call>
  int change_names(EventKind kind, bool takes_space, const char* path, const char* other,
                   Call call) {
    if (!is_ours(path)) return call();
    const std::lock_guard lock(mutex_);
    if (takes_space && refuses_space()) return -1;
    const int result = call();
    if (result == 0) {
      record(kind, 0, 0, relative(path), other == nullptr ? std::string_view{} : relative(other));
    }
    return result;
  }

 private:
  Interposer() {
    const char* const control = getenv(kControlVariable);
    const char* const folder = getenv(kFolderVariable);
    if (control == nullptr || folder == nullptr) return;
    const int fd = system_open(control, O_RDWR);
    void* const shared =
        ::mmap(nullptr, sizeof(Control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (fd < 0 || shared == MAP_FAILED) fail("the control file cannot be mapped");
    folder_ = folder;
    control_ = static_cast<Control*>(shared);
    if (const char* const recording = getenv(kRecordingVariable)) {
      recording_ = system_open(recording, O_WRONLY | O_CREAT | O_APPEND);
      if (recording_ < 0) fail("the recording cannot be written");
    }
  }

  [[noreturn]] static void fail(std::string_view why) {
    syscall(SYS_write, STDERR_FILENO, why.data(), why.size());
    _exit(97);
  }
  static int system_open(const char* path, int flags) {
    return static_cast<int>(syscall(SYS_openat, AT_FDCWD, path, flags | O_CLOEXEC, 0600));
  }

  std::string_view above() const { return folder_.substr(0, folder_.rfind('/')); }
  std::string_view relative(std::string_view path) const {
    return path.substr(std::min(path.size(), above().size() + 1));
  }

  bool refuses_space() {
    if (control_->disk_is_full.load() == 0) return false;
    ++control_->refused_for_space;
    errno = ENOSPC;
    return true;
  }

  /// The event's number among all.
  std::uint64_t record(EventKind kind, std::uint32_t handle, std::uint64_t number,
                       std::string_view text = {}, std::string_view other = {}) {
    if (recording_ < 0) return 0;
    EventHeader header{kind, handle, number, static_cast<std::uint32_t>(text.size()),
                       static_cast<std::uint32_t>(other.size())};
    const iovec parts[] = {{&header, sizeof header},
                           {const_cast<char*>(text.data()), text.size()},
                           {const_cast<char*>(other.data()), other.size()}};
    const int before = errno;
    const auto whole = static_cast<long>(sizeof header + text.size() + other.size());
    if (syscall(SYS_writev, recording_, parts, 3) != whole) fail("the recording cannot be written");
    errno = before;
    return control_->events.fetch_add(1);
  }

  Control* control_ = nullptr;
  std::string_view folder_;
  int recording_ = -1;
  std::mutex mutex_;  // guards the recording and what it tells of
  std::array<Open, kMaxDescriptors> open_{};
};

void move_on(timespec& time, std::int64_t by_ns) {
  const std::int64_t ns = time.tv_sec * kNsPerSecond + time.tv_nsec + by_ns;
  time = {ns / kNsPerSecond, ns % kNsPerSecond};
}

mode_t mode_of(int flags, va_list arguments) {
  return (flags & O_CREAT) != 0 ? va_arg(arguments, mode_t) : 0;
}

template <typename Next>
ssize_t write_at(int fd, const void* data, std::size_t size, off_t at, Next next) {
  Interposer& interposer = Interposer::get();
  if (!interposer.is_open(fd)) return next(fd, data, size, at);
  return interposer.write(fd, {static_cast<const char*>(data), size}, at,
                          [&](std::size_t n) { return next(fd, data, n, at); });
}

template <typename Next>
int resize(int fd, off_t size, Next next) {
  Interposer& interposer = Interposer::get();
  const auto call = [&] { return next(fd, size); };
  return interposer.is_open(fd) ? interposer.resize(fd, size, false, call) : call();
}

template <typename Next>
int sync_file(int fd, Next next) {
  Interposer& interposer = Interposer::get();
  const auto call = [&] { return next(fd); };
  return interposer.is_open(fd) ? interposer.sync(fd, call) : call();
}

}  // namespace
}  // namespace slipstream::interposer

using slipstream::interposer::EventKind;
using slipstream::interposer::Interposer;

extern "C" {

int clock_gettime(clockid_t clock, timespec* out) noexcept {
  NEXT(clock_gettime);
  const int result = next(clock, out);
  if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
    slipstream::interposer::move_on(*out, Interposer::get().wall_offset_ns());
  }
  return result;
}

int gettimeofday(timeval* out, void*) noexcept {
  timespec now{};
  const int result = clock_gettime(CLOCK_REALTIME, &now);
  *out = {now.tv_sec, now.tv_nsec / 1'000};
  return result;
}

time_t time(time_t* out) noexcept {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  if (out != nullptr) *out = now.tv_sec;
  return now.tv_sec;
}

int open(const char* path, int flags, ...) {
  NEXT(open);
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = slipstream::interposer::mode_of(flags, arguments);
  va_end(arguments);
  return Interposer::get().open(path, flags, [&] { return next(path, flags, mode); });
}

int open64(const char* path, int flags, ...) {
  NEXT(open64);
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = slipstream::interposer::mode_of(flags, arguments);
  va_end(arguments);
  return Interposer::get().open(path, flags, [&] { return next(path, flags, mode); });
}

int close(int fd) {
  NEXT(close);
  Interposer::get().close(fd);
  return next(fd);
}

ssize_t write(int fd, const void* data, size_t size) {
  NEXT(write);
  Interposer& interposer = Interposer::get();
  if (!interposer.is_open(fd)) return next(fd, data, size);
  return interposer.write(fd, {static_cast<const char*>(data), size}, -1,
                          [&](std::size_t n) { return next(fd, data, n); });
}

ssize_t pwrite(int fd, const void* data, size_t size, off_t at) {
  NEXT(pwrite);
  return slipstream::interposer::write_at(fd, data, size, at, next);
}

ssize_t pwrite64(int fd, const void* data, size_t size, off64_t at) {
  NEXT(pwrite64);
  return slipstream::interposer::write_at(fd, data, size, at, next);
}

ssize_t writev(int fd, const iovec* parts, int count) {
  NEXT(writev);
  if (!Interposer::get().is_open(fd)) return next(fd, parts, count);
  // A short write is what the caller must reckon with anyway.
  return count == 0 ? 0 : write(fd, parts[0].iov_base, parts[0].iov_len);
}

int ftruncate(int fd, off_t size) noexcept {
  NEXT(ftruncate);
  return slipstream::interposer::resize(fd, size, next);
}

int ftruncate64(int fd, off64_t size) noexcept {
  NEXT(ftruncate64);
  return slipstream::interposer::resize(fd, size, next);
}

int posix_fallocate(int fd, off_t at, off_t size) {
  NEXT(posix_fallocate);
  Interposer& interposer = Interposer::get();
  if (!interposer.is_open(fd)) return next(fd, at, size);
  // It tells its error by its result.
  const int result =
      interposer.resize(fd, at + size, true, [&] { return next(fd, at, size) == 0 ? 0 : -1; });
  return result == 0 ? 0 : ENOSPC;
}

int fallocate(int fd, int mode, off_t at, off_t size) {
  NEXT(fallocate);
  Interposer& interposer = Interposer::get();
  if (!interposer.is_open(fd)) return next(fd, mode, at, size);
  if (mode != 0) {
    errno = EOPNOTSUPP;
    return -1;
  }
  return interposer.resize(fd, at + size, true, [&] { return next(fd, mode, at, size); });
}

int fsync(int fd) {
  NEXT(fsync);
  return slipstream::interposer::sync_file(fd, next);
}

int fdatasync(int fd) {
  NEXT(fdatasync);
  return slipstream::interposer::sync_file(fd, next);
}

int rename(const char* from, const char* to) noexcept {
  NEXT(rename);
  return Interposer::get().change_names(EventKind::kRename, false, from, to,
                                        [&] { return next(from, to); });
}

int link(const char* from, const char* to) noexcept {
  NEXT(link);
  return Interposer::get().change_names(EventKind::kLink, true, from, to,
                                        [&] { return next(from, to); });
}

int unlink(const char* path) noexcept {
  NEXT(unlink);
  return Interposer::get().change_names(EventKind::kUnlink, false, path, nullptr,
                                        [&] { return next(path); });
}

int mkdir(const char* path, mode_t mode) noexcept {
  NEXT(mkdir);
  return Interposer::get().change_names(EventKind::kMakeFolder, true, path, nullptr,
                                        [&] { return next(path, mode); });
}

}  // extern "C"
