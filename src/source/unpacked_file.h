#pragma once
#include <filesystem>
#include <string>

#include "base/error.h"

namespace slipstream {

/// What a file holds, without what gzip or zstd put around it; told by its first bytes, whatever
/// it is called.
struct UnpackedFile {
  static constexpr std::size_t kMaxBytes = std::size_t{4} << 30;

  std::string bytes;       ///< with Decoder::kPadding readable ones behind
  std::string fault = {};  ///< why the packed form gave no more, with the file's name; empty: whole
};

/// Reads all of it into memory. Errors: the file cannot be read.
Result<UnpackedFile> read_unpacked(const std::filesystem::path& file);

}  // namespace slipstream
