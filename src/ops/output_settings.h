#pragma once
#include <toml++/toml.h>

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "ops/config.h"
#include "output/output_kinds.h"

namespace slipstream {

/// Reads the tables [[output]], each of one of `kinds`.
void read_outputs(const toml::node& node, std::span<const OutputKind> kinds,
                  std::vector<OutputSettings>& outputs,
                  const std::function<void(const toml::node& at, std::string message)>& fault);

/// What only the whole configuration tells: windows that there are not, names that are there twice.
void check_outputs(const Config& config,
                   const std::function<void(std::string where, std::string message)>& fault);

}  // namespace slipstream
