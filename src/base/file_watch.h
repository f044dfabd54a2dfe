#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace slipstream {

/// Which file it is, whatever its name: comparable while one of the two is held open.
struct FileIdentity {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  friend bool operator==(const FileIdentity&, const FileIdentity&) = default;
};

/// Looks whether names still lead to the files and folders that a program works with. A file that
/// was deleted or replaced goes on to take writes without an error for as long as it is open, and
/// is gone when the process ends: only its name tells. Each file is held, so that no other can get
/// its number; holding takes no lock and gives none up. One thread at a time.
class FileWatch {
 public:
  FileWatch() = default;
  FileWatch(FileWatch&&) = default;
  FileWatch& operator=(FileWatch&&) = default;

  /// From now on `path` is to lead to what it leads to now. Nothing there: it is not watched.
  void add(std::filesystem::path path);
  /// What is wrong with the first that is not as it was, for people: "data/slipstream.db is gone".
  /// A file that is put back is well again.
  std::optional<std::string> look() const;

 private:
  class Held {
   public:
    explicit Held(int fd) : fd_(fd) {}
    Held(Held&& other) noexcept;
    Held& operator=(Held&& other) noexcept;
    ~Held();
    int fd() const { return fd_; }

   private:
    int fd_;
  };
  struct Watched {
    std::filesystem::path path;
    Held held;
  };
  std::vector<Watched> files_;
};

}  // namespace slipstream
