#pragma once
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "base/error.h"

namespace slipstream {

/// The file, or stdout. One thread.
class OutputFile {
 public:
  /// What stands in the file is gone. Empty: stdout.
  static Result<OutputFile> open(const std::string& file);
  /// What stands in the file has to be what is written first: it is compared and stays, and what
  /// comes behind it is written. A file that is not there is made.
  static Result<OutputFile> resume(const std::string& file);

  /// Errors: the device's; kRefused where the file that goes on holds something else there.
  Result<void> write(std::string_view text);
  /// A full disk may show only now. kRefused where the file that goes on holds more.
  Result<void> finish();
  bool is_terminal() const;
  /// So many bytes stood in the file that goes on.
  std::uint64_t kept_bytes() const { return kept_bytes_; }

 private:
  struct Close {
    void operator()(std::FILE* file) const {
      if (file != stdout) std::fclose(file);
    }
  };
  OutputFile(std::FILE* file, std::string name) : file_(file), name_(std::move(name)) {}
  Result<std::string_view> compare(std::string_view text);

  std::unique_ptr<std::FILE, Close> file_;
  std::string name_;
  std::uint64_t kept_bytes_ = 0;
  std::uint64_t compared_bytes_ = 0;
  std::string kept_;  ///< read to be compared
};

}  // namespace slipstream
