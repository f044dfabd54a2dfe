#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/file_watch.h"

namespace slipstream {

/// An open file; closed when destroyed. The seam at which tests put in their faults.
/// Threads: write() and truncate() from one at a time, the rest from any beside it.
class File {
 public:
  virtual ~File() = default;
  /// Appends; may take fewer bytes than it was given, as write(2) does.
  virtual Result<std::size_t> write(std::string_view bytes) = 0;
  /// Returns fewer bytes than asked for only at the end of the file.
  virtual Result<std::size_t> read_at(std::uint64_t position, std::span<char> into) = 0;
  /// fdatasync. After a failure nothing that was not synced before may be taken for durable: the
  /// kernel can drop the pages and let the next sync succeed.
  virtual Result<void> sync() = 0;
  virtual Result<void> truncate(std::uint64_t size) = 0;
  /// What is read after this comes from the disk, as far as the system can do that and but for what
  /// is not synced: a page that a failed sync could not write is otherwise there until the machine
  /// stops.
  virtual void drop_cache() = 0;
  virtual Result<std::uint64_t> size() = 0;
  virtual Result<FileIdentity> identity() = 0;
};

/// Held as long as the object lives. The lock of a process that was killed is free.
class FolderLock {
 public:
  virtual ~FolderLock() = default;
};

enum class OpenMode {
  kExisting,
  kCreateNew,  ///< fails where the file is there already
};

/// Threads: any.
class FileSystem {
 public:
  using Path = std::filesystem::path;

  virtual ~FileSystem() = default;
  virtual Result<std::unique_ptr<File>> open_append(const Path& path, OpenMode mode) = 0;
  virtual Result<std::unique_ptr<File>> open_read(const Path& path) = 0;
  /// Names without the folder, in no order.
  virtual Result<std::vector<std::string>> list(const Path& folder) = 0;
  virtual Result<void> remove(const Path& path) = 0;
  /// What the name leads to; nothing: there is nothing.
  virtual Result<std::optional<FileIdentity>> identity(const Path& path) = 0;
  /// Replaces what has the name; after a crash it is one or the other.
  virtual Result<void> rename(const Path& from, const Path& to) = 0;
  /// A second name for the same file.
  virtual Result<void> link(const Path& from, const Path& to) = 0;
  /// The folder and those above it that are not there; their names are on the disk when this
  /// returns.
  virtual Result<void> make_directories(const Path& folder) = 0;
  /// Makes files created, renamed and removed in the folder so for good.
  virtual Result<void> sync_directory(const Path& folder) = 0;
  /// What may still be written to the disk that the folder is on.
  virtual Result<std::uint64_t> free_bytes(const Path& folder) = 0;
  /// Fails at once where another holder has it, in this process or another, with who that is.
  virtual Result<std::unique_ptr<FolderLock>> lock(const Path& folder) = 0;
};

FileSystem& posix_file_system();

/// Writes all of it, however short the writes turn out.
Result<void> write_all(File& file, std::string_view bytes);

}  // namespace slipstream
