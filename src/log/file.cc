#include "log/file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/fault.h"
#include "base/file_lock.h"

namespace slipstream {
namespace {

using Path = FileSystem::Path;

std::unexpected<Error> failed(std::string_view what, const Path& path) {
  const int code = errno;
  return std::unexpected(errno_error(fmt::format("{} {}", what, path.string()), code));
}

std::unexpected<Error> failed(std::string_view what, const Path& path, std::error_code code) {
  errno = code.value();
  return failed(what, path);
}

int open_retrying(const Path& path, int flags) {
  int fd = -1;
  do {
    fd = ::open(path.c_str(), flags | O_CLOEXEC, 0644);
  } while (fd < 0 && errno == EINTR);
  return fd;
}

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() { ::close(fd_); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  const int fd_;
};

class PosixFile final : public File {
 public:
  PosixFile(int fd, Path path) : fd_(fd), path_(std::move(path)) {}

  Result<std::size_t> write(std::string_view bytes) override {
    while (true) {
      const ssize_t n = ::write(fd_.get(), bytes.data(), bytes.size());
      if (n >= 0) return static_cast<std::size_t>(n);
      if (errno != EINTR) return failed("cannot write", path_);
    }
  }

  Result<std::size_t> read_at(std::uint64_t position, std::span<char> into) override {
    std::size_t done = 0;
    while (done < into.size()) {
      const ssize_t n = ::pread(fd_.get(), into.data() + done, into.size() - done,
                                static_cast<off_t>(position + done));
      if (n == 0) break;
      if (n > 0) {
        done += static_cast<std::size_t>(n);
      } else if (errno != EINTR) {
        return failed("cannot read", path_);
      }
    }
    return done;
  }

  // Not tried again after EINTR: what the first try did is unknown, so it counts as failed.
  Result<void> sync() override {
    SLIPSTREAM_FAULT_ERROR("fsync", path_.native());
    if (::fdatasync(fd_.get()) != 0) return failed("cannot sync", path_);
    return {};
  }

  Result<void> truncate(std::uint64_t size) override {
    if (::ftruncate(fd_.get(), static_cast<off_t>(size)) != 0) return failed("cannot cut", path_);
    return {};
  }

  void drop_cache() override { ::posix_fadvise(fd_.get(), 0, 0, POSIX_FADV_DONTNEED); }

  Result<std::uint64_t> size() override {
    struct stat status{};
    if (::fstat(fd_.get(), &status) != 0) return failed("cannot look at", path_);
    return static_cast<std::uint64_t>(status.st_size);
  }

  Result<FileIdentity> identity() override {
    struct stat status{};
    if (::fstat(fd_.get(), &status) != 0) return failed("cannot look at", path_);
    return FileIdentity{status.st_dev, status.st_ino};
  }

 private:
  Descriptor fd_;
  const Path path_;
};

class PosixLock final : public FolderLock {
 public:
  PosixLock(FileLock folder, FileLock file) : folder_(std::move(folder)), file_(std::move(file)) {}

 private:
  FileLock folder_;
  FileLock file_;
};

class PosixFileSystem final : public FileSystem {
 public:
  Result<std::unique_ptr<File>> open_append(const Path& path, OpenMode mode) override {
    const int create = mode == OpenMode::kCreateNew ? O_CREAT | O_EXCL : 0;
    return open(path, O_RDWR | O_APPEND | create);
  }
  Result<std::unique_ptr<File>> open_read(const Path& path) override {
    return open(path, O_RDONLY);
  }

  Result<std::vector<std::string>> list(const Path& folder) override {
    std::error_code code;
    std::vector<std::string> names;
    for (std::filesystem::directory_iterator it(folder, code), end; !code && it != end;
         it.increment(code)) {
      names.push_back(it->path().filename().string());
    }
    if (code) return failed("cannot list", folder, code);
    return names;
  }

  Result<void> remove(const Path& path) override {
    if (::unlink(path.c_str()) != 0) return failed("cannot remove", path);
    return {};
  }
  Result<void> rename(const Path& from, const Path& to) override {
    if (::rename(from.c_str(), to.c_str()) != 0) return failed("cannot rename", from);
    return {};
  }
  Result<void> link(const Path& from, const Path& to) override {
    if (::link(from.c_str(), to.c_str()) != 0) return failed("cannot link", to);
    return {};
  }

  Result<std::optional<FileIdentity>> identity(const Path& path) override {
    struct stat status{};
    if (::stat(path.c_str(), &status) == 0) return FileIdentity{status.st_dev, status.st_ino};
    if (errno == ENOENT || errno == ENOTDIR) return std::nullopt;
    return failed("cannot look at", path);
  }

  Result<std::uint64_t> free_bytes(const Path& folder) override {
    std::error_code error;
    const auto space = std::filesystem::space(folder, error);
    if (error) return failed("cannot look at the disk of", folder, error);
    return std::uint64_t{space.available};
  }

  Result<void> make_directories(const Path& folder) override {
    std::error_code code;
    Path whole = std::filesystem::absolute(folder, code).lexically_normal();
    if (!whole.has_filename()) whole = whole.parent_path();
    std::vector<Path> parents;  // of what is not there yet
    for (Path at = whole; !code && !std::filesystem::exists(at, code); at = at.parent_path()) {
      parents.push_back(at.parent_path());
    }
    if (!code) std::filesystem::create_directories(whole, code);
    if (code) return failed("cannot create", folder, code);
    for (const Path& parent : parents) {
      if (auto synced = sync_directory(parent); !synced) return synced;
    }
    // An earlier run may have made it and ended before this; where it is somebody else's, who may
    // not be looked into, it has been there for long.
    if (parents.empty()) static_cast<void>(sync_directory(whole.parent_path()));
    return {};
  }

  Result<void> sync_directory(const Path& folder) override {
    const int fd = open_retrying(folder, O_RDONLY | O_DIRECTORY);
    if (fd < 0) return failed("cannot open", folder);
    const Descriptor descriptor(fd);
    if (::fsync(fd) != 0) return failed("cannot sync", folder);
    return {};
  }

  Result<std::unique_ptr<FolderLock>> lock(const Path& folder) override {
    // The folder itself, which nobody can delete unnoticed; and the file, by which older versions
    // know each other.
    auto itself = FileLock::take(folder);
    if (!itself) return std::unexpected(itself.error());
    auto file = FileLock::take(folder / "lock");
    if (!file) return std::unexpected(file.error());
    return std::make_unique<PosixLock>(std::move(*itself), std::move(*file));
  }

 private:
  static Result<std::unique_ptr<File>> open(const Path& path, int flags) {
    const int fd = open_retrying(path, flags);
    if (fd < 0) return failed("cannot open", path);
    return std::make_unique<PosixFile>(fd, path);
  }
};

}  // namespace

FileSystem& posix_file_system() {
  static PosixFileSystem file_system;
  return file_system;
}

Result<void> write_all(File& file, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto n = file.write(bytes);
    if (!n) return std::unexpected(n.error());
    if (*n == 0) return fail("a write took nothing");
    bytes.remove_prefix(*n);
  }
  return {};
}

}  // namespace slipstream
