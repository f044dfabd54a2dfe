#pragma once
#include <toml++/toml.h>

#include <functional>
#include <string>

#include "ops/config.h"
#include "ops/udp_settings.h"

namespace slipstream {

/// Reads the tables [[format]]. What they say is looked at by check_formats(), once the names of
/// the schema are known.
void read_formats(const toml::node& node, std::vector<game::PackedFormat>& formats,
                  const FaultAt& fault, const NoteAt& note);

void check_formats(const Config& config,
                   const std::function<void(std::string where, std::string message)>& fault);

}  // namespace slipstream
