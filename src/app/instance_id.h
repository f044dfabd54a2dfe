#pragma once
#include <filesystem>
#include <string>

#include "base/error.h"
#include "log/file.h"

namespace slipstream {

/// What tells a data directory, and the server that has it, from all others: 32 random hex digits
/// in a small file there. Made where there is none yet, or none that can be read; whoever calls has
/// the directory to itself. Errors: it cannot be written.
Result<std::string> instance_id(FileSystem& files, const std::filesystem::path& data_dir);
/// The same, but not made: empty where there is none.
std::string known_instance_id(FileSystem& files, const std::filesystem::path& data_dir);

}  // namespace slipstream
