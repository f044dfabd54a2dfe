#pragma once
#include <expected>
#include <string>
#include <vector>

#include "ops/config.h"

namespace slipstream {

/// The configuration as every subcommand takes it: `file`, or where that is empty ./slipstream.toml
/// if there is one; the environment wins.
std::expected<Config, std::vector<ConfigFault>> read_configuration(const std::string& file);

/// Prints faults to stderr, one a line.
void print_faults(const std::vector<ConfigFault>& faults);

}  // namespace slipstream
