#pragma once
#include <cstdint>
#include <filesystem>
#include <string>

#include "base/error.h"

namespace slipstream {

/// An exclusive lock on a file or folder, held as long as the object lives. It is on what was
/// opened and not on its name: deleting a file that stands for a lock lets nobody in. The system
/// frees the lock of a process that ends, however it ends, so that there is never an old one to be
/// removed. Readers are not kept out. One thread at a time; to be closed after all that the program
/// holds of the same file, since closing a file lets go of the process's record locks on it
/// (SQLite's).
class FileLock {
 public:
  /// The file is created where it is missing, a folder is not. Fails at once where another holder
  /// has it, in this process or another, with who that is: kRefused.
  static Result<FileLock> take(const std::filesystem::path& path);
  FileLock() = default;
  FileLock(FileLock&& other) noexcept;
  FileLock& operator=(FileLock&& other) noexcept;
  ~FileLock();

 private:
  explicit FileLock(int fd) : fd_(fd) {}
  int fd_ = -1;
};

/// Bytes [first, last] of a file.
struct LockedBytes {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
};

/// Who but this process has a record lock on one of the bytes, by /proc/locks: "process 71
/// (sqlite3)", joined by commas. Empty: nobody, or the system does not tell. The file is not
/// opened, since closing it would let go of this process's own locks.
std::string record_lock_holders(const std::filesystem::path& path, LockedBytes bytes);
/// Likewise who has a FileLock, this process included.
std::string file_lock_holders(const std::filesystem::path& path);

}  // namespace slipstream
