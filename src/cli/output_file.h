#pragma once
#include <unistd.h>

#include <cerrno>
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
  static Result<OutputFile> open(const std::string& file) {
    if (file.empty()) return OutputFile(stdout, "stdout");
    std::FILE* const opened = std::fopen(file.c_str(), "wb");
    if (opened == nullptr) return std::unexpected(errno_error(file, errno));
    return OutputFile(opened, file);
  }

  Result<void> write(std::string_view text) {
    if (std::fwrite(text.data(), 1, text.size(), file_.get()) == text.size()) return {};
    return std::unexpected(errno_error(name_, errno));
  }
  /// A full disk may show only now.
  Result<void> finish() {
    std::FILE* const file = file_.release();
    if ((file == stdout ? std::fflush(file) : std::fclose(file)) == 0) return {};
    return std::unexpected(errno_error(name_, errno));
  }
  bool is_terminal() const { return isatty(fileno(file_.get())) == 1; }

 private:
  struct Close {
    void operator()(std::FILE* file) const {
      if (file != stdout) std::fclose(file);
    }
  };
  OutputFile(std::FILE* file, std::string name) : file_(file), name_(std::move(name)) {}

  std::unique_ptr<std::FILE, Close> file_;
  std::string name_;
};

}  // namespace slipstream
