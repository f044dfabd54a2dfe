#pragma once
#include <filesystem>

#include "cli/commands.h"
#include "cli/export_scope.h"

namespace slipstream {

/// Writes MoTeC logs of what is in the scope: of a lap a file (and its .ldx beside it), of a
/// session a folder with one for each machine. Memory: a machine's points, and one channel's
/// samples. Returns the exit code.
int run_export_motec(const ExportOptions& options, const ExportScope& scope,
                     const std::filesystem::path& data_dir);

}  // namespace slipstream
