#pragma once
#include <filesystem>

#include "base/file_lock.h"

namespace slipstream {

/// A data directory belongs to one server at a time, or to a command that changes it. Held on the
/// directory and on the store's file themselves: whoever deletes or replaces one of them is still
/// kept out by the other, and by the lock that the log has on its folder. Who only reads (export,
/// log, sqlite3) asks nobody. To be taken before the store is opened, and to be given up after it
/// is closed.
class DataLock {
 public:
  /// Makes what is missing. Errors: kRefused, with who has it.
  static Result<DataLock> take(const std::filesystem::path& data_dir);
  DataLock() = default;

 private:
  FileLock directory_;
  FileLock store_;
};

}  // namespace slipstream
