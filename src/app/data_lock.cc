#include "app/data_lock.h"

#include <fmt/format.h>

#include <utility>

#include "store/schema_sql.h"

namespace slipstream {

Result<DataLock> DataLock::take(const std::filesystem::path& data_dir) {
  std::error_code error;
  std::filesystem::create_directories(data_dir, error);
  if (error) {
    return fail(fmt::format("data directory {}: {}", data_dir.string(), error.message()),
                ErrorCode::kIo);
  }
  DataLock lock;
  for (const auto& [path, held] :
       {std::pair(data_dir, &lock.directory_), std::pair(data_dir / kStoreFile, &lock.store_)}) {
    auto taken = FileLock::take(path);
    if (!taken) {
      if (taken.error().code != ErrorCode::kRefused) return std::unexpected(taken.error());
      return fail(taken.error().message + ": a data directory belongs to one server at a time",
                  ErrorCode::kRefused);
    }
    *held = std::move(*taken);
  }
  return lock;
}

}  // namespace slipstream
