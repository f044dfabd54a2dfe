#include "cli/output_file.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace slipstream {

Result<OutputFile> OutputFile::open(const std::string& file) {
  if (file.empty()) return OutputFile(stdout, "stdout");
  std::FILE* const opened = std::fopen(file.c_str(), "wb");
  if (opened == nullptr) return std::unexpected(errno_error(file, errno));
  return OutputFile(opened, file);
}

Result<OutputFile> OutputFile::resume(const std::string& file) {
  std::FILE* const opened = std::fopen(file.c_str(), "r+b");
  if (opened == nullptr && errno == ENOENT) return open(file);
  if (opened == nullptr) return std::unexpected(errno_error(file, errno));
  OutputFile output(opened, file);
  struct stat about{};
  if (fstat(fileno(opened), &about) != 0) return std::unexpected(errno_error(file, errno));
  if (!S_ISREG(about.st_mode)) return fail(file + " is no file that could go on");
  output.kept_bytes_ = static_cast<std::uint64_t>(about.st_size);
  return output;
}

/// The part that stands behind what the file holds.
Result<std::string_view> OutputFile::compare(std::string_view text) {
  const auto size =
      static_cast<std::size_t>(std::min<std::uint64_t>(text.size(), kept_bytes_ - compared_bytes_));
  kept_.resize(size);
  if (std::fread(kept_.data(), 1, size, file_.get()) != size) {
    return std::unexpected(errno_error(name_, errno));
  }
  const std::string_view expected = text.substr(0, size);
  const auto differs = std::ranges::mismatch(kept_, expected).in1 - kept_.begin();
  if (static_cast<std::size_t>(differs) < size) {
    return fail(fmt::format("{} is not the beginning of this export, and stays as it is: from its "
                            "byte {} on it holds something else",
                            name_, compared_bytes_ + static_cast<std::uint64_t>(differs)),
                ErrorCode::kRefused);
  }
  compared_bytes_ += size;
  // Between reading and writing a stream has to be told where it is.
  if (compared_bytes_ == kept_bytes_ && std::fseek(file_.get(), 0, SEEK_END) != 0) {
    return std::unexpected(errno_error(name_, errno));
  }
  return text.substr(size);
}

Result<void> OutputFile::write(std::string_view text) {
  if (compared_bytes_ < kept_bytes_) {
    const auto rest = compare(text);
    if (!rest) return std::unexpected(rest.error());
    text = *rest;
  }
  if (std::fwrite(text.data(), 1, text.size(), file_.get()) == text.size()) return {};
  return std::unexpected(errno_error(name_, errno));
}

Result<void> OutputFile::finish() {
  std::FILE* const file = file_.release();
  if ((file == stdout ? std::fflush(file) : std::fclose(file)) != 0) {
    return std::unexpected(errno_error(name_, errno));
  }
  if (compared_bytes_ == kept_bytes_) return {};
  return fail(
      fmt::format("{} holds more than this export, and stays as it is: it would end at byte "
                  "{} of {}",
                  name_, compared_bytes_, kept_bytes_),
      ErrorCode::kRefused);
}

bool OutputFile::is_terminal() const {
  return isatty(fileno(file_.get())) == 1;
}

}  // namespace slipstream
